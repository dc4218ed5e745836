// Builds the guide: `npm run docs` writes docs/.vitepress/dist, a folder of static files for any web server.
// `npm run docs -- dev` serves it while pages are written, `npm run docs -- preview` serves what was built.
// The generator and its packages are in docs/package.json, so that `npm ci` of the package itself stays small.
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const docs = fileURLToPath(new URL('../docs/', import.meta.url))
const [command = 'build', ...rest] = process.argv.slice(2)

if (changedAt('node_modules/.package-lock.json') < changedAt('package-lock.json')) {
  run('npm', ['ci', '--no-audit', '--no-fund'])
}
if (command !== 'preview') {
  run('npx', ['--no', 'typedoc'])
  nameEntryPoints()
}
run('npx', ['--no', 'vitepress', command, '.', ...rest])

// TypeDoc names an entry point after its file; a program imports it by another name.
function nameEntryPoints() {
  const page = `${docs}api/index.md`
  const text = readFileSync(page, 'utf8').replace(/\[([\w-]+)\]/g, (_, file) =>
    file === 'index' ? '[holdfast]' : `[holdfast/${file}]`,
  )
  writeFileSync(page, text.replace('## Modules', '## Entry points'))
}

function run(program, args) {
  const { status } = spawnSync(program, args, { cwd: docs, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

function changedAt(file) {
  return statSync(docs + file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
