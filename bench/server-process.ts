import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

/** Servers run on one core, everything else on another, where the machine lets us say so. */
const serverCore = 0
const otherCore = 1
const canPin = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0

/** A server in a process of its own, run by `node` as it is: plain JavaScript and the built package. */
export class ServerProcess {
  readonly name: string
  readonly port: number
  readonly #process: ChildProcess

  private constructor(name: string, port: number, running: ChildProcess) {
    this.name = name
    this.port = port
    this.#process = running
  }

  /** @param file In bench/servers; @param kind which of its servers. */
  static async start(name: string, file: string, kind: string, env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
    const started = fork(join(__dirname, 'servers', file), [kind], {
      execArgv: process.env['BENCH_NODE_ARGS']?.split(' ') ?? [],
      env: { ...process.env, NODE_ENV: 'production', NODE_NO_WARNINGS: '1', ...env },
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    })
    let complaint = ''
    started.stderr?.on('data', (chunk: Buffer) => (complaint += String(chunk)))
    const ended = once(started, 'exit').then(() => {
      throw new Error(`the server ${name} ended: ${complaint}`)
    })
    const [port] = (await Promise.race([once(started, 'message'), ended])) as [number]
    ended.catch(() => undefined)
    pin(started.pid, serverCore)
    return new ServerProcess(name, port, started)
  }

  /** CPU time that the process has used so far, of all its threads, in microseconds. */
  async cpuTime(): Promise<number> {
    this.#process.send('cpu')
    const [microseconds] = (await once(this.#process, 'message')) as [number]
    return microseconds
  }

  /** Lets it end by itself, so that a profile gets written. */
  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.disconnect()
    await ended
  }
}

/** Keeps the load, and what else is no server, off the servers' core. */
export function pinOther(pid: number | undefined): void {
  pin(pid, otherCore)
}

function pin(pid: number | undefined, core: number): void {
  if (canPin && pid !== undefined) spawnSync('taskset', ['-a', '-p', '-c', String(core), String(pid)])
}
