import session from 'express-session'
import { MemoryStore } from '../../lib'
import { RedisStore } from '../../lib/redis'
import { MapStorage } from '../support/map-storage'
import { withRedis } from '../support/with-redis'
import { describeUserSessionManager, type StorageKind } from './manager-suite'

const redis = withRedis()

/** The same over every kind of place that a session can be in; what differs is in files of their own. */
const kinds: StorageKind[] = [
  { name: 'MemoryStore', lists: true, listsBy: 'handle', open: (clock) => new MemoryStore({ clock }) },
  { name: 'RedisStore', lists: true, listsBy: 'handle', open: () => new RedisStore({ client: redis.client }) },
  { name: 'an express-session store', lists: false, listsBy: 'handle', open: () => new session.MemoryStore() },
  { name: 'six methods', lists: true, listsBy: 'id', open: (clock) => new MapStorage({ clock }) },
  {
    name: 'six methods that reply at once',
    lists: true,
    listsBy: 'id',
    open: (clock) => new MapStorage({ clock, sync: true }),
  },
  { name: 'six methods that drop nothing', lists: true, listsBy: 'id', open: () => new MapStorage({ counts: false }) },
]

for (const kind of kinds) describeUserSessionManager(kind)
