import type fs from 'node:fs'
import { rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type vm from 'node:vm'
import { buildSync } from 'esbuild'

const built = new Map<string, string>()
const starters = new Map<string, string>()
const written: string[] = []
const root = join(__dirname, '../..')

const removeWritten = () => written.forEach((path) => rmSync(path, { force: true }))
// In a test file, `process` is a copy, whose listeners are called at no exit.
if (typeof afterAll === 'function') afterAll(removeWritten)
else process.once('exit', removeWritten)

/** A program as one file of JavaScript, its packages included: a process that compiles it and looks for them takes a second
 * to start. */
export function builtProgram(entry: string): string {
  const known = built.get(entry)
  if (known !== undefined) return known
  // A file of its own for each test run: several build it at once.
  const outfile = join(root, 'node_modules/.cache/holdfast', `${basename(entry, '.ts')}-${process.pid}.cjs`)
  buildSync({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
    tsconfig: join(root, 'tsconfig.json'),
  })
  written.push(outfile)
  built.set(entry, outfile)
  return outfile
}

/** A built program that is started often: its later processes take over what V8 has compiled for the first one. */
export function quickProgram(entry: string): string {
  const known = starters.get(entry)
  if (known !== undefined) return known
  const program = builtProgram(entry)
  const [starter, compiled] = [`${program}.start.cjs`, `${program}.bin`]
  const names = [program, compiled].map((path) => JSON.stringify(path)).join(', ')
  writeFileSync(starter, `(${start.toString()})(require, module, ${names})`)
  written.push(starter, compiled)
  starters.set(entry, starter)
  return starter
}

/** Stands as text in a program of its own. */
function start(load: NodeJS.Require, module: NodeJS.Module, program: string, compiled: string): void {
  const { readFileSync, renameSync, writeFileSync } = load('node:fs') as typeof fs
  const { constants, Script } = load('node:vm') as typeof vm
  const read = () => {
    try {
      return readFileSync(compiled)
    } catch {
      return undefined
    }
  }
  const cachedData = read()
  const text = readFileSync(program, 'utf8')
  const script = new Script(`(function (exports, require, module, __filename, __dirname) { ${text}\n})`, {
    filename: program,
    cachedData,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  const run = script.runInThisContext() as (...values: unknown[]) => void
  run(module.exports, load, module, program, __dirname)
  if (cachedData !== undefined) return
  // When it has started: with all the functions that this took.
  setTimeout(() => {
    writeFileSync(`${compiled}.${process.pid}`, script.createCachedData())
    renameSync(`${compiled}.${process.pid}`, compiled)
  }, 200).unref()
}
