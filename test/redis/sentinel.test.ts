import { createSentinel } from 'redis'
import * as redis6 from 'redis6'
import { RedisStore } from '../../lib/redis'
import { at, newHandle, newHash, sessionWith, setting } from '../contract/samples'
import { RedisServer } from '../support/redis-server'

const servers: RedisServer[] = []

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()))
})

const options = (port: number) => ({ name: 'holdfast', sentinelRootNodes: [{ host: '127.0.0.1', port }] })
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

test.each([
  [5, (port: number) => createSentinel(options(port))],
  [6, (port: number) => redis6.createSentinel(options(port))],
])('version %i: a failover under load keeps every session and every change that was reported stored', async (_, create) => {
  const master = await RedisServer.start({ 'repl-diskless-sync-delay': '0' })
  const replica = await RedisServer.start({ replicaof: `127.0.0.1 ${master.port}` })
  servers.push(master, replica)
  const onReplica = await replica.connect()
  while (!(await onReplica.info('replication')).includes('master_link_status:up')) await pause(20)
  const sentinel = await RedisServer.startSentinel(master)
  servers.push(sentinel)
  const onSentinel = await sentinel.connect()
  while (String(await onSentinel.sendCommand(['SENTINEL', 'REPLICAS', 'holdfast'])) === '') await pause(20)

  const client = create(sentinel.port)
  client.on('error', () => undefined)
  await client.connect()
  const store = new RedisStore({ client })
  const handle = newHandle()
  await store.insert(handle, sessionWith({ subject: 'u' }), at(0))
  const stored: string[] = []
  const load = { going: true }
  const running = (async () => {
    for (let i = 0; load.going; i++) {
      // What the master has not passed on when it dies is lost, as with any asynchronous replication: so a change is
      // counted once the replica has it.
      const result = await store.change(handle, setting({ [`v:${i}`]: '1' }), at(1)).catch(() => 'failed')
      if (result === 'stored' && (await onReplica.hExists(`sess:${handle}`, `v:${i}`)) === 1) stored.push(`v:${i}`)
    }
  })()
  await pause(200)
  await master.kill()
  while (!(await onReplica.info('replication')).includes('role:master')) await pause(50)
  const before = stored.length
  while (stored.length < before + 20) await pause(20)
  load.going = false
  await running

  const fields = (await store.load(handle, at(1)))?.fields
  expect(stored.filter((name) => fields?.has(name) !== true)).toEqual([])
  expect(await store.change(handle, { epoch: 0, replace: { hash: newHash(), issuedAt: at(1) } }, at(1))).toBe('stored')
  expect([...(await store.list('u', at(1))).keys()]).toEqual([handle])
  client.destroy()
})
