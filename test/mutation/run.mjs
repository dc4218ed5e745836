// `npm run test:mutation [-- part of a file's name]`; see README.md.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInstrumenter } from '@stryker-mutator/instrumenter'
import { createInjector } from 'typed-inject'

/** Percent of the mutants; a little below what it is. */
const leastScore = 94
const floors = ['id', 'session', 'stores/redis']
/** Of Redis, what is pure. */
const pureRedis = ['change-arguments.ts', 'record-layout.ts']

const root = resolve(import.meta.dirname, '../..')
const copy = join(root, '.stryker-tmp')
const [only = ''] = process.argv.slice(2)

rmSync(copy, { recursive: true, force: true })
mkdirSync(copy)
for (const path of ['lib', 'test/unit', 'test/support', 'test/mutation', 'package.json', 'jest.config.cjs']) {
  cpSync(join(root, path), join(copy, path), { recursive: true })
}
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))

const files = floors
  .flatMap((floor) => readdirSync(join(root, 'lib', floor)).map((name) => `lib/${floor}/${name}`))
  .filter((name) => !name.includes('/redis/') || pureRedis.some((pure) => name.endsWith(`/${pure}`)))
  .filter((name) => name.includes(only))

const quiet = { isDebugEnabled: () => false, debug() {}, info() {}, warn: console.warn }
const instrumenter = createInjector().provideValue('logger', quiet).injectFunction(createInstrumenter)
const { files: instrumented, mutants } = await instrumenter.instrument(
  files.map((name) => ({ name: join(root, name), mutate: true, content: readFileSync(join(root, name), 'utf8') })),
  { plugins: null, excludedMutations: [], ignorers: [] },
)
for (const { name, content } of instrumented) writeFileSync(name.replace(root, copy), content)
writeFileSync(join(copy, 'mutants.json'), JSON.stringify(mutants.map(({ id }) => id)))

const jest = join(root, 'node_modules/jest/bin/jest.js')
const config = join(copy, 'test/mutation/jest.config.cjs')
const run = spawnSync(process.execPath, [jest, '--config', config, '--silent', 'false'], {
  cwd: copy,
  stdio: ['ignore', 'ignore', 'inherit'],
  timeout: 900_000,
})
if (run.status !== 0) process.exit(1)

/** `killed`, `endless`, `survived`, `untested`, or `static`: of a constant that is computed once, and not counted. */
const results = JSON.parse(readFileSync(join(copy, 'results.json'), 'utf8'))
const total = {}
const totals = {}
for (const { id, fileName, location, replacement } of mutants) {
  const name = fileName.slice(root.length + 1)
  const result = results[id]
  for (const counts of [(totals[name] ??= {}), total]) counts[result] = (counts[result] ?? 0) + 1
  if (result !== 'survived' && result !== 'untested') continue
  const { start, end } = location
  const line = readFileSync(fileName, 'utf8').split('\n')[start.line] ?? ''
  const before = line.slice(start.column, end.line === start.line ? end.column : undefined)
  console.log(`${result} ${name}:${start.line + 1}  ${before}  ->  ${replacement.replace(/\s+/g, ' ')}`)
}
const scoreOf = ({ killed = 0, endless = 0, survived = 0, untested = 0 }) =>
  (100 * (killed + endless)) / (killed + endless + survived + untested)
console.log('\nscore    killed  endless  survived  untested  static  file')
for (const [name, found] of [...Object.entries(totals), ['all', total]]) {
  const counts = ['killed', 'endless', 'survived', 'untested', 'static'].map((result) => found[result] ?? 0)
  const [killed, endless, survived, untested, fixed] = counts.map(String)
  const score = scoreOf(found)
  if (Number.isNaN(score)) continue
  console.log(
    `${score.toFixed(2).padStart(6)}  ${killed.padStart(7)}  ${endless.padStart(7)}  ${survived.padStart(8)}  ${untested.padStart(8)}  ${fixed.padStart(6)}  ${name}`,
  )
}
rmSync(copy, { recursive: true, force: true })
if (only === '' && scoreOf(total) < leastScore) {
  console.error(
    `\nThe score is below ${leastScore}: write the missing tests, or say in test/mutation/README.md why none can fail.`,
  )
  process.exit(1)
}
