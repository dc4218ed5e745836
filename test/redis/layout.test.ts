import type { SessionRecord } from '../../lib/session/record'
import { at, newHandle, newHash, sessionWith, setting } from '../contract/samples'
import { withRedis } from '../support/with-redis'

const redis = withRedis()

const ms = (seconds: number) => String(Math.round(at(seconds) * 1000))
const short = (seconds: number) => Math.round(at(seconds) * 1000).toString(36)
const full: Partial<SessionRecord> = {
  epoch: 3,
  subject: 'u1',
  context: { ip: '::1' },
  accessedAt: at(5),
  idleUntil: at(65),
  previous: [newHash()],
  previousUntil: at(30),
  pending: [newHash(), newHash()],
}

async function kept(parts: Partial<SessionRecord> = {}, fields: Record<string, string> = {}): Promise<string> {
  const handle = newHandle()
  await redis.store.insert(handle, sessionWith(parts, fields), at(0))
  return handle
}

test('the layout is the documented one', async () => {
  const session = sessionWith(full, { 'v:a': '1', 'f:b': '"x"' })
  await redis.store.insert('theHandle', session, at(0))
  const { hash, previous, pending } = session.record
  const times = [0, 0, 5, 86_400, 65, 30].map(short).join(' ')
  const subject = 'u4IDDbwryroyqQvy4geoSo'
  const index = `sess:u:${subject}`
  expect({ ...(await redis.client.hGetAll('sess:theHandle')) }).toEqual({
    m: `${ms(65)}${hash}3+`,
    t: `1 ${times}`,
    p: previous?.join(','),
    n: pending?.join(','),
    s: 'u1',
    x: '{"ip":"::1"}',
    b: expect.stringMatching(/^\d{13}$/),
    u: `${subject} ${short(0)} ${short(86_400)}`,
    'v:a': '1',
    'f:b': '"x"',
  })
  expect((await redis.client.keys('*')).sort()).toEqual(['sess:theHandle', index].sort())
  const entry = { value: `theHandle:${short(0)}`, score: Number(ms(86_400)) }
  expect(await redis.client.zRangeWithScores(index, 0, -1)).toEqual([entry])
})

test('what has nothing to say is a dash, and has no field', async () => {
  const session = sessionWith()
  await redis.store.insert('theHandle', session, at(0))
  expect({ ...(await redis.client.hGetAll('sess:theHandle')) }).toEqual({
    m: `${ms(86_400)}${session.record.hash}0`,
    t: `1 ${short(0)} ${short(0)} ${short(0)} ${short(86_400)} - -`,
  })
})

test('a change sets and removes the fields of the layout that it has to, and no others', async () => {
  const handle = await kept({}, { 'v:a': '1' })
  const key = `sess:${handle}`
  const [from, to] = [String(await redis.client.hGet(key, 'm')).slice(13, 56), newHash()]
  const renew = { from, to, issuedAt: at(5), previousUntil: at(35) }
  await redis.store.change(handle, { renew }, at(5))
  const times = `${short(0)} ${short(0)} ${short(0)} ${short(86_400)} -`
  expect(await redis.client.hmGet(key, ['m', 't', 'n'])).toEqual([
    `${ms(86_400)}${from}0`,
    `1 ${times} ${short(35)}`,
    to,
  ])
  await redis.store.change(handle, { confirm: { hash: to, issuedAt: at(6) } }, at(6))
  expect(await redis.client.hmGet(key, ['m', 'p', 'n'])).toEqual([`${ms(86_400)}${to}0`, from, null])
  const hash = newHash()
  const bind = { subject: 'u1', createdAt: at(7), idleUntil: at(99), expiresAt: at(999) }
  await redis.store.change(handle, { replace: { hash, issuedAt: at(7) }, bind }, at(7))
  expect({ ...(await redis.client.hGetAll(key)) }).toEqual({
    m: `${ms(99)}${hash}1+`,
    t: `1 ${short(7)} ${short(7)} ${short(7)} ${short(999)} ${short(99)} -`,
    s: 'u1',
    b: expect.stringMatching(/^\d{13}$/),
    u: expect.stringMatching(/^[\w-]{22} /),
    'v:a': '1',
  })
  await redis.store.change(handle, { bind: { createdAt: at(8), expiresAt: at(999) } }, at(8))
  expect({ ...(await redis.client.hGetAll(key)) }).toEqual({
    m: `${ms(999)}${hash}1`,
    t: `1 ${short(8)} ${short(7)} ${short(8)} ${short(999)} - -`,
    'v:a': '1',
  })
})

