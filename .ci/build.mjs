// Builds dist/: one CommonJS implementation, and in front of it an ES module door for each entry, so that `import`
// and `require` in one process meet the same classes, the same warnings and the same symbols.
// The doors' export lists are read from the module that was just built; they cannot get out of step with it.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)
const root = fileURLToPath(new URL('../', import.meta.url))
const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const doors = Object.keys(exports)
  .filter((entry) => !entry.endsWith('.json'))
  .map((entry) => (entry === '.' ? 'index' : entry.slice('./'.length)))

rmSync(`${root}dist`, { recursive: true, force: true })

const tsc = spawnSync(process.execPath, [require.resolve('typescript/bin/tsc'), '-p', 'lib', '--noEmit', 'false'], {
  cwd: root,
  stdio: 'inherit',
})
if (tsc.status !== 0) process.exit(tsc.status ?? 1)

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
