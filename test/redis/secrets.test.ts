import { SessionManager } from '../../lib/index'
import { type Redis, withRedis } from '../support/with-redis'

const redis = withRedis()

/** Every key and all that is in it, as text. */
async function dump(client: Redis['client']): Promise<string> {
  const all: unknown[] = []
  for (const key of await client.keys('*')) {
    const kind = await client.type(key)
    all.push(key, kind === 'hash' ? await client.hGetAll(key) : await client.zRangeWithScores(key, 0, -1))
  }
  return JSON.stringify(all)
}

test('no id, and no secret half of one, is in any key or value, nor in any command on the way there', async () => {
  const admin = redis.client
  const watcher = await redis.server.connect()
  const monitored: string[] = []
  await watcher.monitor((line) => monitored.push(line))
  const time = { now: Date.now() / 1000 }
  const sessions = new SessionManager({
    store: redis.store,
    timeouts: { idle: 600, renewal: 60, oldSessionAvailabilityAfterRenewal: 30 },
    clock: () => time.now,
  })
  const context = { ip: '10.0.0.1', device: { name: 'a', type: 'b' } }
  const ids: string[] = [await sessions.create({ cart: ['apple'] }), await sessions.users.create('u1', context)]
  const dumps = [await dump(admin)]

  time.now += 90
  const [, renewed] = await sessions.users.read('u1', ids[1] ?? '', context)
  ids.push(renewed ?? '')
  const session = await sessions.read(ids[0] ?? '')
  ids.push(session.id)
  session.set('name', 'x')
  session.regenerateId()
  ids.push(session.id, (await sessions.save(session)) ?? '')
  await sessions.update(session.id, { more: 1 })
  await sessions.users.updateAll('u1', { role: 'admin' })
  await sessions.users.readAll('u1')
  dumps.push(await dump(admin))
  await sessions.users.deleteAll('u1')
  await sessions.delete(session.id)
  dumps.push(await dump(admin))

  const secrets = [...new Set(ids)].flatMap((id) => [id, id.slice(16)])
  expect(secrets.length).toBeGreaterThanOrEqual(8)
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(30)
    for (const text of dumps) expect(text).not.toContain(secret)
    for (const line of monitored) expect(line).not.toContain(secret)
  }
  expect(dumps[1]).toContain(ids[0]?.slice(0, 16))
  expect(monitored.length).toBeGreaterThan(20)
})
