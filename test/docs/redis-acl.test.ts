import { createClient } from 'redis'
import { SessionManager } from '../../lib'
import { CallDeadline } from '../../lib/base/call-deadline'
import { RedisStore } from '../../lib/redis'
import { jsonRecordsOf } from '../../lib/stores/json-records'
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

test('with the rights that the guide adds for the other layout, that one works as well', async () => {
  const page = new Page('docs/guide/redis.md')
  const rights = page.blocks.find(({ text }) => text.startsWith('ACL SETUSER shop'))?.text ?? ''
  const added = /^With `layout: 'express-session'` also `([^`]+)`\.$/m.exec(page.text)?.[1] ?? ''
  expect(added).not.toBe('')
  const redis = await RedisServer.start()
  try {
    const administrator = await redis.connect()
    await administrator.sendCommand(`${rights} ${added}`.split(/\s+/).filter((word) => word !== ''))
    const client = createClient({ url: redis.url, username: 'shop', password: 'password' })
    client.on('error', () => undefined)
    await client.connect()
    const records = jsonRecordsOf(new RedisStore({ client, prefix: 'shop:', layout: 'express-session' }))
    const deadline = new CallDeadline(5)
    expect(await records?.insert('id', 'a', 60, true, deadline)).toBe(true)
    expect(await records?.load('id')).toBe('a')
    expect(await records?.replace('id', 'a', 'b', 60, deadline)).toBe('stored')
    expect(await records?.extend('id', 'b', 60, deadline)).toBe('stored')
    await records?.delete('id', deadline)
    expect(await records?.load('id')).toBeUndefined()
    expect(await administrator.sendCommand(['ACL', 'LOG'])).toEqual([])
    client.destroy()
  } finally {
    await redis.stop()
  }
})
