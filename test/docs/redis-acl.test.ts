import { createClient } from 'redis'
import { SessionManager } from '../../lib'
import { RedisStore } from '../../lib/redis'
import { RedisServer } from '../support/redis-server'
import { Page } from './markdown'

test('a Redis user with the rights that the guide names can do all that the store does', async () => {
  const rights = new Page('docs/guide/redis.md').blocks.find(({ text }) => text.startsWith('ACL SETUSER shop'))
  const words = rights?.text.split(/\s+/).filter((word) => word !== '') ?? []
  expect(words.slice(0, 3)).toEqual(['ACL', 'SETUSER', 'shop'])
  const redis = await RedisServer.start()
  try {
    const administrator = await redis.connect()
    await administrator.sendCommand(words)
    const client = createClient({
      url: redis.url,
      username: 'shop',
      password: 'password',
      socket: { reconnectStrategy: false },
    })
    client.on('error', () => undefined)
    await client.connect()
    const store = new RedisStore({ client, prefix: 'shop:' })
    const sessions = new SessionManager({ store, timeouts: { idle: 600 } })
    const visitor = await sessions.create({ cart: ['book'] })
    expect(await sessions.update(visitor, { cart: null, theme: 'dark' })).toBe(true)
    expect(await sessions.get(visitor)).toEqual({ theme: 'dark' })
    await sessions.delete(visitor)
    await sessions.users.create('ann', { ip: '' })
    const second = await sessions.users.create('ann', { ip: '' })
    expect((await sessions.users.readAll('ann')).size).toBe(2)
    expect(await sessions.users.updateAll('ann', { role: 'editor' })).toBe(2)
    await sessions.users.delete('ann', second)
    expect(await sessions.users.deleteAll('ann')).toBe(1)
    // What was refused is in Redis' own log.
    expect(await administrator.sendCommand(['ACL', 'LOG'])).toEqual([])
    await sessions.close()
    client.destroy()
  } finally {
    await redis.stop()
  }
})
