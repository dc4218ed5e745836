import { createCluster, createSentinel } from 'redis'
import * as redis6 from 'redis6'
import type { RedisStoreClient } from '../../lib/redis'
import { RedisStore } from '../../lib/redis'
import { GuardedStore } from '../../lib/stores/guarded-store'
import { at, newHandle, sessionWith, setting } from '../contract/samples'
import { RedisClusterServers } from '../support/redis-cluster'
import { startSentinel } from '../support/redis-sentinel'
import { RedisServer } from '../support/redis-server'

/** A master that dies and does not come back: its sessions are served again once its replica has taken over. */
jest.setTimeout(60_000)

type Closable = RedisStoreClient & {
  connect(): Promise<unknown>
  destroy(): void
  on(event: string, listener: () => void): unknown
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
/** Seconds that a call may take, and until when everything must be served again. */
const [timeout, recovery] = [2, 20]

async function connected(client: unknown): Promise<Closable> {
  const closable = client as Closable
  closable.on('error', () => undefined)
  await closable.connect()
  return closable
}

/** Writes to all sessions, over and over, until all are served again or the time is up. Resolves to those that are not. */
async function unserved(store: GuardedStore, handles: readonly string[]): Promise<number> {
  const until = Date.now() + recovery * 1000
  for (;;) {
    const results = await Promise.allSettled(
      handles.map(async (handle) => store.change(handle, setting({ 'v:after': '1' }), at(2))),
    )
    const failed = results.filter((one) => one.status === 'rejected' || one.value !== 'stored').length
    if (failed === 0 || Date.now() > until) return failed
    await pause(200)
  }
}

async function insertAll(store: RedisStore): Promise<string[]> {
  const handles = Array.from({ length: 60 }, () => newHandle())
  await Promise.all(handles.map((handle) => store.insert(handle, sessionWith({ subject: 'ann' }), at(0))))
  // More than the lag of a replica on the same machine.
  await pause(500)
  return handles
}

describe.each<[string, (rootNodes: { url: string }[]) => unknown]>([
  ['redis 5', (rootNodes) => createCluster({ rootNodes })],
  [
    'redis 5 without an offline queue',
    (rootNodes) => createCluster({ rootNodes, defaults: { disableOfflineQueue: true } }),
  ],
  ['redis 6', (rootNodes) => redis6.createCluster({ rootNodes })],
])('%s on a cluster', (_, create) => {
  test('serves the sessions of a master that died for good, after its replica took over', async () => {
    const servers = await RedisClusterServers.start(3, 1000)
    const [doomed] = servers.nodes
    if (doomed === undefined) throw new Error('no node')
    await servers.addReplica(doomed)
    const client = await connected(create(servers.rootNodes))
    try {
      const store = new RedisStore({ client })
      const handles = await insertAll(store)
      await doomed.kill()
      expect(await unserved(new GuardedStore(store, timeout), handles)).toBe(0)
      expect((await store.list('ann', at(3))).size).toBe(handles.length)
    } finally {
      client.destroy()
      await servers.stop()
    }
  })
})

describe.each<[string, (options: { name: string; sentinelRootNodes: { host: string; port: number }[] }) => unknown]>([
  ['redis 5', (options) => createSentinel(options)],
  ['redis 6', (options) => redis6.createSentinel(options)],
])('%s behind a sentinel', (_, create) => {
  test('serves the sessions of a master that died for good, after its replica took over', async () => {
    const sentinel = await startSentinel({ 'down-after-milliseconds': '500', 'failover-timeout': '3000' })
    const replica = await RedisServer.start()
    const admin = await replica.connect()
    await admin.sendCommand(['REPLICAOF', '127.0.0.1', String(sentinel.master.port)])
    while (!(await admin.info('replication')).includes('master_link_status:up')) await pause(50)
    await sentinel.knowsReplica()
    const client = await connected(create({ name: 'main', sentinelRootNodes: sentinel.sentinelRootNodes }))
    try {
      const store = new RedisStore({ client })
      const handles = await insertAll(store)
      await sentinel.master.kill()
      expect(await unserved(new GuardedStore(store, timeout), handles)).toBe(0)
      expect((await store.list('ann', at(3))).size).toBe(handles.length)
    } finally {
      client.destroy()
      await sentinel.stop()
      await replica.stop()
    }
  })
})
