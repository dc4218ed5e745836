import { RedisServer } from './redis-server'

/** An empty database of a Redis. */
export interface RedisDatabase {
  /** A connected client, destroyed by `close`. */
  connect(): ReturnType<RedisServer['connect']>
  close(): Promise<void>
}

let server: Promise<RedisServer> | undefined
let databases = 0
afterAll(async () => (await server)?.stop())

/** One server for all databases of a test file: it is what takes time to start. */
export async function openRedisDatabase(): Promise<RedisDatabase> {
  const redis = await (server ??= RedisServer.start({ databases: '1000' }))
  const number = databases++
  const clients: Awaited<ReturnType<RedisServer['connect']>>[] = []
  return {
    async connect() {
      const client = await redis.connect(number)
      clients.push(client)
      return client
    },
    async close() {
      for (const client of clients) if (client.isOpen) client.destroy()
    },
  }
}
