import { createClient } from 'redis'
import { RedisStore } from '../../lib/redis'
import { at, newHandle, newHash, sessionWith, setting } from '../contract/samples'
import { RedisServer } from '../support/redis-server'
import type { Fate } from '../support/tcp-proxy'
import { TcpProxy } from '../support/tcp-proxy'

let server: RedisServer
let proxy: TcpProxy
let admin: Awaited<ReturnType<RedisServer['connect']>>
let client: ReturnType<typeof createClient>
let store: RedisStore

beforeAll(async () => {
  server = await RedisServer.start({ 'repl-diskless-sync-delay': '0' })
  admin = await server.connect()
  proxy = await TcpProxy.start(server.port)
})
beforeEach(async () => {
  proxy.mend()
  proxy.target = server.port
  client = createClient({ url: proxy.url, socket: { reconnectStrategy: 20 } })
  client.on('error', () => undefined)
  await client.connect()
  store = new RedisStore({ client })
})
afterEach(() => {
  client.destroy()
  jest.restoreAllMocks()
})
afterAll(async () => {
  await proxy.stop()
  await server.stop()
})

async function kept(parts = {}, fields: Record<string, string> = { 'v:a': '1' }): Promise<string> {
  const handle = newHandle()
  await store.insert(handle, sessionWith(parts, fields), at(0))
  return handle
}

const fieldsOf = async (handle: string) => Object.fromEntries((await store.load(handle, at(1)))?.fields ?? [])
/** Which of these fields the session has not. */
async function missing(handle: string, names: readonly string[]): Promise<string[]> {
  const fields = (await store.load(handle, at(1)))?.fields
  return names.filter((name) => fields?.has(name) !== true)
}

const login = (subject: string) => ({
  replace: { hash: newHash(), issuedAt: at(1) },
  bind: { subject, createdAt: at(1), expiresAt: at(9999) },
})

/** Changes fields of a session, one after the other on some lanes, until `stop` is called. */
function load(handle: string, lanes = 8) {
  const stored: string[] = []
  const failed: string[] = []
  let going = true
  let count = 0
  const lane = async () => {
    while (going) {
      const name = `v:${++count}`
      await store.change(handle, setting({ [name]: '1' }), at(1)).then(
        (result) => (result === 'stored' ? stored : failed).push(name),
        () => failed.push(name),
      )
    }
  }
  const lanesDone = Promise.all(Array.from({ length: lanes }, lane))
  const stop = async () => {
    going = false
    await lanesDone
    return { stored, failed }
  }
  return { stop }
}

