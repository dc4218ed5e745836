export { RedisStore } from './stores/redis/redis-store'
export type { RedisStoreOptions } from './stores/redis/redis-store'
export type {
  RedisClusterClient,
  RedisNodeClient,
  RedisSentinelClient,
  RedisStoreClient,
} from './stores/redis/redis-link'
export { SessionError } from './base/errors'
export type { SessionErrorCode } from './base/errors'
