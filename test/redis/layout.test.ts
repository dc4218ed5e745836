import type { SessionRecord } from '../../lib/session/record'
import { at, newHandle, newHash, sessionWith, setting } from '../contract/samples'
import { withRedis } from '../support/with-redis'

const redis = withRedis()

const ms = (seconds: number) => String(Math.round(at(seconds) * 1000))
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
  const times = `${ms(0)} ${ms(0)} ${ms(5)} ${ms(86_400)} ${ms(65)}`
  const index = 'sess:u:u4IDDbwryroyqQvy4geoSoVvxfAzt3xICDarb3f0Dxk'
  expect({ ...(await redis.client.hGetAll('sess:theHandle')) }).toEqual({
    m: expect.stringMatching(
      `^1 ${hash} 3 ${times} ${String(previous?.join(','))} ${ms(30)} ${String(pending?.join(','))} \\d{13}$`,
    ),
    s: 'u1',
    u: index,
    x: '{"ip":"::1"}',
    'v:a': '1',
    'f:b': '"x"',
  })
  expect((await redis.client.keys('*')).sort()).toEqual(['sess:theHandle', index].sort())
  const entry = { value: `theHandle:${ms(0)}`, score: Number(ms(86_400)) }
  expect(await redis.client.zRangeWithScores(index, 0, -1)).toEqual([entry])
})

test('what has nothing to say is a dash, and has no field', async () => {
  const session = sessionWith()
  await redis.store.insert('theHandle', session, at(0))
  expect({ ...(await redis.client.hGetAll('sess:theHandle')) }).toEqual({
    m: `1 ${session.record.hash} 0 ${ms(0)} ${ms(0)} ${ms(0)} ${ms(86_400)} - - - - -`,
  })
})

test('a record without the last two words, as an earlier version wrote it, is a session', async () => {
  const handle = await kept({ subject: 'u1' })
  const key = `sess:${handle}`
  const loaded = await redis.store.load(handle, at(1))
  await redis.client.hSet(
    key,
    'm',
    String(await redis.client.hGet(key, 'm'))
      .split(' ')
      .slice(0, 10)
      .join(' '),
  )
  expect(await redis.store.load(handle, at(1))).toEqual(loaded)
  expect(await redis.store.change(handle, setting({ 'v:a': '1' }), at(1))).toBe('stored')
  expect(await redis.store.load(handle, at(1))).toEqual({ ...loaded, fields: new Map([['v:a', '1']]) })
})

test('what a later version adds is ignored, and left in place by every change', async () => {
  const handle = await kept(full, { 'v:a': '1' })
  const key = `sess:${handle}`
  const loaded = await redis.store.load(handle, at(1))
  const words = String(await redis.client.hGet(key, 'm')).split(' ')
  await redis.client.hSet(key, { m: ['2', ...words.slice(1), 'more', 'words'].join(' '), q: 'more', '€': 'more' })
  expect(await redis.store.load(handle, at(1))).toEqual(loaded)
  const replace = { hash: newHash(), issuedAt: at(9) }
  await redis.store.change(handle, { replace, access: { accessedAt: at(9), idleUntil: at(70) } }, at(9))
  expect(await redis.client.hmGet(key, ['m', 'q'])).toEqual([
    `2 ${replace.hash} 4 ${ms(0)} ${ms(9)} ${ms(9)} ${ms(86_400)} ${ms(70)} - - - ${String(words[11])} more words`,
    'more',
  ])
})

describe('a key that holds something else is no session, and stays as it is', () => {
  const foreign: [string, string[]][] = [
    ['text', ['SET', 'key', 'x']],
    ['list', ['RPUSH', 'key', 'm', 'x']],
    ['set', ['SADD', 'key', 'm']],
    ['sorted set', ['ZADD', 'key', '1', 'm']],
    ['stream', ['XADD', 'key', '*', 'm', 'x']],
    ['hash', ['HSET', 'key', 'name', 'x']],
    ['text in m', ['HSET', 'key', 'm', 'hello']],
    ['too few words', ['HSET', 'key', 'm', '1 hash 0 1 1 1 9999999999999 - -']],
    ['a time that is none', ['HSET', 'key', 'm', '1 hash 0 1 1 1 soon - - -']],
    ['a negative time', ['HSET', 'key', 'm', '1 hash 0 1 1 1 -5 - - -']],
    ['an epoch that is none', ['HSET', 'key', 'm', '1 hash x 1 1 1 9999999999999 - - -']],
    ['an idle deadline that is none', ['HSET', 'key', 'm', '1 hash 0 1 1 1 9999999999999 0x10 - -']],
    ['an overlap that is none', ['HSET', 'key', 'm', '1 hash 0 1 1 1 9999999999999 - hash x']],
    ['binary', ['HSET', 'key', 'm', '\0\ufffd', 's', '\0']],
  ]

  test.each(foreign)('%s', async (_, command) => {
    const [handle, subject] = [newHandle(), 'u1']
    await kept({ subject })
    const [index = ''] = await redis.client.keys('sess:u:*')
    await redis.client.zAdd(index, { value: `${handle}:${ms(0)}`, score: Number(ms(86_400)) })
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
  const members = ['', ':', 'x', `:${ms(0)}`, `${handle}:soon`, `${handle}:${ms(-9)}`]
  await redis.client.zAdd(
    index,
    members.map((value) => ({ value, score: 1e15 })),
  )
  expect([...(await redis.store.list('u1', at(1))).keys()]).toEqual([handle])
  expect(await redis.store.deleteAll('u1', at(1))).toBe(1)
})
