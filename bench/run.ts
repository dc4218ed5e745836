/* `npm run bench [-- name …]`: builds the package and runs `run` of bench/<name>.ts; `memory` where no name is given. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

interface Bench {
  run(): Promise<void>
}

const root = join(__dirname, '..')
const asked = process.argv.slice(2)

async function main(): Promise<void> {
  const names = asked.length === 0 ? ['memory'] : asked
  const files = names.map((name) => join(__dirname, `${name}.ts`))
  const missing = names.find((name, index) => !/^[a-z]+$/.test(name) || !existsSync(files[index] ?? ''))
  if (missing !== undefined) {
    throw new Error(`there is no benchmark ${JSON.stringify(missing)}; try memory, redis or channels`)
  }
  execFileSync(process.execPath, [join(root, '.ci', 'build.mjs')], { cwd: root, stdio: 'inherit' })
  for (const file of files) await ((await import(pathToFileURL(file).href)) as Bench).run()
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
