import { receiveVisitors, sendRequests, type Visitor } from './load'
import type { Report } from './report'
import { median } from './rounds'
import { pinOther, ServerProcess } from './server-process'

const sizes = [1000, 10_000, 100_000]
const keyCounts = [1, 10, 200]
const requests = 200
const warmUp = 4000
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 9)
const paths = ['/read', '/write'] as const

interface Case {
  readonly bytes: number
  readonly keys: number
  /** Microseconds over bare Express of a read and of a write, for express-session and for us. */
  readonly theirs: readonly number[]
  readonly ours: readonly number[]
}

/** CPU time of requests that read or change one small value beside 1 to 100 kB of others, in 1 to 200 of them. */
export async function measureGrowingSessions(report: Report): Promise<void> {
  pinOther(process.pid)
  const servers: ServerProcess[] = []
  try {
    for (const kind of ['bare', 'express-session', 'holdfast']) {
      servers.push(await ServerProcess.start(kind, 'memory.mjs', kind))
    }
    // V8 compiles what is called often; the first case must not bear that cost.
    for (const [index, visitors] of (await visitorsOf(servers, 1000, 10)).entries()) {
      for (const path of paths) await sendRequests(servers[index]?.port ?? 0, path, visitors, warmUp)
    }
    const cases: Case[] = []
    for (const bytes of sizes) for (const keys of keyCounts) cases.push(await measureCase(servers, bytes, keys))
    publish(report, cases)
  } finally {
    for (const server of servers) await server.stop()
  }
}

async function measureCase(servers: readonly ServerProcess[], bytes: number, keys: number): Promise<Case> {
  const visitors = await visitorsOf(servers, bytes, keys)
  const overheads = [1, 2].map(() => paths.map((): number[] => []))
  for (let round = 0; round <= rounds; round++) {
    for (const [which, path] of paths.entries()) {
      const times: number[] = []
      for (const [index, server] of servers.entries()) {
        const before = await server.cpuTime()
        await sendRequests(server.port, path, visitors[index] ?? [], requests)
        times.push(((await server.cpuTime()) - before) / requests)
      }
      // The first round warms up the new sessions.
      if (round === 0) continue
      for (const of of [1, 2]) overheads[of - 1]?.[which]?.push((times[of] ?? NaN) - (times[0] ?? NaN))
    }
  }
  const [theirs = [], ours = []] = overheads.map((of) => of.map(median))
  return { bytes, keys, theirs, ours }
}

/** Owners of sessions of that size, on each server but the first, which has no sessions. */
async function visitorsOf(servers: readonly ServerProcess[], bytes: number, keys: number): Promise<Visitor[][]> {
  const path = `/fill?bytes=${bytes}&keys=${keys}`
  const [, ...others] = servers
  const owners = await Promise.all(others.map(({ port }) => receiveVisitors(port, path, 8)))
  return [[{ cookie: 'sid=none' }], ...owners]
}

function publish(report: Report, cases: readonly Case[]): void {
  const nameOf = ({ bytes, keys }: Case): string => `${bytes / 1000} kB in ${keys} ${keys === 1 ? 'value' : 'values'}`
  const cell = ({ theirs, ours }: Case, which: number): string => {
    const [their = NaN, our = NaN] = [theirs[which], ours[which]]
    return `${(our / their).toFixed(2)} (${our.toFixed(1)} and ${their.toFixed(1)} µs)`
  }
  report.table(
    'growing-sessions',
    `CPU time over bare Express as a part of express-session's, memory stores; median of ${rounds} rounds of ${requests} requests`,
    ['a session of', 'read one value', 'write one value'],
    cases.map((one) => [nameOf(one), cell(one, 0), cell(one, 1)]),
  )
  report.chart('bench-scale', {
    title: 'What a request costs while its session grows',
    note: `CPU time over bare Express, memory stores; median of ${rounds} rounds of ${requests} requests`,
    series: ['express-session', 'holdfast'],
    panels: paths.map((path, which) => ({
      caption: `${path === '/read' ? 'Reading' : 'Writing'} one value; the session has 10 values`,
      unit: 'µs',
      groups: cases
        .filter(({ keys }) => keys === 10)
        .map(({ bytes, theirs, ours }) => ({
          name: `${bytes / 1000} kB`,
          values: [theirs[which] ?? NaN, ours[which] ?? NaN],
        })),
    })),
  })
}
