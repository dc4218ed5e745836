import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { freePort, RedisServer } from './redis-server'

/** A Redis and one sentinel that watches it under the name `main`. */
export interface RedisSentinel {
  readonly master: RedisServer
  readonly sentinelRootNodes: { host: string; port: number }[]
  /** Resolves when the sentinel has found out that the master has a replica. */
  knowsReplica(): Promise<void>
  stop(): Promise<void>
}

/** @param settings Of the watched master, as in `{ 'down-after-milliseconds': '500' }`. */
export async function startSentinel(settings: Readonly<Record<string, string>> = {}): Promise<RedisSentinel> {
  const [master, port] = [await RedisServer.start(), await freePort()]
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-sentinel-'))
  const file = join(directory, 'sentinel.conf')
  const lines = Object.entries(settings).map(([name, value]) => `sentinel ${name} main ${value}\n`)
  writeFileSync(
    file,
    `port ${port}\nbind 127.0.0.1\ndir ${directory}\nsentinel monitor main 127.0.0.1 ${master.port} 1\n${lines.join('')}`,
  )
  const sentinel = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  const killNow = () => sentinel.kill('SIGKILL')
  process.once('exit', killNow)
  return {
    master,
    sentinelRootNodes: [{ host: '127.0.0.1', port }],
    async knowsReplica() {
      const client = await createClient({ url: `redis://127.0.0.1:${port}` }).connect()
      // It asks its master each ten seconds otherwise.
      await client.sendCommand(['SENTINEL', 'DEBUG', 'info-period', '200'])
      const replicas = async () => (await client.sendCommand(['SENTINEL', 'REPLICAS', 'main'])) as unknown as unknown[]
      while ((await replicas()).length === 0) await sleep(50)
      client.destroy()
    },
    async stop() {
      const ended = once(sentinel, 'exit')
      killNow()
      await ended
      process.off('exit', killNow)
      rmSync(directory, { recursive: true, force: true })
      await master.stop()
    },
  }
}
