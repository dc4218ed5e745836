import { rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { buildSync } from 'esbuild'

const programs = new Map<string, string>()
const root = join(__dirname, '../..')

/** A program as one file of JavaScript, its packages included: a process that compiles it and looks for them takes a second
 * to start. */
export function builtProgram(entry: string): string {
  const built = programs.get(entry)
  if (built !== undefined) return built
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
  process.once('exit', () => rmSync(outfile, { force: true }))
  programs.set(entry, outfile)
  return outfile
}
