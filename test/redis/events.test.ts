import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { createClient, createClientPool, createCluster, createSentinel } from 'redis'
import * as redis6 from 'redis6'
import { forgetWarnings } from '../../lib/base/warnings'
import type { RedisStoreClient } from '../../lib/redis'
import { RedisStore } from '../../lib/redis'
import { RedisEvents } from '../../lib/stores/redis/redis-events'
import { RedisLink } from '../../lib/stores/redis/redis-link'
import { newHandle, newHash, sessionWith, setting } from '../contract/samples'
import { newClient, type RedisServer } from '../support/redis-server'
import { TcpProxy } from '../support/tcp-proxy'
import { withAllRedisKinds } from '../support/with-redis'

const servers = withAllRedisKinds()

interface Connected {
  readonly client: RedisStoreClient
  readonly servers: readonly RedisServer[]
  destroy(): void
}

interface Closable {
  on(event: 'error', listener: () => void): unknown
  connect(): Promise<unknown>
  destroy(): unknown
}

async function connected(client: RedisStoreClient & Closable, servers: readonly RedisServer[]): Promise<Connected> {
  client.on('error', () => undefined)
  await client.connect()
  return { client, servers, destroy: () => void client.destroy() }
}

const single = (client: RedisStoreClient & Closable) => connected(client, [servers.server])
const clustered = (client: RedisStoreClient & Closable) => connected(client, servers.cluster.nodes)
const url = () => ({ url: servers.server.url })
const rootNodes = () => ({ rootNodes: servers.cluster.rootNodes })
const watched = () => ({ name: 'main', sentinelRootNodes: servers.sentinel.sentinelRootNodes })

const kinds: Record<string, () => Promise<Connected>> = {
  'version 5': () => single(createClient(url())),
  'version 5, RESP3': () => single(createClient({ ...url(), RESP: 3 })),
  'version 5 that does not reconnect': () => single(createClient({ ...url(), socket: { reconnectStrategy: false } })),
  'version 5, pool': () => single(createClientPool(url())),
  'version 5, cluster': () => clustered(createCluster(rootNodes())),
  'version 5, sentinel': () => connected(createSentinel(watched()), [servers.sentinel.master]),
  'version 6': () => single(redis6.createClient(url())),
  'version 6, pool': () => single(redis6.createClientPool(url())),
  'version 6 with a key prefix': () => single(redis6.createClient({ ...url(), keyPrefix: 'six:' })),
  'version 6, cluster': () => clustered(redis6.createCluster(rootNodes())),
  'version 6, sentinel': () => connected(redis6.createSentinel(watched()), [servers.sentinel.master]),
}

const now = () => Date.now() / 1000

/** What a listener was called with, and a way to wait for it. `undefined`: messages may have been missed. */
class Recorder {
  readonly all: (string | undefined)[] = []
  readonly listen = (handle?: string): void => {
    this.all.push(handle)
  }

  count(handle: string | undefined): number {
    return this.all.filter((one) => one === handle).length
  }

  async until(handle: string | undefined, times = 1): Promise<void> {
    await waitFor(() => this.count(handle) >= times)
  }
}

async function waitFor(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUp = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > giveUp) throw new Error('it did not happen')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

interface Line {
  readonly url: string
  /** Keeps back what the server says. */
  silent: boolean
  /** Connections that the client has given up. */
  cut: number
  stop(): void
}

async function startLine(port: number): Promise<Line> {
  const listening = createServer((client) => {
    const onward = connect(port, '127.0.0.1')
    onward.on('data', (data) => {
      if (!line.silent) client.write(data)
    })
    onward.on('error', () => client.destroy())
    client.on('data', (data) => onward.write(data))
    client.on('error', () => undefined)
    client.on('close', () => {
      line.cut++
      onward.destroy()
    })
  })
  listening.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  const url = `redis://127.0.0.1:${(listening.address() as AddressInfo).port}`
  const line: Line = { url, silent: false, cut: 0, stop: () => listening.close() }
  return line
}

/** How many connections have subscribed. */
async function subscribers(servers: readonly RedisServer[]): Promise<number> {
  let count = 0
  for (const one of servers) {
    const admin = await one.connect()
    count += (await admin.sendCommand<string>(['CLIENT', 'LIST', 'TYPE', 'PUBSUB']))
      .split('\n')
      .filter((line) => line !== '').length
    admin.destroy()
  }
  return count
}

