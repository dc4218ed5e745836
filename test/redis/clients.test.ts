import { createClient, createClientPool, createCluster, createSentinel, RESP_TYPES } from 'redis'
import * as redis6 from 'redis6'
import { RedisStore } from '../../lib/redis'
import type { RedisStoreClient } from '../../lib/redis'
import { at, newHandle, sessionWith, setting } from '../contract/samples'
import { withAllRedisKinds } from '../support/with-redis'

const servers = withAllRedisKinds()

interface Connected {
  readonly client: RedisStoreClient
  close(): Promise<unknown>
}

/** A client of which only the type that the package gives it is known: that each fits without a cast is part of the test. */
async function connected(client: RedisStoreClient & Closable): Promise<Connected> {
  client.on('error', () => undefined)
  await client.connect()
  return { client, close: async () => client.close() }
}

interface Closable {
  on(event: 'error', listener: () => void): unknown
  connect(): Promise<unknown>
  close(): unknown
}

const url = () => ({ url: servers.server.url })
const rootNodes = () => ({ rootNodes: servers.cluster.rootNodes })
const sentinels = () => ({ name: 'main', sentinelRootNodes: servers.sentinel.sentinelRootNodes })
const clientSideCache = { ttl: 0, maxEntries: 0, evictPolicy: 'LRU' } as const
const asBuffers = { [RESP_TYPES.BLOB_STRING]: Buffer }

const kinds: Record<string, () => Promise<Connected>> = {
  'version 5': () => connected(createClient(url())),
  'version 5, RESP3': () => connected(createClient({ ...url(), RESP: 3 })),
  'version 5, RESP3, with a cache of its own': () => connected(createClient({ ...url(), RESP: 3, clientSideCache })),
  'version 5, replies as buffers': () => connected(createClient(url()).withTypeMapping(asBuffers)),
  'version 5, pool': () => connected(createClientPool(url())),
  'version 5, cluster': () => connected(createCluster(rootNodes())),
  'version 5, cluster that reads from replicas': () => connected(createCluster({ ...rootNodes(), useReplicas: true })),
  'version 5, sentinel': () => connected(createSentinel(sentinels())),
  'version 6': () => connected(redis6.createClient(url())),
  'version 6, RESP2': () => connected(redis6.createClient({ ...url(), RESP: 2 })),
  'version 6, pool': () => connected(redis6.createClientPool(url())),
  'version 6, cluster': () => connected(redis6.createCluster(rootNodes())),
  'version 6, sentinel': () => connected(redis6.createSentinel(sentinels())),
}

describe.each(Object.keys(kinds))('%s', (kind) => {
  test('keeps, changes, lists and ends sessions, also right after the server forgot its scripts', async () => {
    const { client, close } = (await kinds[kind]?.()) ?? fail()
    const store = new RedisStore({ client })
    const subject = newHandle()
    const sessions = new Map(Array.from({ length: 20 }, () => [newHandle(), sessionWith({ subject }, { 'v:a': 'ä' })]))
    await Promise.all([...sessions].map(([handle, session]) => store.insert(handle, session, at(0))))
    const nodes = kind.includes('cluster') ? servers.cluster.nodes : [servers.server, servers.sentinel.master]
    for (const node of nodes) {
      const admin = await node.connect()
      await admin.sendCommand(['SCRIPT', 'FLUSH'])
      admin.destroy()
    }
    expect((await store.list(subject, at(1))).size).toBe(20)
    for (const [handle, session] of sessions) {
      expect(await store.load(handle, at(1))).toEqual(session)
      expect(await store.change(handle, setting({ 'v:b': '1' }), at(1))).toBe('stored')
      expect((await store.load(handle, at(1)))?.fields).toEqual(
        new Map([
          ['v:a', 'ä'],
          ['v:b', '1'],
        ]),
      )
    }
    const [one = ''] = sessions.keys()
    expect(await store.delete(one, at(1))).toBe('ended')
    expect(await store.changeAll(subject, { set: new Map(), remove: ['v:a'] }, at(1))).toBe(19)
    expect(await store.deleteAll(subject, at(1))).toBe(19)
    expect((await store.list(subject, at(1))).size).toBe(0)
    await close()
  })
})

function fail(): never {
  throw new Error('no such kind')
}

describe('options', () => {
  const stub = { isOpen: true, sendCommand: async () => [] }

  test.each<[string, any, RegExp]>([
    ['no options', undefined, /options is undefined; it accepts an object/],
    ['no client', {}, /client is not one of the "redis" package/],
    ['a client of another package', { client: { status: 'ready', sendCommand: () => undefined } }, /client is not one/],
    ['an unknown key', { client: stub, perfix: 'a:' }, /unknown option "perfix"; did you mean prefix\?/],
    ['a prefix that is not text', { client: stub, prefix: 1 }, /prefix is 1; it accepts text/],
  ])('%s', (_, options, message) => {
    const error = expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) })
    expect(() => new RedisStore(options)).toThrow(error)
  })

  test('an undefined prefix is the default one; every key starts with the prefix', async () => {
    const client = await servers.server.connect()
    await client.flushAll()
    await new RedisStore({ client, prefix: undefined }).insert('h1', sessionWith({ subject: 'u' }), at(0))
    await new RedisStore({ client, prefix: 'app:{1}' }).insert('h2', sessionWith({ subject: 'u' }), at(0))
    const six = await redis6.createClient({ url: servers.server.url, keyPrefix: 'six:' }).connect()
    await new RedisStore({ client: six }).insert('h3', sessionWith({ subject: 'u' }), at(0))
    const keys = (await client.keys('*')).map((key) => key.replace(/u:[\w-]{22}$/, 'u:hash')).sort()
    expect(keys).toEqual(['app:{1}h2', 'app:{1}u:hash', 'sess:h1', 'sess:u:hash', 'six:sess:h3', 'six:sess:u:hash'])
    six.destroy()
    client.destroy()
  })
})
