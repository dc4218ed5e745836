import { spawn } from 'node:child_process'
import { join } from 'node:path'

const root = join(__dirname, '../..')

/** Runs a command, and ends it with all that it started as soon as the pipe on standard input closes: also when the tests
 * are killed. The shell leads a process group of its own. */
const leash = '( "$@" </dev/null; kill -- -$$ ) & cat >/dev/null; kill -- -$$'

/** An example that was started as its README says. */
export interface RunningExample {
  /** `http://localhost:<port>` */
  readonly url: string
  /** All that it has printed. */
  output(): string
  stop(): Promise<void>
}

/**
 * Runs a command in the project's folder, on a free port, until it says where it listens.
 *
 * @example startExample('npx', 'tsx', 'examples/devices/app.ts')
 */
export async function startExample(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunningExample> {
  const { child, output, ended } = run(['sh', '-c', leash, 'sh', ...direct(command)], { PORT: '0', ...env })
  const url = await new Promise<string>((resolve, reject) => {
    void ended.then(() => reject(new Error(`${command.join(' ')} ended:\n${output()}`)))
    child.stdout.on('data', () => {
      const found = /^Listening on (http:\S+)$/m.exec(output())?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  const stop = async () => {
    child.stdin.end()
    await ended
  }
  return { url, output, stop }
}

/** Runs a command that ends by itself. */
export async function runExample(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; output: string }> {
  const { output, ended } = run(direct(command), env)
  const code = await ended
  return { code, output: output() }
}

function run(command: readonly string[], env: NodeJS.ProcessEnv) {
  const [program = '', ...args] = command
  const child = spawn(program, args, { cwd: root, env: { ...process.env, ...env }, stdio: 'pipe', detached: true })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += String(chunk)))
  // A test that failed before it could stop the example must not wait for it for ever.
  for (const handle of [child, child.stdin, child.stdout, child.stderr]) (handle as { unref?: () => void }).unref?.()
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { child, output: () => text, ended }
}

const started = new Set<string>()

/** For `node`: runs TypeScript at less cost than tsx. */
export const quickTypeScript = ['--require', join(__dirname, 'quick-typescript.cjs')]

/** `npx tsx` without the second that npx and tsx take to find node. What a test file has once started with tsx, as its README
 * says, is started again without it. */
function direct(command: readonly string[]): readonly string[] {
  const [npx, tsx, ...rest] = command
  if (npx !== 'npx' || tsx !== 'tsx') return command
  const text = command.join(' ')
  const flags = started.has(text) ? quickTypeScript : ['--import', 'tsx']
  started.add(text)
  return [process.execPath, ...flags, ...rest]
}

/** A visitor without a browser: keeps cookies, follows redirects, and sends the forms of the page it is on. */
export class Visitor {
  readonly #origin: string
  readonly #headers: Readonly<Record<string, string>>
  readonly cookies = new Map<string, string>()
  status = 0
  path = ''
  text = ''

  constructor(origin: string, headers: Readonly<Record<string, string>> = {}) {
    this.#origin = origin
    this.#headers = headers
  }

  async open(path: string): Promise<string> {
    return this.#request(path)
  }

  /** Where a path redirects to, without following. */
  async redirect(path: string): Promise<URL> {
    const response = await this.#fetch(path)
    await response.arrayBuffer()
    return new URL(response.headers.get('location') ?? '', this.#origin)
  }

  /** Sends a form of the current page: with its token, unless another one is given. */
  async send(path: string, fields: Readonly<Record<string, string>> = {}): Promise<string> {
    const csrfToken = /name="csrfToken" value="([0-9a-f]+)"/.exec(this.text)?.[1] ?? ''
    return this.#request(path, new URLSearchParams({ csrfToken, ...fields }))
  }

  async #request(path: string, body?: URLSearchParams): Promise<string> {
    const response = await this.#fetch(path, body)
    const location = response.headers.get('location')
    if (location !== null) {
      await response.arrayBuffer()
      return this.#request(location)
    }
    this.status = response.status
    this.path = path
    this.text = await response.text()
    return this.text
  }

  async #fetch(path: string, body?: URLSearchParams): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(this.#origin + path, {
      method: body ? 'POST' : 'GET',
      headers: { ...this.#headers, ...(cookie !== '' && { cookie }) },
      redirect: 'manual',
      ...(body && { body }),
    })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    return response
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (value === '' || /max-age=0/i.test(line)) this.cookies.delete(name)
    else this.cookies.set(name, value)
  }
}
