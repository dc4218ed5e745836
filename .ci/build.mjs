// Builds dist/: declarations, one for each module that an entry point's declarations refer to; one CommonJS
// implementation, bundled (see bundle.mjs); and in front of it an ES module for each entry point, so that `import` and
// `require` in one process meet the same classes, the same warnings and the same symbols. Their lists of exports are read
// from what was just built; they cannot get out of step.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.mjs'
import { removeInternalDeclarations } from './declarations.mjs'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('../', import.meta.url))
const { exports, bin } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const entries = Object.keys(exports)
  .filter((entry) => !entry.endsWith('.json'))
  .map((entry) => (entry === '.' ? 'index' : entry.slice('./'.length)))
const commands = Object.values(bin).map((path) => /([^/]+)\.js$/.exec(path)[1])

rmSync(`${root}dist`, { recursive: true, force: true })

const tsc = spawnSync(
  process.execPath,
  [require.resolve('typescript/bin/tsc'), '-p', 'lib', '--noEmit', 'false', '--emitDeclarationOnly'],
  { cwd: root, stdio: 'inherit' },
)
if (tsc.status !== 0) process.exit(tsc.status ?? 1)
removeInternalDeclarations(`${root}dist`, entries)
await bundle(root, entries, commands)

for (const entry of entries) {
  const built = require(`${root}dist/${entry}.js`)
  const names = Object.keys(built).sort()
  if (typeof built === 'function') {
    writeCallableEntry(entry, names)
    continue
  }
  const list = names.map((name) => `  ${name}`).join(',\n')
  writeFileSync(`${root}dist/${entry}.mjs`, `export {\n${list}\n} from './${entry}.js'\n`)
  writeFileSync(`${root}dist/${entry}.d.mts`, `export * from './${entry}.js'\n`)
}

// An entry that is `export =` a function: it is the default export, and what hangs on it the named ones, types included.
function writeCallableEntry(entry, names) {
  const declarations = readFileSync(`${root}dist/${entry}.d.ts`, 'utf8')
  const types = [...declarations.matchAll(/^ +(?:export )?(?:type|interface|const) (\w+)/gm)].map(([, name]) => name)
  const declared = [...new Set(types)].sort().join(', ')
  const start = `import entry from './${entry}.js'\nexport default entry\n`
  writeFileSync(`${root}dist/${entry}.mjs`, `${start}export const { ${names.join(', ')} } = entry\n`)
  writeFileSync(`${root}dist/${entry}.d.mts`, `${start}export { ${declared} } from './${entry}.js'\n`)
}
