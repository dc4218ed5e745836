import { SessionManager } from '../lib'
import { RedisStore } from '../lib/redis'
import { RedisProcess } from './redis-process'
import { type Client, connect, inBatches, infoOf } from './redis-usage'
import type { Report } from './report'

/** A tenth of the smallest step of the table. */
const sample = 0.1
const gigabytes = [1, 8, 64]
/** What a Redis should hold at most: the rest is for fragmentation, and for the pages copied while a snapshot is written. */
const usable = 0.5
/** How busy one Redis should be at most, so that no command waits for others: it runs them all on one core. */
const busy = 0.5
const batch = 100

const kinds = [
  { name: 'small, of a user each', values: {} },
  { name: '1 kB of values, of a user each', values: { profile: 'x'.repeat(1000) } },
]

/** How many sessions and requests a second Redis of 1, 8 and 64 GB carries; checked by filling one of 0.1 GB. */
export async function measureCapacity(report: Report): Promise<void> {
  const rows: string[][] = []
  const checks: string[][] = []
  for (const { name, values } of kinds) {
    const redis = await RedisProcess.start('--maxmemory', `${sample * 1000}mb`, '--maxmemory-policy', 'noeviction')
    const client = await connect(redis.port)
    const manager = new SessionManager({ store: new RedisStore({ client }) })
    const make = async (n: number): Promise<string> => {
      const id = await manager.users.create(`user${n}`, { ip: '192.0.2.1' })
      if (Object.keys(values).length > 0) await manager.update(id, values)
      return id
    }
    try {
      const start = await infoOf(client, 'used_memory')
      const ids: string[] = []
      while (ids.length < 16_384) {
        ids.push(...(await Promise.all(Array.from({ length: batch }, (_, n) => make(ids.length + n)))))
      }
      const bytes = ((await infoOf(client, 'used_memory')) - start) / ids.length
      const read = await cpuOf(client, ids, (id) => manager.get(id))
      const write = await cpuOf(client, ids, (id, n) => manager.update(id, { views: n }))
      const predicted = (sample * 1e9 - start) / bytes
      const found = await fill(make, ids.length)
      checks.push([name, String(Math.round(predicted)), String(found), (found / predicted).toFixed(2)])
      for (const size of gigabytes) {
        const perSecond = (each: number): string => round((busy * 1e6) / each)
        rows.push([
          `${size} GB, ${name}`,
          round((usable * size * 1e9) / bytes),
          perSecond(read),
          perSecond(read + write),
        ])
      }
      rows.push([`100 million, ${name}`, `${((1e8 * bytes) / usable / 1e9).toFixed(0)} GB of Redis`, '', ''])
    } finally {
      await manager.close()
      client.destroy()
      await redis.stop()
    }
  }
  report.table(
    'capacity',
    `What one Redis carries: ${usable * 100} % of its memory full, ${busy * 100} % of one core busy`,
    ['Redis', 'sessions', 'requests a second that read', 'requests a second that change'],
    rows,
  )
  report.table(
    'capacity-check',
    `The check: a Redis of ${sample} GB, filled until it refuses`,
    ['sessions', 'by the bytes of the first 16 384', 'it held', 'ratio'],
    checks,
  )
}

async function fill(make: (n: number) => Promise<string>, from: number): Promise<number> {
  for (let count = from; ;) {
    const made = await Promise.allSettled(Array.from({ length: batch }, (_, n) => make(count + n)))
    count += made.filter(({ status }) => status === 'fulfilled').length
    if (made.some(({ status }) => status === 'rejected')) return count
  }
}

/** CPU time of the whole Redis process a call, in microseconds; calls come in pipelines, as from a busy app. */
async function cpuOf(
  client: Client,
  ids: readonly string[],
  work: (id: string, n: number) => Promise<unknown>,
): Promise<number> {
  const used = async (): Promise<number> =>
    (await infoOf(client, 'used_cpu_user')) + (await infoOf(client, 'used_cpu_sys'))
  const before = await used()
  await inBatches(ids, batch, work)
  return (((await used()) - before) * 1e6) / ids.length
}

/** Two significant digits: more would be claimed than known. */
function round(value: number): string {
  return Number(value.toPrecision(2)).toLocaleString('en-US')
}
