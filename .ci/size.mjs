// How large the package may get: `npm run size`, after `npm run build`. A limit that is reached is a question, not a wall:
// raise it in the commit that needs it, and say why there.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { buildSync } from 'esbuild'

const root = fileURLToPath(new URL('../', import.meta.url))
const kB = 1000

/** Bytes of the tarball, of what it unpacks to, and of each entry point in an app's bundle, minified and compressed. */
const limits = {
  tarball: 372 * kB,
  unpacked: 1460 * kB,
}
/** The other entry points carry the first one with them when they are bundled alone, which no app does. */
const limitOfEntry = (entry) => (entry === '.' ? 48 : 62) * kB

const [packed] = Object.values(
  JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--silent'], {
      cwd: root,
      encoding: 'utf8',
    }),
  ),
)
const rows = [
  ['tarball', packed.size, limits.tarball],
  ['unpacked', packed.unpackedSize, limits.unpacked],
]
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
for (const [entry, { require: { default: file } = {} }] of Object.entries(exports)) {
  if (file === undefined) continue
  const { outputFiles } = buildSync({
    entryPoints: [root + file],
    bundle: true,
    minify: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
  })
  rows.push([`bundle of ${entry}`, gzipSync(outputFiles[0].contents).length, limitOfEntry(entry)])
}

let tooLarge = 0
for (const [name, size, limit] of rows) {
  if (size > limit) tooLarge++
  console.log(`${name}: ${(size / kB).toFixed(1)} kB of ${limit / kB}${size > limit ? ', too large' : ''}`)
}
process.exit(tooLarge > 0 ? 1 : 0)
