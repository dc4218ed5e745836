import { CountingProxy } from './counting-proxy'
import { receiveVisitors, sendRequests } from './load'
import { RedisProcess } from './redis-process'
import type { Report } from './report'
import { measureRounds, tasks } from './rounds'
import { ServerProcess } from './server-process'
import { chartTimes, reportTimes } from './table'

const kinds = [
  ['bare Express', 'bare'],
  ['hand-written', 'floor'],
  ['express-session', 'express-session'],
  ['holdfast', 'holdfast'],
] as const
const counted = 20

/** What one kind of server sends to Redis. */
interface Sent {
  readonly server: string
  /** Commands a request, for each task. */
  readonly commands: readonly number[]
  /** Bytes a request that changes one value of a session of so many bytes. */
  readonly bytes: readonly number[]
}

const sizes = [1000, 100_000]

/** Bare Express, a hand-written GET and SET, express-session with connect-redis, and holdfast with RedisStore. */
export async function run(report: Report): Promise<void> {
  const redis = await RedisProcess.start()
  try {
    const measured = await measureRounds(async function* () {
      for (const [name, kind] of kinds) yield await ServerProcess.start(name, 'redis.mjs', kind, urlOf(redis.port))
    })
    reportTimes(report, 'redis', measured, 'express-session')
    const sent: Sent[] = []
    for (const [name, kind] of kinds.slice(1)) sent.push(await countTraffic(name, kind, redis.port))
    reportSent(report, sent)
    const times = chartTimes(measured)
    report.chart('bench-redis', {
      title: 'What sessions in Redis cost a request',
      ...times,
      panels: [
        ...times.panels,
        ...sizes.map((size, which) => ({
          caption: `Bytes sent to Redis by a request that changes one value in a session of ${describeSize(size)}`,
          unit: 'bytes',
          groups: [{ name: describeSize(size), values: sent.map(({ bytes }) => bytes[which] ?? NaN) }],
        })),
      ],
    })
  } finally {
    await redis.stop()
  }
}

async function countTraffic(name: string, kind: string, redisPort: number): Promise<Sent> {
  const proxy = await CountingProxy.start(redisPort)
  const server = await ServerProcess.start(name, 'redis.mjs', kind, urlOf(proxy.port))
  try {
    const visitors = await receiveVisitors(server.port, '/write', 1)
    const commands: number[] = []
    for (const { path, withCookie } of tasks) {
      proxy.take()
      await sendRequests(server.port, path, withCookie ? visitors : [{ cookie: '' }], counted)
      commands.push(proxy.take().commands / counted)
    }
    const bytes: number[] = []
    for (const size of sizes) {
      const owner = await receiveVisitors(server.port, `/fill?bytes=${size}`, 1)
      await sendRequests(server.port, '/write', owner, 1)
      proxy.take()
      await sendRequests(server.port, '/write', owner, counted)
      bytes.push(proxy.take().bytes / counted)
    }
    return { server: name, commands, bytes }
  } finally {
    await server.stop()
    proxy.stop()
  }
}

function urlOf(port: number): NodeJS.ProcessEnv {
  return { REDIS_URL: `redis://127.0.0.1:${port}` }
}

function reportSent(report: Report, sent: readonly Sent[]): void {
  report.table(
    'redis-traffic',
    'Sent to Redis: commands a request, and bytes of a request that changes one value in a session of 1 kB, of 100 kB',
    ['server', ...tasks.map(({ name }) => name), ...sizes.map((size) => `bytes, ${describeSize(size)}`)],
    sent.map(({ server, commands, bytes }) => [
      server,
      ...commands.map(String),
      ...bytes.map((count) => count.toFixed(0)),
    ]),
  )
}

function describeSize(bytes: number): string {
  return `${bytes / 1000} kB`
}
