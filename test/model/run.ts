/** `npm run test:model`: see README.md beside this file. */
import { parseArgs } from 'node:util'
import { check, type Violation } from './checker'
import { runOnce } from './harness'
import type { History } from './history'
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
  if (values.verbose) for (const one of found.slice(0, 20)) console.log(JSON.stringify(one))
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
    const program = await buildProgram()
    for (const name of names) failed += await runProfile(name, program, seed, Number(values.seconds ?? 15))
  }
  clearInterval(alive)
  process.exit(failed > 0 ? 1 : 0)
}

void main()
