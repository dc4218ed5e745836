import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

export const root = resolve(__dirname, '../..')

/** Runs a program to its end and resolves to what it wrote. A failure is an error that holds all of it. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(command, [...args], { cwd, maxBuffer: 1e8, env: cleanEnv() })
    return stdout
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')} failed\n${stdout}${stderr}`, { cause: error })
  }
}

/** What `npm test` or jest put into the environment is not a consumer's. */
function cleanEnv(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle|command|execpath)|JEST_|NODE_ENV$)/.test(name),
  )
  return { ...Object.fromEntries(entries), NO_COLOR: '1' }
}

/** The tarball that `npm pack` makes, in a directory of its own. */
export async function pack(): Promise<{ tarball: string; files: string[]; directory: string; remove: () => void }> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-package-'))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  try {
    const output = await run('npm', ['pack', '--json', '--silent', '--pack-destination', directory], root)
    // `prepack` may write lines of its own first.
    const packed = JSON.parse(output.slice(output.search(/^[[{]/m))) as unknown
    const [first] = Object.values(packed as Record<string, { filename: string; files: { path: string }[] }>)
    if (first === undefined) throw new Error('npm pack names no tarball')
    return { tarball: join(directory, first.filename), files: first.files.map(({ path }) => path), directory, remove }
  } catch (error) {
    remove()
    throw error
  }
}
