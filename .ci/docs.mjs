// Builds the guide: `npm run docs` writes docs/.vitepress/dist, a folder of static files for any web server.
// `npm run docs -- dev` serves it while pages are written, `npm run docs -- preview` serves what was built.
// The generator and its packages are in docs/package.json, so that `npm ci` of the package itself stays small.
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const docs = fileURLToPath(new URL('../docs/', import.meta.url))
const [command = 'build', ...rest] = process.argv.slice(2)

if (changedAt('node_modules/.package-lock.json') < changedAt('package-lock.json')) {
  run('npm', ['ci', '--no-audit', '--no-fund'])
}
if (command !== 'preview') run('npx', ['--no', 'typedoc'])
run('npx', ['--no', 'vitepress', command, '.', ...rest])

function run(program, args) {
  const { status } = spawnSync(program, args, { cwd: docs, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

function changedAt(file) {
  return statSync(docs + file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
