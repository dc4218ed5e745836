import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { pinOther } from './server-process'

/** A Redis of the benchmark's own: empty, on a free port of the loopback interface, keeping nothing on disk. */
export class RedisProcess {
  readonly port: number
  readonly #process: ChildProcess

  private constructor(port: number, running: ChildProcess) {
    this.port = port
    this.#process = running
  }

  static async start(...settings: readonly string[]): Promise<RedisProcess> {
    const port = await freePort()
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...settings]
    const started = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const stop = (): void => void started.kill()
    process.once('exit', stop)
    await new Promise<void>((resolve, reject) => {
      started.once('error', () =>
        reject(new Error('redis-server was not found: install it (Debian, Ubuntu: apt-get install redis-server)')),
      )
      started.once('exit', () => reject(new Error('redis-server did not start')))
      started.stdout.on('data', (chunk: Buffer) => {
        if (chunk.includes('Ready to accept connections')) resolve()
      })
    })
    pinOther(started.pid)
    return new RedisProcess(port, started)
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.kill()
    await ended
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
