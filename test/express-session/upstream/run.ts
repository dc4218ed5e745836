/**
 * Runs express-session's own suite, a copy of it in `suite/`, against our entry point, once for each way of keeping sessions:
 * `npm run test:upstream`. Exactly the cases of `deliberate.ts` may fail: another one that fails, and one of these that
 * passes, ends this with 1. The suite waits 10 ms for what lasts 5, so a layout that differs runs once more, and what differs in
 * both runs counts. `EXPRESS_SESSION_SUITE=<checkout>` takes the suite of a checkout instead.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { RedisServer } from '../../support/redis-server'
import { deliberate, type SuiteLayout } from './deliberate'

const repository = resolve(__dirname, '../../..')
const fewest = 160
/** SHA-256 of the copy, so that no case is changed to pass. */
const digest = '23d261ea0c7b08bd7ad05534aadc6d832c44de1affbdce90278cd686c3370ed4'
const files = [
  'cookie.js',
  'session.js',
  'support/env.js',
  'support/smart-store.js',
  'support/sync-store.js',
  'support/utils.js',
]

/** For a case that gives no store, or express-session's MemoryStore: another store, the same one for the same one. */
const replacingStores = `
const replaced = new WeakMap()
const isReplaceable = (store) => store === undefined || store.constructor === ours.MemoryStore
const storeFor = (store) => {
  if (!isReplaceable(store)) return store
  if (store === undefined) return newStore()
  if (!replaced.has(store)) replaced.set(store, newStore())
  return replaced.get(store)
}
module.exports = Object.assign((options) => ours({ ...options, store: storeFor(options?.store) }), ours)`

const redisStores = (
  options: string,
) => `const client = load('node_modules/redis').createClient({ url: process.env.REDIS_URL })
void client.connect()
let stores = 0
const newStore = () => new RedisStore({ client, prefix: 'suite' + stores++ + ':', ${options} })${replacingStores}`

/** For each store that a case gives: one of ours beside it, in a stage of a move. */
const moving = (options: string) => `const { MemoryStore } = load('lib/index.ts')
const upcoming = new WeakMap()
const moving = (given = {}) => {
  const old = given.store ?? new ours.MemoryStore()
  if (!upcoming.has(old)) upcoming.set(old, new MemoryStore())
  const own = upcoming.get(old)
  return { ...given, ${options} }
}
module.exports = Object.assign((options) => ours(moving(options)), ours)`

/** A program that the suite takes for express-session. */
const programs: Record<SuiteLayout, string> = {
  'in place': 'module.exports = ours',
  hashed: "module.exports = Object.assign((options) => ours({ ...options, records: 'hashed' }), ours)",
  MemoryStore: `const { MemoryStore } = load('lib/index.ts')
const newStore = () => new MemoryStore()${replacingStores}`,
  "RedisStore, layout: 'express-session'": `const { RedisStore } = load('lib/redis.ts')
${redisStores("layout: 'express-session'")}`,
  RedisStore: `const { RedisStore } = load('lib/redis.ts')
${redisStores('')}`,
  upcoming: moving('store: old, upcoming: own'),
  migrateFrom: moving('store: own, migrateFrom: old'),
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
  mkdirSync(join(directory, 'test/fixtures'), { recursive: true })
  execFileSync('sh', ['test/support/gencert.sh'], { cwd: directory, stdio: 'ignore' })
  const load = `const load = (path) => require(${JSON.stringify(`${repository}/`)} + path)`
  const program = [load, "const ours = load('lib/express-session.ts')", programs[layout], '']
  writeFileSync(join(directory, 'index.js'), program.join('\n'))
  mkdirSync(join(directory, 'session'))
  writeFileSync(join(directory, 'session/cookie.js'), "module.exports = require('../index.js').Cookie\n")
  mkdirSync(join(directory, 'node_modules/after'), { recursive: true })
  writeFileSync(join(directory, 'node_modules/after/index.js'), after)
  for (const [name, target] of Object.entries(packages)) {
    symlinkSync(join(repository, 'node_modules', target), join(directory, 'node_modules', name))
  }
  return directory
}

function runSuite(suite: string, layout: SuiteLayout, redisUrl: string): Record<string, string | null> {
  const directory = prepare(suite, layout)
  try {
    const tsx = join(repository, 'node_modules/tsx/dist/cli.mjs')
    const child = [tsx, join(__dirname, 'suite.ts'), directory]
    const output = execFileSync(process.execPath, child, {
      encoding: 'utf8',
      timeout: 180_000,
      maxBuffer: 1e8,
      env: { ...process.env, REDIS_URL: redisUrl, NODE_NO_WARNINGS: '1' },
    })
    return JSON.parse(output.slice(output.lastIndexOf('\n{') + 1)) as Record<string, string | null>
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** What one run of a layout has that `deliberate.ts` does not say, and the other way round. */
function differences(layout: SuiteLayout, results: Record<string, string | null>): Set<string> {
  const titles = Object.keys(results)
  const failed = titles.filter((title) => results[title] !== null)
  const named = deliberate[layout]
  const found = new Map<string, string>()
  console.log(`${layout}: ${titles.length - failed.length} of ${titles.length} cases pass, ${failed.length} fail`)
  for (const title of failed) {
    if (named[title] === undefined) found.set(`fails, and should not: ${title}`, results[title] ?? '')
  }
  for (const title of Object.keys(named)) {
    if (!failed.includes(title)) found.set(`passes, or is not there, and should fail: ${title}`, '')
  }
  if (titles.length < fewest) found.set(`fewer than ${fewest} cases were found`, '')
  for (const [difference, reason] of found) console.log(`  ${difference}: ${reason}`)
  return new Set(found.keys())
}

function check(layout: SuiteLayout, run: () => Record<string, string | null>): number {
  const first = differences(layout, run())
  if (first.size === 0) return 0
  const second = differences(layout, run())
  return [...first].filter((difference) => second.has(difference)).length
}

function checkCopy(suite: string): void {
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(join(suite, 'test', file)))
  const found = hash.digest('hex')
  if (found !== digest) throw new Error(`the copy of the suite was changed: its digest is ${found}`)
}

async function main(): Promise<number> {
  const copy = join(__dirname, 'suite')
  const suite = process.env['EXPRESS_SESSION_SUITE'] ?? copy
  if (!existsSync(join(suite, 'test/session.js'))) throw new Error('EXPRESS_SESSION_SUITE names no checkout with tests')
  if (suite === copy) checkCopy(suite)
  const redis = await RedisServer.start()
  try {
    let wrong = 0
    for (const layout of Object.keys(programs) as SuiteLayout[]) {
      wrong += check(layout, () => runSuite(suite, layout, redis.url))
    }
    return wrong
  } finally {
    await redis.stop()
  }
}

void main().then((wrong) => process.exit(wrong > 0 ? 1 : 0))
