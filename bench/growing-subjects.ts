import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createClient } from 'redis'
import { SessionManager } from '../lib'
import { RedisStore } from '../lib/redis'
import { RedisProcess } from './redis-process'
import type { Client } from './redis-usage'
import type { Report } from './report'
import { median } from './rounds'

const counts = [1, 100, 10_000]
const logins = 20
const rounds = Math.min(7, Number(process.env['BENCH_ROUNDS'] ?? 7))

/** One call, in milliseconds: how long it took, the longest that another connection waited for Redis meanwhile, and the longest
 * command that Redis carried out. */
interface Watched {
  readonly took: number
  readonly wait: number
  readonly command: number
}

/**
 * What login, `readAll` and `deleteAll` take for a user of 1, 100 and 10 000 sessions, and how long others wait for Redis: beside
 * how long they wait while the app computes for as long, and sends Redis nothing.
 */
export async function measureGrowingSubjects(report: Report): Promise<void> {
  const redis = await RedisProcess.start()
  const url = `redis://127.0.0.1:${redis.port}`
  const client = await createClient({ url }).connect()
  await client.configSet({ 'slowlog-log-slower-than': '100', 'slowlog-max-len': '10000' })
  const manager = new SessionManager({ store: new RedisStore({ client }) })
  const watch = (work: () => Promise<void>) => watchCall(client, stranger, work)
  const stranger = fork(join(__dirname, 'servers/pinger.mjs'), [String(redis.port)], { execArgv: [] })
  await once(stranger, 'message')
  const rows: string[][] = []
  try {
    for (const count of counts) {
      const measured: Watched[][] = []
      for (let round = 0; round < rounds; round++) {
        measured.push(await measureSubject(manager, watch, `user-${count}-${round}`, count))
      }
      const [login, list, end, computing] = [0, 1, 2, 3].map((which) => measured.map((calls) => calls[which]))
      rows.push([
        String(count),
        `${(median(times(login)) / logins).toFixed(2)} ms`,
        ...[list, end].map((calls) => `${median(times(calls)).toFixed(1)} ms (${describeWaits(calls)})`),
        describeWaits(computing),
        describe(measured.map(([, list, end]) => Math.max(list?.command ?? NaN, end?.command ?? NaN))),
      ])
    }
    report.table(
      'growing-subjects',
      `A user's sessions in Redis: how long a call takes, the longest that another connection waited for a PING meanwhile, and the longest command of readAll and deleteAll by Redis' own log: median of ${rounds} rounds, and the least`,
      [
        'sessions of the user',
        'a login',
        'readAll (others wait)',
        'deleteAll (others wait)',
        'others wait without Redis in use',
        'longest command of Redis',
      ],
      rows,
    )
  } finally {
    await manager.close()
    client.destroy()
    stranger.disconnect()
    await redis.stop()
  }
}

async function measureSubject(
  { users }: SessionManager,
  watch: (work: () => Promise<void>) => Promise<Watched>,
  subject: string,
  count: number,
): Promise<Watched[]> {
  for (let made = 0; made < count; made += 100) {
    await Promise.all(Array.from({ length: Math.min(100, count - made) }, () => users.create(subject, context)))
  }
  const login = await watch(async () => {
    for (let n = 0; n < logins; n++) await users.create(subject, context)
  })
  const list = await watch(async () => {
    const { size } = await users.readAll(subject)
    if (size !== count + logins) throw new Error(`readAll found ${size} sessions of ${count + logins}`)
  })
  const end = await watch(async () => {
    const ended = await users.deleteAll(subject)
    if (ended !== count + logins) throw new Error(`deleteAll ended ${ended} sessions of ${count + logins}`)
  })
  const computing = await watch(() => compute(end.took))
  return [login, list, end, computing]
}

/** Keeps this process busy for so many milliseconds, in turns of one. */
async function compute(milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  while (performance.now() < end) {
    const turn = performance.now() + 1
    while (performance.now() < turn);
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function times(calls: readonly (Watched | undefined)[] = []): number[] {
  return calls.map((call) => call?.took ?? NaN)
}

function describeWaits(calls: readonly (Watched | undefined)[] = []): string {
  return describe(calls.map((call) => call?.wait ?? NaN))
}

/** The median, and the least. */
function describe(milliseconds: readonly number[]): string {
  return `${median(milliseconds).toFixed(1)}, ${Math.min(...milliseconds).toFixed(1)} ms`
}

const context = { ip: '192.0.2.1', device: { name: 'Firefox on Linux' } }

async function watchCall(client: Client, stranger: ChildProcess, work: () => Promise<void>): Promise<Watched> {
  await longestWait(stranger)
  await client.sendCommand(['SLOWLOG', 'RESET'])
  const start = performance.now()
  await work()
  const took = performance.now() - start
  const wait = await longestWait(stranger)
  // Each entry has the microseconds in the third place; shorter commands than a tenth of a millisecond have none.
  const entries = (await client.sendCommand(['SLOWLOG', 'GET', '-1'])) as unknown as [number, number, number][]
  return { took, wait, command: Math.max(0, ...entries.map(([, , microseconds]) => microseconds)) / 1000 }
}

async function longestWait(stranger: ChildProcess): Promise<number> {
  stranger.send('take')
  const [milliseconds] = (await once(stranger, 'message')) as [number]
  return milliseconds
}
