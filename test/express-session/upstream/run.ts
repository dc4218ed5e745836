/**
 * Runs express-session's own suite against our entry point: `EXPRESS_SESSION_SUITE=<checkout> npm run test:upstream`.
 * The checkout is that of https://github.com/expressjs/session at v1.19.0 (c10b2a383841766899f6dcf53c8aff8c7fd3d2e7);
 * neither npm nor Debian has the suite. Exactly the cases of `deliberate.ts` may fail: another one that fails, and one of
 * these that passes, ends this with 1.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { deliberate, type SuiteLayout } from './deliberate'

const repository = resolve(__dirname, '../../..')
const fewest = 150

/** A program that the suite takes for express-session. */
const programs: Record<SuiteLayout, string> = {
  'in place': 'module.exports = ours',
  hashed: "module.exports = Object.assign((options) => ours({ ...options, records: 'hashed' }), ours)",
}

/** What the suite requires beside express-session; `after` is small enough to be written here. */
const packages = { express: 'express4', supertest: 'supertest', 'cookie-parser': 'cookie-parser' }
const after = `module.exports = (count, callback) => {
  let done = false
  return (error) => {
    if (done || (!error && --count > 0)) return
    done = true
    callback(error)
  }
}
`

function prepare(suite: string, layout: SuiteLayout): string {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-upstream-'))
  cpSync(join(suite, 'test'), join(directory, 'test'), { recursive: true })
  execFileSync('sh', ['test/support/gencert.sh'], { cwd: directory, stdio: 'ignore' })
  const entry = JSON.stringify(join(repository, 'lib/express-session.ts'))
  writeFileSync(join(directory, 'index.js'), `const ours = require(${entry})\n${programs[layout]}\n`)
  mkdirSync(join(directory, 'session'))
  writeFileSync(join(directory, 'session/cookie.js'), "module.exports = require('../index.js').Cookie\n")
  mkdirSync(join(directory, 'node_modules/after'), { recursive: true })
  writeFileSync(join(directory, 'node_modules/after/index.js'), after)
  for (const [name, target] of Object.entries(packages)) {
    symlinkSync(join(repository, 'node_modules', target), join(directory, 'node_modules', name))
  }
  return directory
}

function runSuite(suite: string, layout: SuiteLayout): Record<string, string | null> {
  const directory = prepare(suite, layout)
  try {
    const tsx = join(repository, 'node_modules/tsx/dist/cli.mjs')
    const child = [tsx, join(__dirname, 'suite.ts'), directory]
    const output = execFileSync(process.execPath, child, { encoding: 'utf8', timeout: 180_000, maxBuffer: 1e8 })
    return JSON.parse(output.slice(output.lastIndexOf('\n{') + 1)) as Record<string, string | null>
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function compare(layout: SuiteLayout, results: Record<string, string | null>): number {
  const titles = Object.keys(results)
  const failed = titles.filter((title) => results[title] !== null)
  const named = deliberate[layout]
  const unexpected = failed.filter((title) => named[title] === undefined)
  const gone = Object.keys(named).filter((title) => !failed.includes(title))
  console.log(`${layout}: ${titles.length - failed.length} of ${titles.length} cases pass, ${failed.length} fail`)
  for (const title of unexpected) console.log(`  fails, and should not: ${title}: ${results[title] ?? ''}`)
  for (const title of gone) console.log(`  passes, or is not there, and should fail: ${title}`)
  if (titles.length < fewest) console.log(`  fewer than ${fewest} cases were found`)
  return unexpected.length + gone.length + (titles.length < fewest ? 1 : 0)
}

const suite = process.env['EXPRESS_SESSION_SUITE'] ?? ''
if (!existsSync(join(suite, 'test/session.js'))) {
  console.error('EXPRESS_SESSION_SUITE has to name a checkout of express-session, with its test directory')
  process.exit(2)
}
const layouts = Object.keys(programs) as SuiteLayout[]
process.exit(layouts.reduce((sum, layout) => sum + compare(layout, runSuite(suite, layout)), 0) > 0 ? 1 : 0)
