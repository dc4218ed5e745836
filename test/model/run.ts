/** `npm run test:model`: see README.md beside this file. */
import { parseArgs } from 'node:util'
import { check, type Violation } from './checker'
import { runOnce } from './harness'
import { handleOf, type History, isOfUsers } from './history'
import { mutants } from './mutants'
import { profiles } from './profiles'
import { buildProgram } from './program'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, seconds: { type: 'string' }, verbose: { type: 'boolean' } },
})

/** One line of what happened, and each promise that was not kept. */
export function summary(
  name: string,
  { operations, sockets, faults, options }: History,
  found: readonly Violation[],
): string {
  const count = (outcome: string) => operations.filter((one) => one.outcome === outcome).length
  const ids = new Set(operations.map(({ issued }) => issued?.slice(0, 16)).filter(Boolean))
  const head =
    `${name}: seed ${options.seed}, ${options.seconds} s: ${operations.length} operations (${count('failed')} failed, ` +
    `${count('lost')} lost), ${ids.size} sessions, ${sockets.length} sockets, ${faults.length} faults: ${found.length} violations`
  const kinds = new Map<string, Violation[]>()
  for (const one of found) kinds.set(one.promise, [...(kinds.get(one.promise) ?? []), one])
  const lines = [...kinds].map(([promise, all]) => {
    const { what, operation } = all[0]!
    return `  ${all.length} x ${promise}: ${what}${operation ? ` (operation ${operation.number}, ${operation.act})` : ''}`
  })
  return [head, ...lines].join('\n')
}

/** What was done to the session of a violation, up to it. */
function story({ operations, sockets }: History, { what, operation: last }: Violation): string {
  const handle = handleOf(last?.id ?? last?.target ?? what)
  const users = new Set(
    operations.filter((one) => one.act === 'login' && handleOf(one.issued ?? '') === handle).map((one) => one.subject),
  )
  const own = operations.filter(
    ({ id = '', issued = '', target, number, subject, act }) =>
      number <= (last?.number ?? Infinity) &&
      (handleOf(id) === handle ||
        handleOf(issued) === handle ||
        target === handle ||
        (isOfUsers(act) && act !== 'list' && users.has(subject))),
  )
  const start = own[0]?.sentAt ?? 0
  const lines = own
    .slice(-40)
    .map(({ number, act, key, subject, id, issued, seen, result, outcome, process, ...when }) => {
      const times = [when.sentAt, when.actedAt, when.endedAt]
        .map((at) => (at === undefined ? '-' : at - start))
        .join(' ')
      const words = [number, act, key ?? subject, outcome, `process ${process}`, times, `id ${id?.slice(-4)}`]
      return `    ${words.join(', ')} -> ${issued?.slice(-4)} ${JSON.stringify(seen ?? result)}`
    })
  for (const { id, process, openedAt, closedAt, reason, ...socket } of sockets) {
    if (socket.handle !== handle) continue
    const times = `${openedAt - start} ${closedAt === undefined ? 'open' : closedAt - start}`
    lines.push(
      `    socket, process ${process}, ${times}, id ${id.slice(-4)}, ${socket.code} ${reason} ${JSON.stringify(socket.view)}`,
    )
  }
  return [`  session ${handle}:`, ...lines].join('\n')
}

/** Each broken copy is given these many runs to show itself; the package as it is must be clean in as many. */
const attempts = 3

async function runMutants(names: readonly string[], seed: number, seconds: number): Promise<number> {
  let failed = 0
  const chosen = mutants.filter(({ name }) => names.length === 0 || names.includes(name))
  const whole = await buildProgram()
  for (const profile of new Set(chosen.map((mutant) => mutant.profile))) {
    failed += await runProfile(profile, whole, seed, seconds)
  }
  for (const { name, profile, ...patch } of chosen) {
    const program = await buildProgram(name, [patch])
    let found: Violation[] = []
    for (let attempt = 0; attempt < attempts && found.length === 0; attempt++) {
      const history = await runOnce(program, { ...profiles[profile], seed: seed + attempt, seconds })
      found = check(history)
      if (found.length > 0) console.log(summary(`${name} caught`, history, found))
    }
    if (found.length > 0) continue
    failed++
    console.log(`${name}: NOT CAUGHT in ${attempts} runs of "${profile}"`)
  }
  return failed
}

async function runProfile(name: string, program: string, seed: number, seconds: number): Promise<number> {
  const history = await runOnce(program, { ...profiles[name], seed, seconds })
  const found = check(history)
  console.log(summary(name, history, found))
  if (values.verbose) {
    for (const one of found.slice(0, 20)) console.log(JSON.stringify(one))
    for (const one of found.slice(0, 3)) console.log(story(history, one))
  }
  return found.length
}

async function main(): Promise<void> {
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9))
  const [first, ...rest] = positionals
  // A Redis that is being stopped does not keep a process alive.
  const alive = setInterval(() => undefined, 60_000)
  let failed = 0
  if (first === 'mutants') failed = await runMutants(rest, seed, Number(values.seconds ?? 6))
  else {
    const names = first === undefined ? Object.keys(profiles) : positionals
    const unknown = names.find((name) => !(name in profiles))
    if (unknown !== undefined) throw new Error(`there is no run "${unknown}": ${Object.keys(profiles).join(', ')}`)
    const program = await buildProgram()
    for (const name of names) failed += await runProfile(name, program, seed, Number(values.seconds ?? 15))
  }
  clearInterval(alive)
  process.exit(failed > 0 ? 1 : 0)
}

void main()
