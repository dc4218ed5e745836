import { performance } from 'node:perf_hooks'
import { type Visitor, receiveVisitors, sendRequests } from './load'
import { RedisProcess } from './redis-process'
import type { Report } from './report'
import { median } from './rounds'
import { pinOther, ServerProcess } from './server-process'

const connectionCounts = [1, 16, 256]
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3)
const seconds = 1.5
const visitorsEach = 256
const paths = [
  ['read', '/read'],
  ['write', '/write'],
] as const

const setups = [
  ['memory.mjs', ['bare', 'express-session', 'cookie-session', 'holdfast']],
  ['redis.mjs', ['bare', 'floor', 'express-session', 'holdfast']],
] as const

/** One server at one number of connections: requests a second at saturation, and milliseconds at half of that. */
interface Result {
  readonly rates: number[]
  readonly tails: number[]
}

/** Requests a second at saturation, and the 99th percentile of latency at half of it, at 1, 16 and 256 connections. */
export async function run(report: Report): Promise<void> {
  pinOther(process.pid)
  const redis = await RedisProcess.start()
  try {
    for (const [file, kinds] of setups) {
      const servers: ServerProcess[] = []
      try {
        for (const kind of kinds) {
          servers.push(await ServerProcess.start(kind, file, kind, { REDIS_URL: `redis://127.0.0.1:${redis.port}` }))
        }
        await measure(report, file === 'memory.mjs' ? 'memory' : 'redis', servers)
      } finally {
        for (const server of servers) await server.stop()
      }
    }
  } finally {
    await redis.stop()
  }
}

async function measure(report: Report, store: string, servers: readonly ServerProcess[]): Promise<void> {
  const visitors = new Map<ServerProcess, Visitor[]>()
  for (const [index, server] of servers.entries()) {
    const own = index === 0 ? [{ cookie: 'sid=none' }] : await receiveVisitors(server.port, '/write', visitorsEach)
    visitors.set(server, own)
    for (const [, path] of paths) await sendRequests(server.port, path, own, 4000)
  }
  for (const [task, path] of paths) {
    const results = servers.map(() => connectionCounts.map((): Result => ({ rates: [], tails: [] })))
    for (let round = 0; round < rounds; round++) {
      for (const [which, connections] of connectionCounts.entries()) {
        for (const [index, server] of servers.entries()) {
          const own = visitors.get(server) ?? []
          const result = results[index]?.[which]
          const rate = await saturate(server.port, path, own, connections)
          result?.rates.push(rate)
          result?.tails.push(await tailAt(rate / 2, server.port, path, own, connections))
        }
      }
    }
    report.table(
      `throughput-${store}-${task}`,
      `${store}, ${task} one value: requests a second at saturation, and the 99th percentile in ms at half of it; median of ${rounds} rounds of ${seconds} s`,
      ['server', ...connectionCounts.map((count) => `${count} ${count === 1 ? 'connection' : 'connections'}`)],
      servers.map(({ name }, index) => [
        name,
        ...(results[index] ?? []).map(
          ({ rates, tails }) => `${median(rates).toFixed(0)}; ${median(tails).toFixed(1)} ms`,
        ),
      ]),
    )
  }
}

async function saturate(
  port: number,
  path: string,
  visitors: readonly Visitor[],
  connections: number,
): Promise<number> {
  const start = performance.now()
  let sent = 0
  const until = start + seconds * 1000
  await sendRequests(port, path, visitors, Infinity, {
    connections,
    pace: () => {
      if (performance.now() >= until) return undefined
      sent++
      return 0
    },
  })
  return (sent / (performance.now() - start)) * 1000
}

/**
 * Requests are due at even intervals, and each one's latency is counted from when it was due, also where no connection was
 * free then: a stalled server is not excused by clients that wait for it.
 */
async function tailAt(
  rate: number,
  port: number,
  path: string,
  visitors: readonly Visitor[],
  connections: number,
): Promise<number> {
  const start = performance.now()
  const total = Math.ceil(rate * seconds)
  const latencies: number[] = []
  let sent = 0
  await sendRequests(port, path, visitors, total, {
    connections,
    pace: () => (sent < total ? start + (sent++ / rate) * 1000 : undefined),
    onResponse: (due) => latencies.push(performance.now() - due),
  })
  latencies.sort((one, other) => one - other)
  return latencies[Math.floor(latencies.length * 0.99)] ?? NaN
}
