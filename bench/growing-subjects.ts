import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createClient } from 'redis'
import { SessionManager } from '../lib'
import { RedisStore } from '../lib/redis'
import { RedisProcess } from './redis-process'
import type { Report } from './report'

const counts = [1, 100, 10_000]
const logins = 20

/** What login, `readAll` and `deleteAll` take for a user of 1, 100 and 10 000 sessions, and how long others wait for Redis. */
export async function measureGrowingSubjects(report: Report): Promise<void> {
  const redis = await RedisProcess.start()
  const url = `redis://127.0.0.1:${redis.port}`
  const client = await createClient({ url }).connect()
  const manager = new SessionManager({ store: new RedisStore({ client }) })
  const stranger = fork(join(__dirname, 'servers/pinger.mjs'), [String(redis.port)], { execArgv: [] })
  await once(stranger, 'message')
  const rows: string[][] = []
  try {
    for (const count of counts) {
      const subject = `user-${count}`
      for (let made = 0; made < count; made += 100) {
        const batch = Array.from({ length: Math.min(100, count - made) }, () => manager.users.create(subject, context))
        await Promise.all(batch)
      }
      const login = await watch(stranger, async () => {
        for (let n = 0; n < logins; n++) await manager.users.create(subject, context)
      })
      const list = await watch(stranger, async () => {
        const { size } = await manager.users.readAll(subject)
        if (size !== count + logins) throw new Error(`readAll found ${size} sessions of ${count + logins}`)
      })
      const end = await watch(stranger, async () => {
        const ended = await manager.users.deleteAll(subject)
        if (ended !== count + logins) throw new Error(`deleteAll ended ${ended} sessions of ${count + logins}`)
      })
      rows.push([
        String(count),
        `${(login.took / logins).toFixed(2)} ms`,
        `${list.took.toFixed(1)} ms (${list.wait.toFixed(1)} ms)`,
        `${end.took.toFixed(1)} ms (${end.wait.toFixed(1)} ms)`,
      ])
    }
    report.table(
      'growing-subjects',
      "A user's sessions in Redis: how long a call takes, and the longest that another connection waited for a PING meanwhile",
      ['sessions of the user', 'a login', 'readAll (others wait)', 'deleteAll (others wait)'],
      rows,
    )
  } finally {
    await manager.close()
    client.destroy()
    stranger.disconnect()
    await redis.stop()
  }
}

const context = { ip: '192.0.2.1', device: { name: 'Firefox on Linux' } }

/** How long `work` takes, in milliseconds, and the longest that somebody else waited for Redis meanwhile. */
async function watch(stranger: ChildProcess, work: () => Promise<void>): Promise<{ took: number; wait: number }> {
  await longestWait(stranger)
  const start = performance.now()
  await work()
  const took = performance.now() - start
  return { took, wait: await longestWait(stranger) }
}

async function longestWait(stranger: ChildProcess): Promise<number> {
  stranger.send('take')
  const [milliseconds] = (await once(stranger, 'message')) as [number]
  return milliseconds
}
