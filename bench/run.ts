/*
 * `npm run bench [-- name …] [-- --update]`: builds the package and runs what was asked for, or what takes less than five
 * minutes together where nothing was. Results go to a folder of their own under the system's temporary one; `--update` puts
 * them into the docs as well.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describeMachine } from './machine'
import { Report } from './report'

interface Bench {
  run(report: Report): Promise<void>
}

/** bench/<name>.ts each. */
const names = ['memory', 'redis', 'express-session', 'redis-server', 'scale', 'throughput', 'channels']
const short = ['memory', 'redis', 'redis-server']

const root = join(__dirname, '..')
const args = process.argv.slice(2)

async function main(): Promise<void> {
  const asked = args.filter((arg) => arg !== '--update')
  const unknown = asked.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    throw new Error(`there is no benchmark ${JSON.stringify(unknown)}; there are ${names.join(', ')}, and --update`)
  }
  execFileSync(process.execPath, [join(root, '.ci', 'build.mjs')], { cwd: root, stdio: 'inherit' })
  const report = new Report(mkdtempSync(join(tmpdir(), 'holdfast-bench-')))
  report.line(describeMachine())
  for (const name of asked.length === 0 ? short : asked) {
    const bench = (await import(pathToFileURL(join(__dirname, `${name}.ts`)).href)) as Bench
    await bench.run(report)
  }
  report.save()
  if (args.includes('--update')) report.update()
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
