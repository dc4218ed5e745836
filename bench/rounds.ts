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
const mostRounds = Number(process.env['BENCH_ROUNDS'] ?? 41)
const mostSeconds = 100
const visitorsEach = 64

/** What came of measuring some servers. */
export interface Rounds {
  readonly figures: readonly Figures[]
  readonly rounds: number
  /** How noisy the machine was: for each task, the middle half of the first server's rounds, as a part of their median. */
  readonly spread: readonly number[]
}

/** How the figures came about, for those who read them. */
export function describeRounds(rounds: number): string {
  return `median of ${rounds} interleaved rounds of ${requests} requests, ${visitorsEach} sessions, Node ${process.versions.node}`
}

/**
 * Measures all servers in turns, task by task and round by round, so that whatever else the machine does meets all alike.
 * The overhead is the median of the differences within a round, to the first server, which has no sessions.
 */
export async function measureRounds(servers: readonly ServerProcess[]): Promise<Rounds> {
  pinOther(process.pid)
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
  let round = 0
  for (; round < mostRounds && performance.now() < until; round++) {
    for (const [which, task] of tasks.entries()) {
      for (let turn = 0; turn < servers.length; turn++) {
        const index = (turn + round) % servers.length
        const server = servers[index]
        if (server === undefined) continue
        times[index]?.[which]?.push(await measure(server, task, visitors.get(server) ?? [], requests))
      }
    }
  }
  const figures = servers.map(({ name }, index) => ({
    server: name,
    time: tasks.map((_, which) => median(times[index]?.[which] ?? [])),
    overhead: tasks.map((_, which) => median(differences(times[index]?.[which] ?? [], times[0]?.[which] ?? []))),
  }))
  return { figures, rounds: round, spread: tasks.map((_, which) => spreadOf(times[0]?.[which] ?? [])) }
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

function differences(ones: readonly number[], others: readonly number[]): number[] {
  return ones.map((one, index) => one - (others[index] ?? NaN))
}

function spreadOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const at = (part: number): number => sorted[Math.round(part * (sorted.length - 1))] ?? NaN
  return (at(0.75) - at(0.25)) / at(0.5)
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}
