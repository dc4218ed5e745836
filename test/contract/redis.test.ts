import { RedisStore } from '../../lib/redis'
import { RedisServer } from '../support/redis-server'
import { describeStore } from './store-contract'

async function open() {
  const server = await RedisServer.start()
  const client = await server.connect()
  const close = async () => {
    client.destroy()
    await server.stop()
  }
  return { newStore: () => new RedisStore({ client }), close }
}

describeStore('RedisStore', open, { listing: true })
