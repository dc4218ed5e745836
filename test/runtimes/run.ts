import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { isDeepStrictEqual } from 'node:util'
import { cases } from './cases'
import { differences } from './differences'

/** `npm run test:runtimes`: the same cases on Node, Bun and Deno. What a runtime does differently must be named. */

const packages = join(__dirname, 'node_modules')

function binary(scope: string, ...path: string[]): string {
  for (const folder of existsSync(join(packages, scope)) ? readdirSync(join(packages, scope)) : []) {
    const file = join(packages, scope, folder, ...path)
    if (existsSync(file)) return file
  }
  throw new Error(`npm has installed no package of ${scope} for this machine`)
}

const runtimes: readonly (readonly [name: string, command: () => readonly string[]])[] = [
  ['Node', () => [process.execPath]],
  ['Bun', () => [binary('@oven', 'bin', 'bun'), 'run']],
  ['Deno', () => [binary('@deno', 'deno'), 'run', '--quiet', '--allow-all', '--node-modules-dir=manual']],
]

/** Milliseconds that a case may take. */
const limit = 10_000

interface Started {
  readonly version: string
  readonly ports: Readonly<Record<string, number>>
}

async function start(command: readonly string[]): Promise<[child: ChildProcess, started: Started]> {
  const [file = '', ...args] = command
  const child = spawn(file, [...args, join(__dirname, 'app.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout })) return [child, JSON.parse(line) as Started]
  throw new Error(`${file} has ended`)
}

/** What each case gives: its result, or why it has failed. */
async function results(command: readonly string[]): Promise<[version: string, results: Map<string, unknown>]> {
  const [child, { version, ports }] = await start(command)
  const given = new Map<string, unknown>()
  try {
    for (const { name, run } of cases) {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error('no result in time')), limit)
      })
      try {
        given.set(name, { ok: await Promise.race([run(ports), late]) })
      } catch (error) {
        given.set(name, { failed: (error as Error).message })
      }
      clearTimeout(timer)
    }
  } finally {
    child.kill('SIGKILL')
  }
  return [version, given]
}

async function main(): Promise<void> {
  let broken = 0
  let expected: Map<string, unknown> | undefined
  for (const [runtime, command] of runtimes) {
    const [version, given] = await results(command())
    if (!version.startsWith(runtime)) throw new Error(`${runtime} was to be started, ${version} was`)
    expected ??= given
    const named = new Map(Object.entries(differences[runtime] ?? {}))
    let same = 0
    for (const [name, result] of given) {
      const isSame = isDeepStrictEqual(result, expected.get(name)) && !Object.hasOwn(result as object, 'failed')
      const why = named.get(name)
      named.delete(name)
      if (isSame) same++
      if (isSame === (why === undefined)) continue
      broken++
      if (isSame) console.log(`${runtime}: ${name}\n  is as on Node by now, but named as a difference: ${why ?? ''}`)
      else {
        console.log(`${runtime}: ${name}\n  ${JSON.stringify(result)}\n  Node: ${JSON.stringify(expected.get(name))}`)
      }
    }
    for (const name of named.keys()) {
      broken++
      console.log(`${runtime}: no such case: ${name}`)
    }
    console.log(`${version}: ${same} of ${given.size}`)
    for (const [name, why] of Object.entries(differences[runtime] ?? {})) console.log(`  named: ${name}: ${why}`)
  }
  process.exitCode = broken === 0 ? 0 : 1
}

void main()