/** Cuts the line and waits until the client knows. */
async function cutLine(): Promise<void> {
  proxy.cut()
  while (client.isReady) await pause(5)
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

test('scripts that are flushed under load are sent again: nothing fails, nothing is lost', async () => {
  const handle = await kept()
  const running = load(handle)
  for (let i = 0; i < 30; i++) {
    await admin.scriptFlush()
    await pause(5)
  }
  const { stored, failed } = await running.stop()
  expect(failed).toEqual([])
  expect(stored.length).toBeGreaterThan(100)
  expect(await missing(handle, stored)).toEqual([])
})

test('after a restart that loses everything, sessions are absent, not broken, and new ones work', async () => {
  const handle = await kept({ subject: 'u1' })
  const running = load(handle)
  await server.restart(50)
  await pause(100)
  await running.stop()
  expect(await store.load(handle, at(1))).toBeUndefined()
  expect(await store.change(handle, setting({ 'v:b': '1' }), at(1))).toBe('gone')
  expect(await store.list('u1', at(1))).toEqual(new Map())
  expect(await admin.keys('*')).toEqual([])
  expect(await fieldsOf(await kept())).toEqual({ 'v:a': '1' })
})

test('FLUSHALL under load revives nothing', async () => {
  const handle = await kept({ subject: 'u1' })
  const running = load(handle)
  await pause(20)
  await admin.flushAll()
  await pause(20)
  await running.stop()
  expect(await store.load(handle, at(1))).toBeUndefined()
  expect(await store.deleteAll('u1', at(1))).toBe(0)
  expect(await admin.keys('*')).toEqual([])
})

test('out of memory: reads and ends go on, writes fail whole, and work again afterwards', async () => {
  const handle = await kept({}, { 'v:a': '1', 'v:b': '1' })
  const mine = await kept({ subject: 'u1' })
  const [index = ''] = await admin.keys('sess:u:*')
  await admin.configSet('maxmemory', '1')
  const oom = { message: expect.stringMatching(/^OOM/) }
  await expect(kept()).rejects.toMatchObject(oom)
  await expect(store.change(handle, setting({ 'v:a': '2', 'v:c': '2' }), at(1))).rejects.toMatchObject(oom)
  await expect(store.change(handle, login('u1'), at(1))).rejects.toMatchObject(oom)
  await expect(store.change(handle, { replace: { hash: newHash(), issuedAt: at(1) } }, at(1))).rejects.toMatchObject(
    oom,
  )
  expect(await fieldsOf(handle)).toEqual({ 'v:a': '1', 'v:b': '1' })
  expect((await store.load(handle, at(1)))?.record).toMatchObject({ epoch: 0, subject: undefined })
  expect([...(await store.list('u1', at(1))).keys()]).toEqual([mine])
  expect(await admin.zCard(index)).toBe(1)
  expect(await store.deleteAll('u1', at(1))).toBe(1)
  expect(await store.change(handle, setting({}, ['v:b']), at(1))).toBe('stored')
  await admin.configSet('maxmemory', '0')
  expect(await store.change(handle, setting({ 'v:a': '2' }), at(1))).toBe('stored')
  expect(await fieldsOf(handle)).toEqual({ 'v:a': '2' })
})

test('a node that became a read-only replica: reads go on, every write fails, and works again afterwards', async () => {
  const handle = await kept({ subject: 'u1' })
  await admin.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
  const readonly = { message: expect.stringMatching(/READONLY/) }
  await expect(kept()).rejects.toMatchObject(readonly)
  await expect(store.change(handle, setting({ 'v:a': '2' }), at(1))).rejects.toMatchObject(readonly)
  await expect(store.delete(handle, at(1))).rejects.toMatchObject(readonly)
  await expect(store.deleteAll('u1', at(1))).rejects.toMatchObject(readonly)
  expect(await fieldsOf(handle)).toEqual({ 'v:a': '1' })
  expect((await store.list('u1', at(1))).size).toBe(1)
  await admin.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  expect(await store.change(handle, setting({ 'v:a': '2' }), at(1))).toBe('stored')
  expect(await store.deleteAll('u1', at(1))).toBe(1)
})

test('a failover to a replica that never saw a script keeps the sessions', async () => {
  const replica = await RedisServer.start({ replicaof: `127.0.0.1 ${server.port}` })
  const handle = await kept()
  const other = await replica.connect()
  while ((await other.exists(`sess:${handle}`)) === 0) await pause(20)
  await other.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  proxy.target = replica.port
  await cutLine()
  proxy.mend()
  const result = await store.change(handle, setting({ 'v:b': '1' }), at(1))
  const value = await other.hGet(`sess:${handle}`, 'v:b')
  await replica.stop()
  expect([result, value]).toEqual(['stored', '1'])
})

test('CLIENT KILL under load: what was reported stored is there, and the next call works', async () => {
  const handle = await kept()
  const running = load(handle)
  for (let i = 0; i < 10; i++) {
    await admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
    await pause(30)
  }
  const { stored, failed } = await running.stop()
  expect(failed.length).toBeGreaterThan(0)
  expect(stored.length).toBeGreaterThan(0)
  expect(await missing(handle, stored)).toEqual([])
  expect(await store.change(handle, setting({ 'v:last': '1' }), at(1))).toBe('stored')
})

test.each<[Fate, boolean]>([
  ['lose', false],
  ['cut', true],
])('a connection cut at a change (%s) rejects it; it is stored whole or not at all', async (fate, isStored) => {
  const handle = await kept({}, { 'v:a': '1', 'v:b': '1' })
  proxy.fate = (words) => (words[0] === 'EVALSHA' ? fate : 'pass')
  const replace = { hash: newHash(), issuedAt: at(1) }
  await expect(
    store.change(handle, { epoch: 0, replace, ...setting({ 'v:a': '2' }, ['v:b']) }, at(1)),
  ).rejects.toThrow()
  proxy.mend()
  const loaded = await store.load(handle, at(1))
  expect(Object.fromEntries(loaded?.fields ?? [])).toEqual(isStored ? { 'v:a': '2' } : { 'v:a': '1', 'v:b': '1' })
  expect(loaded?.record.epoch).toBe(isStored ? 1 : 0)
  expect(await admin.pTTL(`sess:${handle}`)).toBeGreaterThan(0)
})

test('a connection cut at a load rejects it, and the next load works', async () => {
  const handle = await kept()
  proxy.fate = () => 'cut'
  await expect(store.load(handle, at(1))).rejects.toThrow()
  proxy.mend()
  expect(await fieldsOf(handle)).toEqual({ 'v:a': '1' })
})

test('a call that hangs is pending until the line goes, and then fails', async () => {
  const handle = await kept()
  proxy.fate = () => 'hang'
  let settled = false
  const hanging = store.change(handle, setting({ 'v:a': '2' }), at(1)).finally(() => (settled = true))
  await pause(100)
  expect(settled).toBe(false)
  proxy.cut()
  proxy.mend()
  await expect(hanging).rejects.toThrow()
  expect(await fieldsOf(handle)).toEqual({ 'v:a': '1' })
})

test('a slow line only takes its time', async () => {
  const handle = await kept()
  proxy.delay = 100
  const names = Array.from({ length: 20 }, (_, index) => `v:${index}`)
  const began = Date.now()
  await Promise.all(names.map((name) => store.change(handle, setting({ [name]: '1' }), at(1))))
  expect(Date.now() - began).toBeGreaterThanOrEqual(95)
  expect(Object.keys(await fieldsOf(handle)).sort()).toEqual(['v:a', ...names].sort())
})

test('a save while Redis is away waits a little, and is not carried out after it was given up', async () => {
  const timeout = AbortSignal.timeout.bind(AbortSignal)
  const waits: number[] = []
  jest.spyOn(AbortSignal, 'timeout').mockImplementation((wait) => {
    waits.push(wait)
    return timeout(150)
  })
  const handle = await kept()
  expect(waits).toEqual([])
  await cutLine()
  const short = store.change(handle, setting({ 'v:a': '2' }), at(1))
  proxy.mend()
  expect(await short).toBe('stored')
  await cutLine()
  await expect(store.change(handle, setting({ 'v:a': '3' }), at(1))).rejects.toMatchObject({ name: 'Error' })
  proxy.mend()
  expect(await fieldsOf(handle)).toEqual({ 'v:a': '2' })
  expect(new Set(waits)).toEqual(new Set([5000]))
})

test('no error of the store has a handle, a hash, a subject or a value in it', async () => {
  const words = ['theHandle', 'theHash', 'theSubject', 'theValue']
  const session = sessionWith({ hash: 'theHash', subject: 'theSubject' }, { 'v:a': 'theValue' })
  await store.insert('theHandle', session, at(0))
  const errors: unknown[] = []
  const tryAll = async () => {
    const change = { ...login('theSubject'), ...setting({ 'v:a': 'theValue' }) }
    for (const call of [
      () => store.load('theHandle', at(1)),
      () => store.insert('theHandle', session, at(1)),
      () => store.change('theHandle', change, at(1)),
      () => store.list('theSubject', at(1)),
      () => store.deleteAll('theSubject', at(1)),
      () => store.delete('theHandle', at(1)),
    ]) {
      await (async () => call())().catch((error: unknown) => errors.push(error))
    }
  }
  await admin.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
  await tryAll()
  await admin.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  await admin.configSet('maxmemory', '1')
  await tryAll()
  await admin.configSet('maxmemory', '0')
  proxy.fate = () => 'lose'
  await tryAll()
  proxy.mend()
  store.close()
  await tryAll()
  expect(errors.length).toBeGreaterThan(15)
  for (const error of errors) {
    const { message, stack, name, ...rest } = error as Error
    const shown = [message, stack, name, JSON.stringify(rest)].join('\n')
    for (const word of words) expect(shown).not.toContain(word)
  }
})
