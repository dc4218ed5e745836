import type { ChildProcess } from 'node:child_process'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'

/** Runs redis-server and kills it when the pipe on its standard input closes: also when this process is killed. */
const leash = 'redis-server "$@" </dev/null & server=$!; cat >/dev/null; kill -9 $server'

const howToInstall =
  'redis-server was not found: install it (Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis)'

let template: ReturnType<typeof createClient> | undefined

/** As `createClient`, which makes a class of a thousand methods for each new combination of options: all use one here. */
export function newClient(url: string, options: NewClientOptions = {}): ReturnType<typeof createClient> {
  template ??= createClient()
  return template.duplicate({ url, ...options })
}

interface NewClientOptions {
  readonly database?: number
  readonly socket?: { readonly reconnectStrategy: number }
}

/** A Redis of its own for a test: on a free port of the loopback interface, empty, keeping nothing on disk. */
export class RedisServer {
  readonly port: number
  readonly #args: readonly string[]
  readonly #directory: string
  readonly #clients: { readonly isOpen: boolean; destroy(): void }[] = []
  #process: ChildProcess | undefined

  private constructor(port: number, directory: string, args: readonly string[]) {
    this.port = port
    this.#directory = directory
    this.#args = args
  }

  /** @param options Lines of redis.conf, as in `{ maxmemory: '10mb' }`. */
  static async start(options: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
    findRedis()
    const settings = { bind: '127.0.0.1', save: '', appendonly: 'no', 'enable-debug-command': 'local', ...options }
    for (let attempt = 1; ; attempt++) {
      const directory = mkdtempSync(join(tmpdir(), 'holdfast-redis-'))
      const port = await freePort()
      const lines = Object.entries({ port: String(port), dir: directory, ...settings })
      const args = lines.flatMap(([name, value]) => [`--${name}`, value])
      const server = new RedisServer(port, directory, args)
      try {
        await server.#launch()
        return server
      } catch (error) {
        rmSync(directory, { recursive: true, force: true })
        if (attempt === 3) throw error
      }
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** A connected client. It comes back after a restart, and is destroyed by `stop`. */
  async connect(database = 0) {
    const client = newClient(this.url, { database, socket: { reconnectStrategy: 20 } })
    client.on('error', () => undefined)
    this.#clients.push(client)
    await client.connect()
    return client
  }

  /** Kills the server as a power cut would. What it held is lost. */
  async kill(): Promise<void> {
    const running = this.#process
    this.#process = undefined
    if (running === undefined) return
    const ended = once(running, 'exit')
    running.stdin?.end()
    await ended
  }

  /** Kills it and starts it again, empty, on the same port. */
  async restart(pause = 0): Promise<void> {
    await this.kill()
    await sleep(pause)
    // While it was down, another program's connection may have taken the port, for a moment.
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#launch()
        return
      } catch (error) {
        if (attempt === 50) throw error
        await sleep(100)
      }
    }
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) if (client.isOpen) client.destroy()
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #launch(): Promise<void> {
    const started = spawn('sh', ['-c', leash, 'sh', ...this.#args], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process = started
    return new Promise((resolve, reject) => {
      let said = ''
      const fail = () => {
        started.stdin.end()
        reject(new Error(`redis-server did not start:\n${said}`))
      }
      started.once('error', fail).once('exit', fail)
      started.stdout.on('data', (chunk: Buffer) => {
        if (said.length < 10_000) said += String(chunk)
        if (said.includes('Failed listening')) fail()
        if (!said.includes('Ready to accept connections')) return
        // From now on neither the server nor its pipes keep a test process alive that has forgotten to stop it.
        for (const handle of [started, started.stdin, started.stdout]) (handle as { unref?: () => void }).unref?.()
        resolve()
      })
    })
  }
}

/** A port of the loopback interface that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function findRedis(): void {
  if (isInstalled()) return
  if (process.getuid?.() !== 0) throw new Error(howToInstall)
  const apt = (...args: string[]) => execFileSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args])
  try {
    apt('update')
    apt('install', '-y', '--no-install-recommends', 'redis-server')
  } catch {
    throw new Error(howToInstall)
  }
  if (!isInstalled()) throw new Error(howToInstall)
}

function isInstalled(): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.some((folder) => existsSync(join(folder, 'redis-server')))
}