describe('memory', () => {
  const fields = { 'v:user': '"user-1234"', 'v:views': '12' }

  async function bytesOf(key: string): Promise<number> {
    return Number(await redis.client.memoryUsage(key))
  }

  test('a small session takes at most 380 bytes, and a login at most 450 with its entry in an index of its own', async () => {
    const visitor = `sess:${await kept({}, fields)}`
    expect(await bytesOf(visitor)).toBeLessThanOrEqual(380)
    const login = `sess:${await kept({ subject: 'user-1234', context: { ip: '203.0.113.7' } }, { 'v:views': '12' })}`
    const [index = ''] = await redis.client.keys('sess:u:*')
    expect((await bytesOf(login)) + (await bytesOf(index))).toBeLessThanOrEqual(450)
  })

  test('the fields of a record leave the hash in one block, whatever happens to the session', async () => {
    const handle = await kept({ subject: 'user-1234', context: { ip: '203.0.113.7' }, idleUntil: at(600) }, fields)
    const key = `sess:${handle}`
    const from = String(await redis.client.hGet(key, 'm')).slice(13, 56)
    const to = newHash()
    await redis.store.change(handle, { renew: { from, to, issuedAt: at(2), previousUntil: at(30) } }, at(2))
    await redis.store.change(handle, { confirm: { hash: to, issuedAt: at(3) } }, at(3))
    await redis.store.watch(handle, at(3), at(60))
    await redis.store.change(handle, { access: { accessedAt: at(4), idleUntil: at(604) } }, at(4))
    expect(await redis.client.objectEncoding(key)).toBe('listpack')
  })
})

test('what a later version adds is ignored, and left in place by every change', async () => {
  const handle = await kept(full, { 'v:a': '1' })
  const key = `sess:${handle}`
  const loaded = await redis.store.load(handle, at(1))
  const words = String(await redis.client.hGet(key, 't')).split(' ')
  await redis.client.hSet(key, { t: ['2', ...words.slice(1), 'more', 'words'].join(' '), q: 'more', '€': 'more' })
  expect(await redis.store.load(handle, at(1))).toEqual(loaded)
  await redis.store.change(handle, setting({ 'v:a': '2' }), at(9))
  const replace = { hash: newHash(), issuedAt: at(9) }
  await redis.store.change(handle, { replace, access: { accessedAt: at(9), idleUntil: at(70) } }, at(9))
  expect(await redis.client.hmGet(key, ['m', 't', 'q', '€'])).toEqual([
    `${ms(70)}${replace.hash}4+`,
    `2 ${short(0)} ${short(9)} ${short(9)} ${short(86_400)} ${short(70)} - more words`,
    'more',
    'more',
  ])
})

