import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'

/** Starts a Redis for the demo, on a free port, keeping nothing on disk. It ends with this process. */
export async function startRedis(): Promise<string> {
  const port = await freePort()
  const settings = { port: String(port), bind: '127.0.0.1', dir: tmpdir(), save: '', appendonly: 'no' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => server.kill())
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit())
  await new Promise<void>((resolve, reject) => {
    server.once('error', () => {
      reject(
        new Error(
          'redis-server was not found: install it (Debian, Ubuntu: apt-get install redis-server), or set REDIS_URL to one that runs',
        ),
      )
    })
    server.once('exit', () => {
      reject(new Error('redis-server ended before it could be used'))
    })
    server.stdout.on('data', (text: Buffer) => {
      if (text.includes('Ready to accept connections')) resolve()
    })
  })
  return `redis://127.0.0.1:${port}`
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
