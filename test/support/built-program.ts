import type fs from 'node:fs'
import { rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type vm from 'node:vm'
import { buildSync } from 'esbuild'

const programs = new Map<string, string>()
const written: string[] = []
const root = join(__dirname, '../..')

const removeWritten = () => written.forEach((path) => rmSync(path, { force: true }))
// In a test file, `process` is a copy, whose listeners are called at no exit.
if (typeof afterAll === 'function') afterAll(removeWritten)
else process.once('exit', removeWritten)

/** A program as one file of JavaScript, its packages included: a process that compiles it and looks for them takes a second
 * to start. Its later processes take over what V8 has compiled for the first one. */
export function builtProgram(entry: string): string {
  const built = programs.get(entry)
  if (built !== undefined) return built
  // A file of its own for each test run: several build it at once.
  const file = join(root, 'node_modules/.cache/holdfast', `${basename(entry, '.ts')}-${process.pid}.cjs`)
  const [program, compiled] = [`${file}.js`, `${file}.bin`]
  buildSync({
    entryPoints: [entry],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
    tsconfig: join(root, 'tsconfig.json'),
  })
  writeFileSync(file, `(${start.toString()})(require, module, ${JSON.stringify(program)}, ${JSON.stringify(compiled)})`)
  written.push(file, program, compiled)
  programs.set(entry, file)
  return file
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
  const text = readFileSync(program, 'utf8').replace(/^#!.*/, '')
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
