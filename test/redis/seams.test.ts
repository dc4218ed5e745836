import type { createClient } from 'redis'
import { CallDeadline } from '../../lib/base/call-deadline'
import { RedisStore } from '../../lib/redis'
import { GuardedStore } from '../../lib/stores/guarded-store'
import type { SessionRecord } from '../../lib/session/record'
import { at, newHandle, newHash, sessionWith, setting } from '../contract/samples'
import { RedisClusterServers } from '../support/redis-cluster'
import { newClient, RedisServer } from '../support/redis-server'
import { TcpProxy } from '../support/tcp-proxy'
import { wrapClient } from '../support/wrapped-client'
import { withRedis } from '../support/with-redis'
import { forgetWarnings } from '../../lib/base/warnings'

/** What may be lost or late between the store and Redis: an index without its sessions, commands after their time limit. */
const redis = withRedis()
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const timedOut = { code: 'STORE_TIMEOUT', status: 503 }

async function kept(parts: Partial<SessionRecord> = {}): Promise<string> {
  const handle = newHandle()
  await redis.store.insert(handle, sessionWith(parts), at(0))
  return handle
}

const indexKey = async () => (await redis.client.keys('sess:u:*'))[0] ?? ''
const handlesOf = async (subject: string) => [...(await redis.store.list(subject, at(1))).keys()].sort()
const login = (seconds: number, subject = 'u1') => ({
  replace: { hash: newHash(), issuedAt: at(seconds) },
  bind: { subject, createdAt: at(seconds), expiresAt: at(seconds + 86_400) },
})

describe("a user's index that Redis has lost", () => {
  const writes: [string, (handle: string, store?: RedisStore) => Promise<unknown>][] = [
    ['a write', (handle, store = redis.store) => store.change(handle, setting({ 'v:a': '1' }), at(1))],
    ['a removal', (handle, store = redis.store) => store.change(handle, setting({}, ['v:a']), at(1))],
    [
      'a recorded access',
      (handle, store = redis.store) => store.change(handle, { access: { accessedAt: at(1) } }, at(1)),
    ],
  ]

  test.each(writes)('is made again by %s of each session, and deleteAll then ends them all', async (_, write) => {
    const mine = await Promise.all(Array.from({ length: 20 }, () => kept({ subject: 'u1' })))
    await redis.client.del(await indexKey())
    expect(await handlesOf('u1')).toEqual([])
    for (const handle of mine) await write(handle)
    expect(await handlesOf('u1')).toEqual(mine.sort())
    expect(await redis.client.pTTL(await indexKey())).toBeGreaterThan(80_000_000)
    expect(await redis.store.deleteAll('u1', at(1))).toBe(20)
  })

  test.each(writes)(
    'is made again by a command of its own at %s on a cluster, where it lies elsewhere',
    async (_, write) => {
      const handle = await kept({ subject: 'u1' })
      await redis.client.del(await indexKey())
      const client = {
        isOpen: true,
        nodeClient: () => undefined,
        sendCommand: (_key: string | undefined, _isReadonly: boolean | undefined, args: string[]) =>
          redis.client.sendCommand(args),
      }
      await write(handle, new RedisStore({ client }))
      await redis.client.ping()
      expect(await handlesOf('u1')).toEqual([handle])
    },
  )

  test('is asked for by one write of a session in a minute, and by the next one after it', async () => {
    const commandsOfIndex = async () =>
      Number(/cmdstat_zscore:calls=(\d+)/.exec(await redis.client.info('commandstats'))?.[1] ?? 0)
    const [handle, visitor] = [await kept({ subject: 'u1' }), await kept()]
    const write = (which: string) => redis.store.change(which, setting({ 'v:a': '1' }), at(1))
    const before = await commandsOfIndex()
    for (let n = 0; n < 5; n++) {
      await write(handle)
      await write(visitor)
    }
    expect((await commandsOfIndex()) - before).toBe(1)
    const inAMinute = performance.now() + 61_000
    const turned = jest.spyOn(performance, 'now').mockReturnValue(inAMinute)
    try {
      for (let n = 0; n < 5; n++) await write(handle)
    } finally {
      turned.mockRestore()
    }
    expect((await commandsOfIndex()) - before).toBe(2)
  })

  test('does not get a session back that was ended, nor one of a subject that it left', async () => {
    const handle = await kept({ subject: 'u1' })
    await redis.store.change(handle, login(1, 'u2'), at(1))
    await redis.store.change(handle, setting({ 'v:a': '1' }), at(1))
    expect([await handlesOf('u1'), await handlesOf('u2')]).toEqual([[], [handle]])
    await redis.store.delete(handle, at(1))
    expect(await redis.store.change(handle, setting({ 'v:a': '1' }), at(1))).toBe('gone')
    await redis.client.ping()
    expect(await redis.client.keys('*')).toEqual([])
  })
})

