import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import { quickProgram } from './built-program'
import { type ClientResponse, get } from './http-client'

const plainApp = join(__dirname, 'app-process-main.ts')

/** An app in a process of its own, on a Redis; see app-process-main.ts for its routes. */
export class AppProcess {
  readonly #child: ChildProcess
  readonly #port: number

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.#port = port
  }

  /** @param redisPort Where the app finds its Redis: perhaps a proxy. @param options Options of the middleware. @param main
   * Another program, of the same manners. */
  static async start(redisPort: number, options: object = {}, main = plainApp): Promise<AppProcess> {
    const env = { ...process.env, REDIS_PORT: String(redisPort), SESSION_OPTIONS: JSON.stringify(options) }
    const child = spawn(process.execPath, [quickProgram(main)], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += String(chunk)))
    const port = await new Promise<number>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`the app did not start:\n${said}`)))
      child.stdout.on('data', (chunk: Buffer) => {
        const found = /port (\d+)/.exec(String(chunk))?.[1]
        if (found !== undefined) resolve(Number(found))
      })
    })
    return new AppProcess(child, port)
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Rejects when the connection breaks before the response is whole. */
  get(path: string, cookie?: string): Promise<ClientResponse> {
    return get(this.#port, path, cookie)
  }

  /** As `get`, but resolves to `lost` when the connection broke first. */
  attempt(path: string, cookie?: string): Promise<ClientResponse | 'lost'> {
    return this.get(path, cookie).catch(() => 'lost' as const)
  }

  /** Resolves when the first bytes of the body are there; the rest is not waited for. */
  firstBytes(path: string, cookie: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const sent = request({ port: this.#port, host: '127.0.0.1', path, agent: false, headers: { cookie } }, (res) => {
        res.once('data', () => resolve()).on('error', () => undefined)
      })
      sent.on('error', reject)
      sent.end()
    })
  }

  /** Ends the process as the kernel does when memory is short: nothing in it gets to know. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async stop(): Promise<void> {
    if (!this.running) return
    const ended = once(this.#child, 'exit')
    this.kill()
    await ended
  }
}
