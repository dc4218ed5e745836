import { RedisStore } from '../../lib/redis'
import { RedisClusterServers } from '../support/redis-cluster'
import { describeStore } from './store-contract'

async function open() {
  const servers = await RedisClusterServers.start()
  const client = await servers.connect()
  const close = async () => {
    client.destroy()
    await servers.stop()
  }
  return { newStore: () => new RedisStore({ client }), close }
}

describeStore('RedisStore on a cluster', open, { listing: true })