test('300 logins on one session leave one entry', async () => {
  const handle = await kept()
  for (let i = 0; i < 300; i++) await redis.store.change(handle, login(i / 10), at(i / 10))
  await redis.client.ping()
  expect(await redis.client.zRange(await indexKey(), 0, -1)).toEqual([
    `${handle}:${Math.round(at(29.9) * 1000).toString(36)}`,
  ])
  expect(await handlesOf('u1')).toEqual([handle])
})

test('a process whose clock is ahead by a quarter of an hour loses no entry of another', async () => {
  const real = Date.now() / 1000
  const short = { subject: 'u1', createdAt: real, accessedAt: real, issuedAt: real, expiresAt: real + 600 }
  await redis.store.insert(newHandle(), sessionWith(short), real)
  await redis.store.insert(newHandle(), sessionWith({ subject: 'u1' }), real + 900)
  expect(await redis.store.deleteAll('u1', real)).toBe(2)
})

describe('a slow line', () => {
  let proxy: TcpProxy
  let slow: RedisStore
  let client: ReturnType<typeof createClient>

  beforeEach(async () => {
    proxy = await TcpProxy.start(redis.server.port)
    client = newClient(proxy.url)
    await client.connect()
    slow = new RedisStore({ client })
    // It has learnt what time it is for Redis.
    await slow.change(newHandle(), {}, at(0))
  })
  afterEach(async () => {
    client.destroy()
    await proxy.stop()
  })

  test('a change that arrives after its time limit does not replace a newer one', async () => {
    const handle = await kept()
    proxy.delay = 500
    const late = slow.change(handle, setting({ 'v:a': 'late' }), at(1), new CallDeadline(0.2))
    await redis.store.change(handle, setting({ 'v:a': 'newer' }), at(1))
    await expect(late).rejects.toMatchObject(timedOut)
    expect((await redis.store.load(handle, at(1)))?.fields.get('v:a')).toBe('newer')
  })

  test('an insert and a delete that arrive after their time limit do nothing', async () => {
    const handle = await kept()
    proxy.delay = 500
    const inserted = newHandle()
    const late = [
      slow.insert(inserted, sessionWith(), at(1), new CallDeadline(0.2)),
      slow.delete(handle, at(1), {}, new CallDeadline(0.2)),
    ]
    for (const one of late) await expect(one).rejects.toMatchObject(timedOut)
    expect(await redis.store.load(handle, at(1))).toBeDefined()
    expect(await redis.store.load(inserted, at(1))).toBeUndefined()
  })

  test('the first write of a client has its time limit too', async () => {
    const handle = await kept()
    const fresh = new RedisStore({ client })
    proxy.delay = 150
    const late = fresh.change(handle, setting({ 'v:a': 'late' }), at(1), new CallDeadline(0.2))
    await expect(late).rejects.toMatchObject(timedOut)
    expect((await redis.store.load(handle, at(1)))?.fields.has('v:a')).toBe(false)
  })

  test('of writes that arrive about their time limit, none is stored that was reported as failed', async () => {
    const handles = await Promise.all(Array.from({ length: 60 }, () => kept()))
    // Each reply takes its time as well: a write that was just in time must still be reported as stored.
    const slowly = wrapClient(client, async (_args, send) => {
      const reply = await send()
      await pause(40)
      return reply
    })
    const guarded = new GuardedStore(new RedisStore({ client: slowly }), 1.5)
    await guarded.change(newHandle(), {}, at(0))
    const results = await Promise.all(
      handles.map(async (handle, index) => {
        await pause(index * 5)
        proxy.delay = 1200 + index * 8
        return Promise.resolve(guarded.change(handle, setting({ 'v:a': '1' }), at(1))).catch((error: unknown) => error)
      }),
    )
    const stored = await Promise.all(
      handles.map(async (handle) => (await redis.store.load(handle, at(1)))?.fields.size),
    )
    for (const [index, result] of results.entries()) {
      expect([result instanceof Error, stored[index]]).toEqual(result === 'stored' ? [false, 1] : [true, 0])
    }
    expect(results.filter((result) => result === 'stored').length).toBeGreaterThan(5)
    expect(results.filter((result) => result !== 'stored').length).toBeGreaterThan(5)
  })

  test('a command in time is carried out although the clock of Redis was set back, or forth, meanwhile', async () => {
    const handle = await kept()
    const performanceNow = performance.now.bind(performance)
    for (const shift of [-60_000, 60_000]) {
      const turned = jest.spyOn(performance, 'now').mockImplementation(() => performanceNow() + shift)
      const fields = setting({ 'v:a': String(shift) })
      expect(await slow.change(handle, fields, at(1), new CallDeadline(5))).toBe('stored')
      turned.mockRestore()
    }
  })

  test.each<[string, (deadline: CallDeadline) => Promise<unknown>]>([
    ['deleteAll', (deadline) => slow.deleteAll('u1', at(1), undefined, deadline)],
    ['changeAll', (deadline) => slow.changeAll('u1', { set: new Map([['v:a', '1']]), remove: [] }, at(1), deadline)],
  ])('%s issues no command after its time limit, and ends or changes nothing that began since', async (_, call) => {
    const handle = await kept({ subject: 'u1' })
    proxy.delay = 400
    proxy.forgetCounts()
    const cut = call(new CallDeadline(0.2))
    await expect(cut).rejects.toMatchObject(timedOut)
    await client.ping()
    expect(proxy.commands).toEqual(['ZRANGE', 'PING'])
    expect((await redis.store.load(handle, at(1)))?.fields).toEqual(new Map())
  })

  test('deleteAll and changeAll leave alone what was bound after they began, though before they read the index', async () => {
    const before = await kept({ subject: 'u1' })
    proxy.delay = 1500
    const changed = slow.changeAll('u1', { set: new Map([['v:role', '1']]), remove: [] }, at(1))
    const ended = slow.deleteAll('u1', at(1))
    // The store's idea of Redis' time is late by what its slowest reply took: a moment, or a part of a second on a busy machine.
    await pause(1000)
    const inserted = await kept({ subject: 'u1' })
    const bound = await kept()
    await redis.store.change(bound, login(1), at(1))
    expect([await changed, await ended]).toEqual([1, 1])
    expect(await handlesOf('u1')).toEqual([inserted, bound].sort())
    expect((await redis.store.load(bound, at(1)))?.fields).toEqual(new Map())
    expect(await redis.store.load(before, at(1))).toBeUndefined()
  })
})

