import type { RedisClientType } from 'redis'
import { createClient } from 'redis'
import { RedisStore } from '../../lib/redis'
import type { RecordChange } from '../../lib/session/record'
import { at, newHandle, newHash, sessionWith, setting } from '../contract/samples'
import { RedisServer } from '../support/redis-server'
import { TcpProxy } from '../support/tcp-proxy'
import { wrapClient } from '../support/wrapped-client'

let server: RedisServer
let proxy: TcpProxy
let client: RedisClientType
let store: RedisStore

beforeAll(async () => {
  server = await RedisServer.start()
  proxy = await TcpProxy.start(server.port)
  client = createClient({ url: proxy.url })
  await client.connect()
  store = new RedisStore({ client })
  // From here on the server knows all scripts.
  const handle = await kept({ subject: 'warm-up' })
  await store.change(handle, {}, at(0))
  await store.change(handle, setting({ 'v:a': '1' }), at(0))
  await store.delete(handle, at(0))
})
afterAll(async () => {
  client.destroy()
  await proxy.stop()
  await server.stop()
})
afterEach(() => {
  proxy.mend()
})

async function kept(parts = {}, fields = {}): Promise<string> {
  const handle = newHandle()
  await store.insert(handle, sessionWith(parts, fields), at(0))
  return handle
}

/** The commands of a call, those that it does not wait for included. */
async function commandsOf(call: () => Promise<unknown>): Promise<string[]> {
  proxy.forgetCounts()
  await call()
  await client.ping()
  return proxy.commands.filter((name) => name !== 'PING')
}

/**
 * How many round trips a call waits for: replies are kept back until the call sends nothing more without them. Counted, and not
 * measured: a busy machine takes its time over a thousand replies.
 */
async function roundTripsOf(call: (store: RedisStore) => Promise<unknown>): Promise<number> {
  const waiting: (() => void)[] = []
  let sent = 0
  const patient = wrapClient(client, async (args, send) => {
    if (args[0] === 'INFO') return ''
    sent++
    const reply = await send()
    await new Promise<void>((resolve) => waiting.push(resolve))
    return reply
  })
  const done = { yet: false }
  const finished = call(new RedisStore({ client: patient })).finally(() => (done.yet = true))
  let rounds = 0
  let released = 0
  while (!done.yet) {
    const before = sent
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    if (sent > before || waiting.length < sent - released || waiting.length === 0) continue
    rounds++
    released += waiting.length
    for (const release of waiting.splice(0)) release()
  }
  await finished
  return rounds
}

describe('commands that a call costs', () => {
  const bind = { subject: 'u', createdAt: at(1), expiresAt: at(99) }
  const replace = { hash: newHash(), issuedAt: at(1) }
  const rows: [string, string[], (handle: string) => Promise<unknown>][] = [
    ['load', ['HGETALL'], (handle) => store.load(handle, at(1))],
    ['load of nothing', ['HGETALL'], () => store.load(newHandle(), at(1))],
    ['insert', ['EVALSHA'], () => kept()],
    ['insert of a login', ['EVALSHA', 'EVALSHA'], () => kept({ subject: 'u' })],
    ['change of a field', ['EVALSHA'], (handle) => store.change(handle, setting({ 'v:a': '1' }), at(1))],
    [
      'access',
      ['EVALSHA'],
      (handle) => store.change(handle, { access: { accessedAt: at(1), idleUntil: at(9) } }, at(1)),
    ],
    ['a new id', ['EVALSHA'], (handle) => store.change(handle, { replace }, at(1))],
    ['login', ['EVALSHA', 'EVALSHA'], (handle) => store.change(handle, { replace, bind }, at(1))],
    ['delete', ['EVALSHA'], (handle) => store.delete(handle, at(1))],
    ['delete of nothing', ['EVALSHA'], () => store.delete(newHandle(), at(1))],
    ['delete of a login', ['EVALSHA', 'ZREM'], async () => store.delete(await keptBefore({ subject: 'u' }), at(1))],
    ['list of an unknown subject', ['ZRANGE'], () => store.list(newHandle(), at(1))],
  ]

  async function keptBefore(parts: object): Promise<string> {
    const handle = await kept(parts)
    proxy.forgetCounts()
    return handle
  }

  test.each(rows)('%s: %j', async (_, commands, call) => {
    const handle = await kept()
    expect(await commandsOf(() => call(handle))).toEqual(commands)
  })
})

