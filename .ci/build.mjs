// Builds dist/: declarations, one for each module; one CommonJS implementation, bundled (see bundle.mjs); and in front of
// it an ES module for each entry point, so that `import` and `require` in one process meet the same classes, the same
// warnings and the same symbols. Their lists of exports are read from what was just built; they cannot get out of step.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { bundle, bundleCommand } from './bundle.mjs'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('../', import.meta.url))
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const doors = Object.keys(exports)
  .filter((entry) => !entry.endsWith('.json'))
  .map((entry) => (entry === '.' ? 'index' : entry.slice('./'.length)))

rmSync(`${root}dist`, { recursive: true, force: true })

const tsc = spawnSync(
  process.execPath,
  [require.resolve('typescript/bin/tsc'), '-p', 'lib', '--noEmit', 'false', '--emitDeclarationOnly'],
  { cwd: root, stdio: 'inherit' },
)
if (tsc.status !== 0) process.exit(tsc.status ?? 1)
await bundle(root, doors)
bundleCommand(root, 'check-move')

for (const door of doors) {
  const entry = require(`${root}dist/${door}.js`)
  const names = Object.keys(entry).sort()
  if (typeof entry === 'function') {
    writeCallableDoor(door, names)
    continue
  }
  const list = names.map((name) => `  ${name}`).join(',\n')
  writeFileSync(`${root}dist/${door}.mjs`, `export {\n${list}\n} from './${door}.js'\n`)
  writeFileSync(`${root}dist/${door}.d.mts`, `export * from './${door}.js'\n`)
}

// An entry that is `export =` a function: it is the default export, and what hangs on it the named ones, types included.
function writeCallableDoor(door, names) {
  const declarations = readFileSync(`${root}dist/${door}.d.ts`, 'utf8')
  const types = [...declarations.matchAll(/^ +(?:export )?(?:type|interface|const) (\w+)/gm)].map(([, name]) => name)
  const declared = [...new Set(types)].sort().join(', ')
  const start = `import entry from './${door}.js'\nexport default entry\n`
  writeFileSync(`${root}dist/${door}.mjs`, `${start}export const { ${names.join(', ')} } = entry\n`)
  writeFileSync(`${root}dist/${door}.d.mts`, `${start}export { ${declared} } from './${door}.js'\n`)
}
