import { createClient } from 'redis6'
import { RedisStore } from '../../lib/redis'
import { RedisServer } from '../support/redis-server'
import { describeStore } from './store-contract'

async function open() {
  const server = await RedisServer.start()
  const client = await createClient({ url: server.url }).connect()
  const close = async () => {
    client.destroy()
    await server.stop()
  }
  return { newStore: () => new RedisStore({ client }), close }
}

describeStore('RedisStore with version 6 of the client', open, { listing: true })