describe('a login that is stored although its request got 503, because the connection broke before the reply', () => {
  let proxy: TcpProxy
  let client: ReturnType<typeof createClient>
  let guarded: GuardedStore

  beforeEach(async () => {
    proxy = await TcpProxy.start(redis.server.port)
    client = newClient(proxy.url, { socket: { reconnectStrategy: 20 } })
    client.on('error', () => undefined)
    await client.connect()
    guarded = new GuardedStore(new RedisStore({ client }), 0.5)
    // The scripts are known, so that each step is one command.
    const handle = newHandle()
    await guarded.insert(handle, sessionWith({ subject: 'warm-up' }), at(0))
    await guarded.change(handle, { epoch: 0, ...login(1, 'warm-up') }, at(1))
  })
  afterEach(async () => {
    await guarded.close()
    client.destroy()
    await proxy.stop()
  })

  const cases: [string, (handle: string) => unknown][] = [
    ['on a session of a visitor', (handle) => guarded.change(handle, { epoch: 0, ...login(1) }, at(1))],
    ['as a new session', () => guarded.insert(newHandle(), sessionWith({ subject: 'u1' }), at(1))],
  ]

  test.each(cases)('%s is deleted once the store serves again', async (_, act) => {
    const handle = await kept()
    let count = 0
    proxy.fate = (words) => (words[0] === 'EVALSHA' && ++count === 2 ? 'cut' : 'pass')
    await expect((async () => act(handle))()).rejects.toMatchObject({ status: 503 })
    proxy.mend()
    expect(await handlesOf('u1')).toHaveLength(1)
    for (let turn = 0; turn < 100 && (await handlesOf('u1')).length > 0; turn++) await pause(20)
    expect(await handlesOf('u1')).toEqual([])
  })

  test('is kept when the same request stores it once more, with success', async () => {
    const [handle, session] = [newHandle(), sessionWith({ subject: 'u1' })]
    let count = 0
    proxy.fate = () => (++count === 2 ? 'cut' : 'pass')
    await expect((async () => guarded.insert(handle, session, at(1)))()).rejects.toMatchObject({ status: 503 })
    proxy.mend()
    await guarded.insert(handle, session, at(1))
    await pause(700)
    expect(await handlesOf('u1')).toEqual([handle])
  })
})