async function cutSubscribers(servers: readonly RedisServer[]): Promise<void> {
  for (const one of servers) {
    const admin = await one.connect()
    await admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'PUBSUB'])
    admin.destroy()
  }
}

describe.each(Object.keys(kinds))('%s', (kind) => {
  let own: Connected
  let elsewhere: Connected

  beforeEach(async () => {
    const connect = kinds[kind] ?? kinds['version 5']!
    ;[own, elsewhere] = [await connect(), await connect()]
  })
  afterEach(async () => {
    own.destroy()
    elsewhere.destroy()
  })

  test('a store is notified of what another process changes and ends, also after its connection was cut', async () => {
    const [store, other] = [new RedisStore({ client: own.client }), new RedisStore({ client: elsewhere.client })]
    const before = await subscribers(own.servers)
    const recorder = new Recorder()
    const stop = store.subscribe(recorder.listen)
    await recorder.until(undefined)
    const handles = Array.from({ length: 20 }, newHandle)
    for (const handle of handles) {
      await other.insert(handle, sessionWith({ subject: 'ada', expiresAt: now() + 60 }), now())
      await store.watch(handle, now(), now() + 60)
      await other.change(handle, setting({ 'v:a': '1' }), now())
    }
    await Promise.all(handles.map((handle) => recorder.until(handle)))
    await other.changeAll('ada', { set: new Map([['v:b', '2']]), remove: [] }, now())
    await Promise.all(handles.map((handle) => recorder.until(handle, 2)))
    if (!kind.endsWith('5, sentinel')) {
      const times = recorder.count(undefined)
      const lines = await subscribers(own.servers)
      await cutSubscribers(own.servers)
      await recorder.until(undefined, times + 1)
      // A cluster has a connection to each master; a message before the last one is back is reported as a gap, without a handle.
      await waitFor(async () => (await subscribers(own.servers)) >= lines)
    }
    expect(await other.delete(handles[0] ?? '', now(), { subject: 'ada' })).toBe('ended')
    await other.deleteAll('ada', now())
    await Promise.all(handles.map((handle) => recorder.until(handle, 3)))
    stop()
    await waitFor(async () => (await subscribers(own.servers)) <= before)
    store.close()
    other.close()
  })
})

