import { RedisStore as ConnectRedis } from 'connect-redis'
import { SessionManager } from '../lib'
import { RedisStore } from '../lib/redis'
import { mintId } from '../lib/id/session-id'
import { RedisProcess } from './redis-process'
import { type Client, commandTimes, connect, inBatches, infoOf } from './redis-usage'
import type { Report } from './report'

const counts = (process.env['BENCH_SESSIONS'] ?? '10000,100000,1000000').split(',').map(Number)
const batch = 200

/** A store under test: makes sessions, reads one, changes one. */
interface Filler {
  readonly name: string
  insert(n: number): Promise<string>
  read(id: string): Promise<unknown>
  change(id: string, n: number): Promise<unknown>
}

/** Bytes a session in Redis and Redis' own time for a command, while the store grows. */
export async function measureGrowingStore(report: Report): Promise<void> {
  const rows: string[][] = []
  for (const open of [connectRedis, anonymous, signedIn]) {
    const redis = await RedisProcess.start()
    const client = await connect(redis.port)
    try {
      const filler = open(client)
      const base = await infoOf(client, 'used_memory')
      let ids: string[] = []
      for (const count of counts) {
        const from = ids.length
        const insert = await serverTime(client, count - from, async () => {
          for (let made = from; made < count; made += batch) {
            const size = Math.min(batch, count - made)
            ids = ids.concat(await Promise.all(Array.from({ length: size }, (_, index) => filler.insert(made + index))))
          }
        })
        const bytes = ((await infoOf(client, 'used_memory')) - base) / count
        const some = Array.from({ length: 5000 }, (_, index) => ids[(index * 7919) % ids.length] ?? '')
        const read = await serverTime(client, some.length, () => inBatches(some, batch, (id) => filler.read(id)))
        const write = await serverTime(client, some.length, () =>
          inBatches(some, batch, (id, n) => filler.change(id, n)),
        )
        rows.push([
          filler.name,
          count.toLocaleString('en-US'),
          bytes.toFixed(0),
          ...[insert, read, write].map((time) => time.toFixed(1)),
        ])
      }
    } finally {
      client.destroy()
      await redis.stop()
    }
  }
  report.table(
    'growing-store',
    'Redis, as the sessions grow in number: bytes a small session, and µs of its own time for making, for reading and for changing one, the change without the read before it',
    ['store', 'sessions', 'bytes a session', 'insert', 'read', 'write'],
    rows,
  )
}

function connectRedis(client: Client): Filler {
  const store = new ConnectRedis({ client, prefix: 'sess:', ttl: 86_400 })
  const cookie = { originalMaxAge: 86_400_000, expires: new Date(Date.now() + 86_400_000), httpOnly: true, path: '/' }
  const set = (id: string, views: number) => store.set(id, { cookie, user: 'somebody', views } as never)
  return {
    name: 'connect-redis',
    insert: async (n) => {
      const id = mintId(24)
      await set(id, n)
      return id
    },
    read: (id) => store.get(id),
    change: (id, n) => set(id, n + 1_000_000),
  }
}

function anonymous(client: Client): Filler {
  const manager = new SessionManager({ store: new RedisStore({ client }) })
  return { ...ours(manager), name: 'holdfast', insert: (n) => manager.create({ user: 'somebody', views: n }) }
}

function signedIn(client: Client): Filler {
  const manager = new SessionManager({ store: new RedisStore({ client }) })
  const context = { ip: '192.0.2.1' }
  return { ...ours(manager), name: 'holdfast, a user each', insert: (n) => manager.users.create(`user${n}`, context) }
}

function ours(manager: SessionManager): Pick<Filler, 'read' | 'change'> {
  return { read: (id) => manager.get(id), change: (id, n) => manager.update(id, { views: n + 1_000_000 }) }
}

/**
 * Redis' own time a session that `work` took, in microseconds: that of scripts, where there are any, and of plain commands
 * otherwise. What a script calls is in its own time, and a change is measured without the read before it.
 */
async function serverTime(client: Client, count: number, work: () => Promise<void>): Promise<number> {
  const times = await commandTimes(client, work)
  const script = times.get('evalsha') ?? times.get('fcall')
  const plain = ['set', 'get', 'hgetall', 'getex', 'expire', 'hset'].map((name) => times.get(name) ?? 0)
  return (script ?? plain.reduce((sum, time) => sum + time, 0)) / count
}
