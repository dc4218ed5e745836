import { createCluster } from 'redis'
import * as redis6 from 'redis6'
import type { RedisStoreClient } from '../../lib/redis'
import { RedisStore } from '../../lib/redis'
import { at, newHandle, newHash, sessionWith, setting } from '../contract/samples'
import { RedisClusterServers } from '../support/redis-cluster'

let servers: RedisClusterServers

beforeAll(async () => {
  servers = await RedisClusterServers.start()
})
afterAll(async () => {
  await servers.stop()
})

type Admin = Awaited<ReturnType<RedisClusterServers['nodes'][number]['connect']>>

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Moves a slot as `redis-cli --cluster reshard` does, a few keys at a time, with time for others in between. */
async function moveSlot(slot: string, from: Admin, to: Admin, port: number): Promise<number> {
  const id = async (node: Admin) => node.sendCommand<string>(['CLUSTER', 'MYID'])
  const [source, target] = [await id(from), await id(to)]
  await to.sendCommand(['CLUSTER', 'SETSLOT', slot, 'IMPORTING', source])
  await from.sendCommand(['CLUSTER', 'SETSLOT', slot, 'MIGRATING', target])
  let moved = 0
  for (;;) {
    const keys = await from.sendCommand<string[]>(['CLUSTER', 'GETKEYSINSLOT', slot, '3'])
    if (keys.length === 0) break
    await from.sendCommand(['MIGRATE', '127.0.0.1', String(port), '', '0', '5000', 'KEYS', ...keys])
    moved += keys.length
    await pause(10)
  }
  for (const node of [to, from]) await node.sendCommand(['CLUSTER', 'SETSLOT', slot, 'NODE', target])
  return moved
}

describe.each<[number, () => Promise<{ client: RedisStoreClient; destroy(): void }>]>([
  [5, async () => wrap(await createCluster({ rootNodes: servers.rootNodes }).connect())],
  [6, async () => wrap(await redis6.createCluster({ rootNodes: servers.rootNodes }).connect())],
])('version %i of the client', (version, connect) => {
  test('a slot that moves under load: every change is stored, every login listed, every deadline kept', async () => {
    const { client, destroy } = await connect()
    // All keys of this prefix are in one slot.
    const store = new RedisStore({ client, prefix: `sess:{${version}}:` })
    const admins = await Promise.all(servers.nodes.map((node) => node.connect()))
    const [anyAdmin] = admins
    const slot = String((await anyAdmin?.clusterKeySlot(String(version))) ?? 0)
    const owns = async (admin: Admin) => {
      const lines = (await admin.sendCommand<string>(['CLUSTER', 'NODES'])).split('\n')
      return lines.some((line) => line.includes('myself') && hasSlot(line, Number(slot)))
    }
    const fromIndex = (await Promise.all(admins.map(owns))).indexOf(true)
    const toIndex = (fromIndex + 1) % admins.length
    const [from, to, port] = [admins[fromIndex], admins[toIndex], servers.nodes[toIndex]?.port]
    if (from === undefined || to === undefined || port === undefined) throw new Error('no node has the slot')

    const handles = Array.from({ length: 60 }, () => newHandle())
    await Promise.all(handles.map((handle) => store.insert(handle, sessionWith(), at(0))))
    const written: [string, string][] = []
    const bound = new Set<string>()
    let going = true
    let count = 0
    const lane = async () => {
      while (going) {
        const handle = handles[++count % handles.length] ?? ''
        const name = `v:${count}`
        expect(await store.change(handle, setting({ [name]: '1' }), at(1))).toBe('stored')
        written.push([handle, name])
        if (count % 10 === 0) {
          const replace = { hash: newHash(), issuedAt: at(1) }
          const bind = { subject: 'u', createdAt: at(1), expiresAt: at(9999) }
          expect(await store.change(handle, { replace, bind }, at(1))).toBe('stored')
          bound.add(handle)
          expect((await store.list('u', at(1))).has(handle)).toBe(true)
        }
        await pause(1)
      }
    }
    const lanes = Promise.all(Array.from({ length: 6 }, lane))
    await pause(30)
    expect(await moveSlot(slot, from, to, port)).toBeGreaterThanOrEqual(60)
    await pause(50)
    going = false
    await lanes

    expect(written.length).toBeGreaterThan(100)
    const loaded = await Promise.all(handles.map((handle) => store.load(handle, at(1))))
    const isThere = ([handle, name]: [string, string]) => loaded[handles.indexOf(handle)]?.fields.has(name)
    expect(written.filter((one) => isThere(one) !== true)).toEqual([])
    expect([...(await store.list('u', at(1))).keys()].sort()).toEqual([...bound].sort())
    const keys = (await to.keys('*')).filter((key) => key.includes(`{${version}}`))
    expect(keys.length).toBeGreaterThan(60)
    for (const key of keys) expect(await to.pTTL(key)).toBeGreaterThan(0)
    expect(await store.deleteAll('u', at(1))).toBe(bound.size)
    destroy()
  })
})

type Closable = RedisStoreClient & { destroy(): void; on(event: 'error', listener: () => void): unknown }

function wrap(client: Closable) {
  client.on('error', () => undefined)
  return { client, destroy: () => client.destroy() }
}

/** Whether a line of CLUSTER NODES says that its node has the slot. */
function hasSlot(line: string, slot: number): boolean {
  return line
    .split(' ')
    .slice(8)
    .some((range) => {
      const [first = '', last = first] = range.split('-')
      return Number(first) <= slot && slot <= Number(last)
    })
}
