import { performance } from 'node:perf_hooks'
import { receiveVisitors, sendRequests, type Visitor } from './load'
import { pinOther, type ServerProcess } from './server-process'

/** What every server of a comparison does. */
export const tasks = [
  { name: 'no cookie', path: '/', withCookie: false },
  { name: 'read one value', path: '/read', withCookie: true },
  { name: 'write one value', path: '/write', withCookie: true },
] as const

/** For one server: for each task, microseconds of CPU time a request, and over those of the first server. */
export interface Figures {
  readonly server: string
  readonly time: readonly number[]
  readonly overhead: readonly number[]
}

const requests = 600
const warmUpRequests = 6000
const visitorsEach = 64
const starts = 6
const mostRounds = Math.ceil(Number(process.env['BENCH_ROUNDS'] ?? 54) / starts)
const mostSeconds = 30

/** What came of measuring some servers. */
export interface Rounds {
  readonly figures: readonly Figures[]
  /** Of all starts. */
  readonly rounds: number
  /** How noisy the machine was: for each task, the middle half of the first server's rounds, as a part of their median. */
  readonly spread: readonly number[]
}

/** How the figures came about, for those who read them. */
export function describeRounds(rounds: number): string {
  return `lower quartile of rounds, median of ${starts} starts; ${rounds} rounds of ${requests} requests, Node ${process.versions.node}`
}

/** Microseconds a request: for each server and task, those of each round. */
type Times = readonly (readonly number[][])[]

/**
 * Measures all servers in turns, task by task and round by round, so that whatever else the machine does meets all alike.
 * The overhead is over the first server, which has no sessions. Of the rounds of a server the lower quartile counts: others
 * on the machine can only add to a round, and a round is long enough to have its share of garbage collections. By the median,
 * a write of this package took 0.45 and 0.66 of express-session's overhead in two runs within two hours.
 *
 * All servers are started several times, and the median of the starts counts: two processes of the same program differ by
 * what V8 has compiled, and when, by more than two rounds of one process do.
 *
 * @param start Starts the servers, one after the other. They are stopped here.
 */
export async function measureRounds(start: () => AsyncIterable<ServerProcess>): Promise<Rounds> {
  pinOther(process.pid)
  const measured: { readonly names: readonly string[]; readonly times: Times }[] = []
  for (let which = 0; which < starts; which++) {
    const servers: ServerProcess[] = []
    try {
      for await (const server of start()) servers.push(server)
      measured.push({ names: servers.map(({ name }) => name), times: await timesOf(servers) })
    } finally {
      for (const server of servers) await server.stop()
    }
  }
  const each = (of: (times: Times) => number): number => median(measured.map(({ times }) => of(times)))
  const timesAt = (times: Times, server: number, task: number): readonly number[] => times[server]?.[task] ?? []
  const figures = (measured[0]?.names ?? []).map((name, index) => ({
    server: name,
    time: tasks.map((_, task) => each((times) => lowerQuartile(timesAt(times, index, task)))),
    overhead: tasks.map((_, task) =>
      each((times) => lowerQuartile(timesAt(times, index, task)) - lowerQuartile(timesAt(times, 0, task))),
    ),
  }))
  const rounds = measured.reduce((sum, { times }) => sum + timesAt(times, 0, 0).length, 0)
  const spread = tasks.map((_, task) => spreadOf(measured.flatMap(({ times }) => timesAt(times, 0, task))))
  return { figures, rounds, spread }
}

/** Measures servers that run. */
async function timesOf(servers: readonly ServerProcess[]): Promise<Times> {
  const visitors = new Map<ServerProcess, Visitor[]>()
  for (const [index, server] of servers.entries()) {
    visitors.set(
      server,
      index === 0 ? [{ cookie: 'sid=none' }] : await receiveVisitors(server.port, '/write', visitorsEach),
    )
    for (const task of tasks) await measure(server, task, visitors.get(server) ?? [], warmUpRequests)
  }
  const times = servers.map(() => tasks.map((): number[] => []))
  const until = performance.now() + mostSeconds * 1000
  for (let round = 0; round < mostRounds && performance.now() < until; round++) {
    for (const [which, task] of tasks.entries()) {
      for (let turn = 0; turn < servers.length; turn++) {
        const index = (turn + round) % servers.length
        const server = servers[index]
        if (server === undefined) continue
        times[index]?.[which]?.push(await measure(server, task, visitors.get(server) ?? [], requests))
      }
    }
  }
  return times
}

async function measure(
  server: ServerProcess,
  task: (typeof tasks)[number],
  visitors: readonly Visitor[],
  count: number,
): Promise<number> {
  const stranger = { cookie: '' }
  const before = await server.cpuTime()
  await sendRequests(server.port, task.path, task.withCookie ? visitors : [stranger], count)
  const used = (await server.cpuTime()) - before
  if (stranger.cookie !== '') throw new Error(`${server.name} gave a cookie to a visitor who left nothing`)
  return used / count
}

function spreadOf(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / quantile(values, 0.5)
}

function lowerQuartile(values: readonly number[]): number {
  return quantile(values, 0.25)
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.round(part * (sorted.length - 1))] ?? NaN
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}
