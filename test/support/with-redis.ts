import { RedisStore } from '../../lib/redis'
import { RedisClusterServers } from './redis-cluster'
import { type RedisSentinel, startSentinel } from './redis-sentinel'
import { RedisServer } from './redis-server'

/** A Redis of a test file, with a client and a store. */
export interface Redis {
  readonly server: RedisServer
  readonly client: Awaited<ReturnType<RedisServer['connect']>>
  readonly store: RedisStore
}

/** Redis in each of its forms. */
export interface RedisKinds {
  readonly server: RedisServer
  readonly cluster: RedisClusterServers
  readonly sentinel: RedisSentinel
}

/** Starts a Redis for the tests of this file or `describe`. It is empty before each test. */
export function withRedis(options: Readonly<Record<string, string>> = {}): Redis {
  const redis = beforeTests<Redis>(
    async () => {
      const server = await RedisServer.start(options)
      const client = await server.connect()
      return { server, client, store: new RedisStore({ client }) }
    },
    ({ server }) => server.stop(),
  )
  beforeEach(async () => {
    await redis.client.flushAll()
  })
  return redis
}

/** Starts a single Redis, a cluster and one behind sentinels for the tests of this file or `describe`. */
export function withAllRedisKinds(): RedisKinds {
  return beforeTests<RedisKinds>(
    async () => {
      const starts = [RedisServer.start(), RedisClusterServers.start(), startSentinel()] as const
      const [server, cluster, sentinel] = await Promise.all(starts)
      return { server, cluster, sentinel }
    },
    (kinds) => Promise.all([kinds.server.stop(), kinds.cluster.stop(), kinds.sentinel.stop()]),
  )
}

/** What `start` resolves to, to be used from the first test on. */
function beforeTests<T extends object>(start: () => Promise<T>, stop: (started: T) => Promise<unknown>): T {
  let started: T | undefined
  beforeAll(async () => {
    started = await start()
  })
  afterAll(async () => {
    if (started !== undefined) await stop(started)
  })
  return new Proxy({} as T, {
    get(_, name) {
      if (started === undefined) throw new Error('it has not been started: use it within a test')
      return Reflect.get(started, name) as unknown
    },
  })
}