describe('a key that holds something else is no session, and stays as it is', () => {
  const summary = `9999999999999${'A'.repeat(43)}0`
  const times = (expires = 'zzzzzzzz') => `1 1 1 1 ${expires} - -`
  const foreign: [string, string[]][] = [
    ['text', ['SET', 'key', 'x']],
    ['list', ['RPUSH', 'key', 'm', 'x']],
    ['set', ['SADD', 'key', 'm']],
    ['sorted set', ['ZADD', 'key', '1', 'm']],
    ['stream', ['XADD', 'key', '*', 'm', 'x']],
    ['hash', ['HSET', 'key', 'name', 'x']],
    ['text in m', ['HSET', 'key', 'm', 'hello', 't', times()]],
    ['m without an epoch', ['HSET', 'key', 'm', `9999999999999${newHash()}`, 't', times()]],
    ['m with a sign', ['HSET', 'key', 'm', `-${newHash()}${newHash()}`, 't', times()]],
    ['m with a short hash', ['HSET', 'key', 'm', '9999999999999hash0', 't', times()]],
    ['binary', ['HSET', 'key', 'm', '\0\ufffd', 's', '\0']],
  ]

  test.each(foreign)('%s', async (_, command) => {
    const [handle, subject] = [newHandle(), 'u1']
    await kept({ subject })
    const [index = ''] = await redis.client.keys('sess:u:*')
    await redis.client.zAdd(index, { value: `${handle}:${short(0)}`, score: Number(ms(86_400)) })
    const key = `sess:${handle}`
    await redis.client.sendCommand(command.map((word) => (word === 'key' ? key : word)))
    const before = await redis.client.dump(key)
    expect(await redis.store.load(handle, at(1))).toBeUndefined()
    expect(await redis.store.change(handle, setting({ 'v:a': '1' }), at(1))).toBe('gone')
    expect(await redis.store.delete(handle, at(1))).toBe('absent')
    expect(await redis.store.delete(handle, at(1), { subject })).toBe('absent')
    expect((await redis.store.list(subject, at(1))).size).toBe(1)
    expect(await redis.store.changeAll(subject, { set: new Map([['v:a', '1']]), remove: [] }, at(1))).toBe(1)
    expect(await redis.store.deleteAll(subject, at(1))).toBe(1)
    expect(await redis.client.dump(key)).toEqual(before)
  })

  const damaged: [string, string[]][] = [
    ['nothing but m', ['HSET', 'key', 'm', summary]],
    ['another sign in m', ['HSET', 'key', 'm', summary.replace('A', '.'), 't', times()]],
    ['too few words', ['HSET', 'key', 'm', summary, 't', '1 1 1 1 zzzzzzzz -']],
    ['a time that is none', ['HSET', 'key', 'm', summary, 't', times('so:on')]],
    ['a negative time', ['HSET', 'key', 'm', summary, 't', times('-5')]],
    ['an idle deadline that is none', ['HSET', 'key', 'm', summary, 't', `${times()}.5`]],
  ]

  test.each(damaged)('a record that is damaged beside m: %s', async (_, command) => {
    const [handle, subject] = [newHandle(), 'u1']
    const key = `sess:${handle}`
    await redis.client.sendCommand(command.map((word) => (word === 'key' ? key : word)))
    await redis.client.hSet(key, 's', subject)
    await kept({ subject })
    const [index = ''] = await redis.client.keys('sess:u:*')
    await redis.client.zAdd(index, { value: `${handle}:${short(0)}`, score: Number(ms(86_400)) })
    const before = await redis.client.dump(key)
    expect(await redis.store.load(handle, at(1))).toBeUndefined()
    expect(await redis.store.change(handle, { access: { accessedAt: at(1) } }, at(1))).toBe('gone')
    expect(await redis.store.delete(handle, at(1), { createdAt: at(0) })).not.toBe('ended')
    expect((await redis.store.list(subject, at(1))).size).toBe(1)
    expect(await redis.client.dump(key)).toEqual(before)
  })

  test('where a new session has to go, it makes room', async () => {
    await redis.client.set('sess:theHandle', 'x')
    const session = sessionWith({}, { 'v:a': '1' })
    await redis.store.insert('theHandle', session, at(0))
    expect(await redis.store.load('theHandle', at(1))).toEqual(session)
  })
})

test.each(['no json', '"text"', 'null'])(
  'a record with context %s is no session, and can be ended',
  async (context) => {
    const handle = await kept(full)
    await redis.client.hSet(`sess:${handle}`, 'x', context)
    expect(await redis.store.load(handle, at(1))).toBeUndefined()
    expect((await redis.store.list('u1', at(1))).size).toBe(0)
    expect(await redis.store.deleteAll('u1', at(1))).toBe(1)
    expect(await redis.client.exists(`sess:${handle}`)).toBe(0)
  },
)

test('an index that is none is no list, and a login makes it one; entries that are none are ignored', async () => {
  await kept({ subject: 'u1' })
  const [index = ''] = await redis.client.keys('sess:u:*')
  await redis.client.del(index)
  await redis.client.set(index, 'x')
  expect((await redis.store.list('u1', at(1))).size).toBe(0)
  expect(await redis.store.deleteAll('u1', at(1))).toBe(0)
  const handle = await kept({ subject: 'u1' })
  const members = ['', ':', 'x', `:${short(0)}`, `${handle}:so.on`, `${handle}:${short(-9)}`]
  await redis.client.zAdd(
    index,
    members.map((value) => ({ value, score: 1e15 })),
  )
  expect([...(await redis.store.list('u1', at(1))).keys()]).toEqual([handle])
  expect(await redis.store.deleteAll('u1', at(1))).toBe(1)
})
