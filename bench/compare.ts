/*
 * `tsx bench/compare.ts <folder>…`: CPU time a request of several builds of this package, side by side, on the memory store.
 * Each folder is a checkout whose `dist` is built (`node .ci/build.mjs`), for example that of the last release and this one.
 *
 * Made for machines that others use: many short interleaved rounds, and each server started anew several times, because one
 * process differs from the next by what V8 has compiled. Says how far the starts differ.
 */
import { basename, join, resolve } from 'node:path'
import { receiveVisitors, sendRequests, type Visitor } from './load'
import { median, tasks } from './rounds'
import { pinOther, ServerProcess } from './server-process'
import { formatTable } from './table'

const starts = Number(process.env['BENCH_STARTS'] ?? 5)
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 25)
const requests = 300
const warmUp = 4000

/** Microseconds a request: for each server and task, those of each start's rounds. */
type Times = number[][][]

async function main(): Promise<void> {
  const packages = process.argv.slice(2).map((folder) => resolve(folder))
  const names = ['bare Express', 'express-session', ...packages.map((folder) => basename(folder))]
  pinOther(process.pid)
  const over: Times = names.map(() => tasks.map(() => []))
  const plain: Times = names.map(() => tasks.map(() => []))
  for (let start = 0; start < starts; start++) {
    const times = await measureOnce(packages)
    for (const index of names.keys()) {
      for (const which of tasks.keys()) {
        const ones = times[index]?.[which] ?? []
        const bare = times[0]?.[which] ?? []
        plain[index]?.[which]?.push(median(ones))
        over[index]?.[which]?.push(middleMean(ones.map((one, round) => one - (bare[round] ?? NaN))))
      }
    }
    process.stderr.write(`start ${start + 1} of ${starts}\n`)
  }
  console.log(
    `CPU time a request over bare Express, µs: median of ${starts} starts of ${rounds} rounds (least to most);`,
  )
  console.log(`part of express-session's in the same start. Node ${process.versions.node}\n`)
  console.log(
    formatTable(
      ['build', ...tasks.map(({ name }) => name)],
      names.map((name, index) => [
        name,
        ...tasks.map((_, which) => {
          const ones = over[index]?.[which] ?? []
          if (index === 0) return spread(plain[0]?.[which] ?? [], 1)
          const parts = ones.map((one, start) => one / (over[1]?.[which]?.[start] ?? NaN))
          return `${spread(ones, 1)}; ${spread(parts, 2)}`
        }),
      ]),
    ),
  )
}

function spread(values: readonly number[], digits: number): string {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return `${median(values).toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`
}

/** The mean of the middle half: steadier than the median, and as deaf to outliers. */
function middleMean(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const quarter = Math.floor(sorted.length / 4)
  const middle = sorted.slice(quarter, sorted.length - quarter)
  return middle.reduce((sum, one) => sum + one, 0) / middle.length
}

/** Starts all servers, and measures them in turns, task by task and round by round. */
async function measureOnce(packages: readonly string[]): Promise<Times> {
  const servers: ServerProcess[] = []
  try {
    for (const kind of ['bare', 'express-session']) servers.push(await ServerProcess.start(kind, 'memory.mjs', kind))
    for (const folder of packages) {
      const env = { BENCH_PACKAGE: join(folder, 'dist', 'index.mjs') }
      servers.push(await ServerProcess.start(folder, 'memory.mjs', 'holdfast', env))
    }
    const visitors: Visitor[][] = []
    for (const [index, server] of servers.entries()) {
      visitors.push(index === 0 ? [{ cookie: 'sid=none' }] : await receiveVisitors(server.port, '/write', 64))
    }
    const ask = async (index: number, which: number, count: number): Promise<number> => {
      const [server, task] = [servers[index], tasks[which]]
      if (server === undefined || task === undefined) return NaN
      const before = await server.cpuTime()
      const from = task.withCookie ? (visitors[index] ?? []) : [{ cookie: '' }]
      await sendRequests(server.port, task.path, from, count)
      return ((await server.cpuTime()) - before) / count
    }
    for (const index of servers.keys()) for (const which of tasks.keys()) await ask(index, which, warmUp)
    const times: Times = servers.map(() => tasks.map(() => []))
    for (let round = 0; round < rounds; round++) {
      for (const which of tasks.keys()) {
        for (let turn = 0; turn < servers.length; turn++) {
          const index = (turn + round) % servers.length
          times[index]?.[which]?.push(await ask(index, which, requests))
        }
      }
    }
    return times
  } finally {
    for (const server of servers) await server.stop()
  }
}

void main()
