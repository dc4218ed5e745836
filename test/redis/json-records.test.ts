import { CallDeadline } from '../../lib/base/call-deadline'
import { jsonRecordsOf, type JsonRecords } from '../../lib/stores/json-records'
import { RedisStore } from '../../lib/redis'
import { RedisClusterServers } from '../support/redis-cluster'
import { withRedis } from '../support/with-redis'

const redis = withRedis()
const soon = () => new CallDeadline(5)
const key = 'sess:id'

function newRecords(): JsonRecords {
  const records = jsonRecordsOf(new RedisStore({ client: redis.client, layout: 'express-session' }))
  if (records === undefined) throw new Error('the store offers no JSON records')
  return records
}

test('only a store with this layout offers JSON records', () => {
  expect(jsonRecordsOf(redis.store)).toBeUndefined()
  expect(Object.keys(new RedisStore({ client: redis.client, layout: 'express-session' }))).toEqual([])
  for (const other of [undefined, null, 5, 'store', {}]) expect(jsonRecordsOf(other)).toBeUndefined()
})

test('replace and extend store nothing under a key that has expired or was deleted since the read', async () => {
  const records = newRecords()
  expect(await records.replace('id', 'a', 'b', 60, soon())).toBe('absent')
  expect(await records.extend('id', 'a', 60, soon())).toBe('absent')
  expect(await redis.client.exists(key)).toBe(0)
})

test('replace and extend leave another text and its deadline, and give that text', async () => {
  const records = newRecords()
  await redis.client.set(key, 'other', { EX: 30 })
  expect(await records.replace('id', 'a', 'b', 600, soon())).toEqual({ other: 'other' })
  expect(await records.extend('id', 'a', 600, soon())).toEqual({ other: 'other' })
  expect(await redis.client.get(key)).toBe('other')
  expect(await redis.client.ttl(key)).toBeLessThanOrEqual(30)
})

test('a command that a client sends twice succeeds twice', async () => {
  const records = newRecords()
  expect(await records.insert('id', 'a', 60, true, soon())).toBe(true)
  expect(await records.insert('id', 'a', 60, true, soon())).toBe(true)
  expect(await records.replace('id', 'a', 'b', 60, soon())).toBe('stored')
  expect(await records.replace('id', 'a', 'b', 60, soon())).toBe('stored')
  expect(await redis.client.get(key)).toBe('b')
})

test('an insert that must be new leaves the session that has the id; any other replaces it', async () => {
  const records = newRecords()
  await records.insert('id', 'a', 60, true, soon())
  expect(await records.insert('id', 'b', 60, true, soon())).toBe(false)
  expect(await records.load('id')).toBe('a')
  expect(await records.insert('id', 'b', 60, false, soon())).toBe(true)
  expect(await records.load('id')).toBe('b')
})

test('a key of another type is left as it is by every method', async () => {
  const records = newRecords()
  await redis.client.hSet(key, 'field', 'value')
  expect(await records.load('id')).toBeUndefined()
  expect(await records.insert('id', 'a', 60, false, soon())).toBe(false)
  expect(await records.replace('id', 'a', 'b', 60, soon())).toBe('absent')
  expect(await records.extend('id', 'a', 60, soon())).toBe('absent')
  await records.delete('id', soon())
  expect(await redis.client.hGetAll(key)).toEqual({ field: 'value' })
  expect(await redis.client.ttl(key)).toBe(-1)
})

test('a write whose time limit has passed has no effect', async () => {
  const records = newRecords()
  // The first reply says what time it is on the server.
  await records.insert('id', 'a', 60, false, soon())
  const late = new CallDeadline(-1)
  const tooLate = expect.objectContaining({ code: 'STORE_TIMEOUT' })
  await expect(records.replace('id', 'a', 'b', 60, late)).rejects.toEqual(tooLate)
  await expect(records.insert('id', 'b', 60, false, late)).rejects.toEqual(tooLate)
  await expect(records.delete('id', late)).rejects.toEqual(tooLate)
  expect(await records.load('id')).toBe('a')
})

test('lifetimes are rounded up to whole seconds, and 0 or less ends the session', async () => {
  const records = newRecords()
  await records.insert('id', 'a', 9.2, false, soon())
  expect(await redis.client.pTTL(key)).toBeGreaterThan(9200)
  expect(await records.extend('id', 'a', 99.2, soon())).toBe('stored')
  expect(await redis.client.ttl(key)).toBeGreaterThan(90)
  for (const lifetime of [0, -5]) {
    await records.insert('id', 'a', 60, false, soon())
    expect(await records.replace('id', 'a', 'b', lifetime, soon())).toBe('stored')
    expect(await redis.client.exists(key)).toBe(0)
  }
})

test('a server that has forgotten its scripts gets them again', async () => {
  const records = newRecords()
  await records.insert('id', 'a', 60, false, soon())
  await redis.client.sendCommand(['SCRIPT', 'FLUSH'])
  expect(await records.replace('id', 'a', 'b', 60, soon())).toBe('stored')
})

test('on a cluster each method reaches the node that has the key', async () => {
  const cluster = await RedisClusterServers.start()
  try {
    const client = await cluster.connect()
    const records = jsonRecordsOf(new RedisStore({ client, layout: 'express-session' }))
    for (let n = 0; n < 12; n++) {
      const id = `id${n}`
      expect(await records?.insert(id, 'a', 60, true, soon())).toBe(true)
      expect(await records?.replace(id, 'a', 'b', 60, soon())).toBe('stored')
      expect(await records?.extend(id, 'b', 60, soon())).toBe('stored')
      expect(await records?.load(id)).toBe('b')
      await records?.delete(id, soon())
      expect(await records?.load(id)).toBeUndefined()
    }
  } finally {
    await cluster.stop()
  }
})