describe('the eviction policy of the server', () => {
  const warnings: string[] = []

  async function codesFor(options: Record<string, string>, user?: string): Promise<string[]> {
    warnings.length = 0
    forgetWarnings()
    const spy = jest.spyOn(process, 'emitWarning').mockImplementation((_text, given) => {
      warnings.push((given as { code: string }).code)
    })
    const server = await RedisServer.start(options)
    try {
      const client = await server.connect()
      if (user !== undefined) {
        await client.sendCommand(['ACL', 'SETUSER', 'app', 'on', 'nopass', '~*', '&*', '+@all', user])
        await client.sendCommand(['AUTH', 'app', ''])
      }
      const store = new RedisStore({ client })
      for (let i = 0; i < 3; i++) await store.load(newHandle(), at(0))
      await client.ping()
      await new Promise((resolve) => setImmediate(resolve))
      return [...warnings]
    } finally {
      spy.mockRestore()
      await server.stop()
    }
  }

  test('is warned of once when it is another than noeviction', async () => {
    for (const policy of ['allkeys-lru', 'volatile-lru', 'volatile-ttl']) {
      expect(await codesFor({ 'maxmemory-policy': policy })).toEqual(['HOLDFAST_REDIS_EVICTION'])
    }
    expect(await codesFor({ 'maxmemory-policy': 'noeviction' })).toEqual([])
  })

  test('is read on every master of a cluster', async () => {
    const spy = jest.spyOn(process, 'emitWarning').mockImplementation((_text, given) => {
      warnings.push((given as { code: string }).code)
    })
    const cluster = await RedisClusterServers.start()
    try {
      const client = await cluster.connect()
      for (const node of cluster.nodes) {
        warnings.length = 0
        forgetWarnings()
        const admin = await node.connect()
        await admin.configSet('maxmemory-policy', 'allkeys-lru')
        await new RedisStore({ client }).load(newHandle(), at(0))
        for (let turn = 0; turn < 200 && warnings.length === 0; turn++) {
          await pause(10)
        }
        expect(warnings).toEqual(['HOLDFAST_REDIS_EVICTION'])
        await admin.configSet('maxmemory-policy', 'noeviction')
      }
      client.destroy()
    } finally {
      spy.mockRestore()
      await cluster.stop()
    }
  })

  test('stays unknown, and the store works, where an ACL forbids to ask', async () => {
    expect(await codesFor({ 'maxmemory-policy': 'allkeys-lru' }, '-info')).toEqual([])
  })
})