test('a list of 1000 sessions takes two round trips, as one of 10 does', async () => {
  for (const [size, subject] of [
    [10, newHandle()],
    [1000, newHandle()],
  ] as const) {
    await Promise.all(Array.from({ length: size }, () => kept({ subject, context: { ip: '::1' } })))
    const list = async (over: RedisStore) => expect((await over.list(subject, at(1))).size).toBe(size)
    expect(await roundTripsOf(list)).toBe(2)
  }
})

test('deleteAll of 10 000 sessions ends them all, and leaves the server and the connection free for others', async () => {
  const subject = newHandle()
  for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 1000 }, () => kept({ subject })))
  const others = { done: false, served: 0 }
  const serving = (async () => {
    for (; !others.done; others.served++) await client.ping()
  })()
  try {
    const commands = await commandsOf(async () => expect(await store.deleteAll(subject, at(1))).toBe(10_000))
    // Each session is a command of its own, and the commands come in batches, with others in between.
    expect(commands.filter((name) => name === 'EVALSHA')).toHaveLength(10_000)
    const rest = commands.filter((name) => name !== 'EVALSHA')
    expect(new Set(rest.slice(0, -10))).toEqual(new Set(['ZRANGE']))
    expect(rest.slice(-10)).toEqual(Array(10).fill('ZREM'))
    expect(others.served).toBeGreaterThan(30)
  } finally {
    others.done = true
    await serving
  }
  expect((await store.list(subject, at(1))).size).toBe(0)
})

describe('a list of 4500 sessions', () => {
  describe.each([
    ['that end at many instants', (n: number) => at(86_400 + (n >> 2)), 1001],
    ['that end at a few instants', (n: number) => at(86_400 + (n % 3)), 4000],
    ['that all end at once', () => at(86_400), 8000],
  ])('%s', (_, expiresAt, most) => {
    const subject = newHandle()
    const handles: string[] = []

    beforeAll(async () => {
      const direct = new RedisStore({ client: await server.connect() })
      for (let from = 0; from < 4500; from += 500) {
        const made = Array.from({ length: 500 }, newHandle)
        const insert = (handle: string, n: number) =>
          direct.insert(handle, sessionWith({ subject, expiresAt: expiresAt(from + n) }), at(0))
        await Promise.all(made.map(insert))
        handles.push(...made)
      }
    })

    test.each([2, 3] as const)(
      'finds each, and no command reads the whole index, in protocol version %i',
      async (RESP) => {
        const reader = createClient({ url: `redis://127.0.0.1:${server.port}`, RESP })
        await reader.connect()
        const limits: number[] = []
        const watched = wrapClient(reader, (args, send) => {
          if (args[0] === 'ZRANGE') limits.push(Number(args[7]))
          return send()
        })
        const list = await new RedisStore({ client: watched }).list(subject, at(1))
        reader.destroy()
        expect([...list.keys()].sort()).toEqual(handles.sort())
        expect(limits.length).toBeGreaterThan(3)
        expect(Math.max(...limits)).toBeLessThanOrEqual(most)
      },
    )
  })
})

test('a list finds each session of a subject, though others of it end and begin between two pages of its index', async () => {
  const subject = newHandle()
  const made = Array.from({ length: 2500 }, (_, n) => kept({ subject, expiresAt: at(86_400 + (n >> 6)) }))
  const handles = await Promise.all(made)
  const leaving = new Set(handles.filter((_, n) => n % 5 === 0))
  let pages = 0
  const watched = wrapClient(client, async (args, send) => {
    if (args[0] === 'ZRANGE' && pages++ === 2) {
      await Promise.all([...leaving].map((handle) => store.delete(handle, at(1))))
      await Promise.all(Array.from({ length: 100 }, () => kept({ subject, expiresAt: at(86_400) })))
    }
    return send()
  })
  const list = await new RedisStore({ client: watched }).list(subject, at(1))
  expect(pages).toBeGreaterThan(3)
  expect(handles.filter((handle) => !leaving.has(handle) && !list.has(handle))).toEqual([])
})

test.each([1, 100])('a change of one value in a session of %i kB sends that value and some 150 bytes', async (size) => {
  const fields = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`v:${index}`, 'x'.repeat(size * 100)]))
  const handle = await kept({}, fields)
  const change: RecordChange = { epoch: 0, ...setting({ 'v:n': '42' }) }
  await commandsOf(() => store.change(handle, change, at(1)))
  const ping = '*1\r\n$4\r\nPING\r\n'.length
  expect(proxy.bytes - ping).toBeLessThan(170)
})