describe('of sessions and messages', () => {
  let store: RedisStore
  let other: RedisStore
  let admin: Awaited<ReturnType<RedisServer['connect']>>
  let proxy: TcpProxy
  let clients: { destroy(): void }[]
  let handle: string
  const recorder = () => new Recorder()

  beforeEach(async () => {
    proxy = await TcpProxy.start(servers.server.port)
    const connect = async () => {
      const client = newClient(proxy.url)
      client.on('error', () => undefined)
      await client.connect()
      return client
    }
    const [one, two] = [await connect(), await connect()]
    admin = await servers.server.connect()
    clients = [one, two, admin]
    store = new RedisStore({ client: one })
    other = new RedisStore({ client: two })
    handle = newHandle()
    await other.insert(handle, sessionWith({ hash: newHash(), expiresAt: now() + 60 }, { 'v:secret': '"data"' }), now())
  })
  afterEach(async () => {
    store.close()
    other.close()
    for (const client of clients) client.destroy()
    await proxy.stop()
  })

  test('the change of a session without a watch is one command, and notifies no listener', async () => {
    const listener = recorder()
    store.subscribe(listener.listen)
    await listener.until(undefined)
    await other.change(handle, setting({ 'v:a': '1' }), now())
    await other.load(handle, now())
    proxy.forgetCounts()
    await other.change(handle, setting({ 'v:a': '2' }), now())
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect([proxy.commands, listener.count(handle)]).toEqual([['EVALSHA'], 0])
  })

  test('the change of a session with a watch costs one message more, until the watch ends', async () => {
    await store.watch(handle, now(), now() + 30)
    await other.change(handle, setting({ 'v:a': '1' }), now())
    await waitFor(() => proxy.commands.at(-1) === 'PUBLISH')
    proxy.forgetCounts()
    await other.change(handle, setting({ 'v:a': '2' }), now())
    await waitFor(() => proxy.commands.length === 2)
    await other.change(handle, setting({ 'v:a': '3' }), now() + 31)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(proxy.commands).toEqual(['EVALSHA', 'PUBLISH', 'EVALSHA'])
  })

  test('an access publishes nothing, and neither does a change that was refused', async () => {
    await store.watch(handle, now(), now() + 30)
    proxy.forgetCounts()
    await other.change(handle, { access: { accessedAt: now(), idleUntil: now() + 9 } }, now())
    await other.change(handle, { epoch: 7, ...setting({ 'v:a': '1' }) }, now())
    await other.delete(handle, now(), { subject: 'another' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(proxy.commands).not.toContain('PUBLISH')
  })

  test('watch returns what load returns, in one command, and shortens no earlier watch', async () => {
    expect(await store.watch(handle, now(), now() + 30)).toEqual(await store.load(handle, now()))
    const until = await admin.hGet(`sess:${handle}`, 'w')
    proxy.forgetCounts()
    await store.watch(handle, now(), now() + 10)
    expect([proxy.commands, await admin.hGet(`sess:${handle}`, 'w')]).toEqual([['EVALSHA'], until])
    expect(await store.watch(newHandle(), now(), now() + 30)).toBeUndefined()
    expect(await admin.keys('sess:*')).toContain(`sess:${handle}`)
  })

  test('watch neither creates nor changes a key that holds no session', async () => {
    await admin.hSet('sess:foreign', 'name', 'Ada')
    await admin.set('sess:text', 'Ada')
    for (const name of ['foreign', 'text', 'none']) {
      expect(await store.watch(name, now(), now() + 30)).toBeUndefined()
    }
    expect(await admin.hGetAll('sess:foreign')).toEqual({ name: 'Ada' })
    expect(await admin.exists('sess:none')).toBe(0)
    await admin.del(['sess:foreign', 'sess:text'])
  })

  test('a Redis that is full is still read', async () => {
    await admin.configSet('maxmemory', '1')
    try {
      expect((await store.watch(handle, now(), now() + 30))?.fields.size).toBe(1)
    } finally {
      await admin.configSet('maxmemory', '0')
    }
  })

  test('no message holds more than a handle', async () => {
    const seen: string[] = []
    const spy = await servers.server.connect()
    clients.push(spy)
    await spy.pSubscribe('*', (text, channel) => seen.push(`${channel} ${text}`))
    await store.watch(handle, now(), now() + 30)
    await other.change(handle, setting({ 'v:a': '"private"' }), now())
    await other.delete(handle, now())
    await waitFor(() => seen.length === 2)
    expect(seen).toEqual(Array(2).fill(`sess:news ${handle}`))
  })

  test('listeners share one connection', async () => {
    const before = await subscribers([servers.server])
    const listeners = Array.from({ length: 50 }, recorder)
    const stops = listeners.map((listener) => store.subscribe(listener.listen))
    await listeners[49]?.until(undefined)
    expect((await subscribers([servers.server])) - before).toBe(1)
    for (const stop of stops) stop()
    await waitFor(async () => (await subscribers([servers.server])) === before)
  })

  test('a connection on which nothing arrives, without having been cut, is replaced', async () => {
    const line = await startLine(servers.server.port)
    const [client, direct] = [newClient(line.url), newClient(servers.server.url)]
    client.on('error', () => undefined)
    await Promise.all([client.connect(), direct.connect()])
    clients.push(client, direct)
    const events = new RedisEvents(client, new RedisLink(direct), 'line:', 0.1)
    const listener = recorder()
    events.subscribe(listener.listen)
    await listener.until(undefined)
    line.silent = true
    await waitFor(() => line.cut > 0)
    line.silent = false
    await listener.until(undefined, 2)
    events.publish(handle)
    await listener.until(handle)
    events.close()
    line.stop()
  })

  test('the store warns once of a Redis that forbids publishing', async () => {
    forgetWarnings()
    const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    await admin.sendCommand(['ACL', 'SETUSER', 'shy', 'on', '>secret-of-shy', '~*', '+@all', 'resetchannels'])
    const shy = createClient({ url: servers.server.url.replace('://', '://shy:secret-of-shy@') })
    shy.on('error', () => undefined)
    await shy.connect()
    clients.push(shy)
    const shyStore = new RedisStore({ client: shy })
    shyStore.subscribe(recorder().listen)
    await shyStore.watch(handle, now(), now() + 30)
    await shyStore.change(handle, setting({ 'v:a': '1' }), now())
    await waitFor(() => warned.mock.calls.length > 0)
    expect(warned.mock.calls.map(([, options]) => (options as { code?: string }).code)).toEqual([
      'HOLDFAST_REDIS_NEWS_FORBIDDEN',
    ])
    warned.mockRestore()
    shyStore.close()
  })
})
