/** What a run runs on: a Redis, and processes of the app that reach it through a line of their own each. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { RedisServer } from '../support/redis-server'
import { TcpProxy } from '../support/tcp-proxy'
import type { RunOptions } from './history'

/** Seconds that the app's processes wait for Redis where something goes wrong. */
export const storeTimeout = 1

/** One process of the app. It keeps its place, and its line, when it is killed and started again. */
export class Node {
  readonly line: TcpProxy
  readonly #program: string
  readonly #setting: string
  #child: ChildProcess | undefined
  #port = 0

  constructor(program: string, line: TcpProxy, setting: object) {
    this.line = line
    this.#program = program
    this.#setting = JSON.stringify({ ...setting, redisPort: line.port })
  }

  /** 0 while it does not run. */
  get port(): number {
    return this.#port
  }

  async start(): Promise<void> {
    const env = { ...process.env, MODEL_SETTING: this.#setting }
    const child = spawn(process.execPath, [this.#program], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child = child
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += String(chunk)))
    this.#port = await new Promise<number>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`the app did not start:\n${said}`)))
      child.stdout.on('data', (chunk: Buffer) => {
        const found = /port (\d+)/.exec(String(chunk))?.[1]
        if (found !== undefined) resolve(Number(found))
      })
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    this.#port = 0
    if (child?.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
}

export interface World {
  readonly redis: RedisServer
  readonly admin: Awaited<ReturnType<RedisServer['connect']>>
  readonly nodes: readonly Node[]
  stop(): Promise<void>
}

/** @param program The app, as one file of JavaScript. */
export async function startWorld(program: string, options: RunOptions): Promise<World> {
  const { timeouts, skews, checkInterval } = options
  const { idle, renewal, overlap } = timeouts
  // What Redis acknowledged it still has after a kill: what it forgets is no matter of this package.
  const redis = await RedisServer.start({ appendonly: 'yes', appendfsync: 'always' })
  const admin = await redis.connect()
  const middleware = {
    // Without a fault an error is a violation, also on a machine that has other things to do.
    storeTimeout: options.faults.length > 0 ? storeTimeout : 10,
    timeouts: {
      ...(idle !== undefined && { idle }),
      ...(renewal !== undefined && { renewal, oldSessionAvailabilityAfterRenewal: overlap }),
    },
  }
  const lines = await Promise.all(Array.from({ length: options.processes }, () => TcpProxy.start(redis.port)))
  const nodes = lines.map(
    (line, index) => new Node(program, line, { skew: skews[index] ?? 0, options: middleware, checkInterval }),
  )
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.kill()))
    await Promise.all(lines.map((line) => line.stop()))
    await redis.stop()
  }
  try {
    await Promise.all(nodes.map((node) => node.start()))
  } catch (error) {
    await stop()
    throw error
  }
  return { redis, admin, nodes, stop }
}
