import { fork } from 'node:child_process'
import { join } from 'node:path'
import { listen } from '../shared/listen'
import { startRedis } from './redis-server'
import { roundRobin, type Target } from './round-robin'

/** One process of the app; resolves when it can be asked. */
function startProcess(name: string, redisUrl: string): Promise<Target> {
  const child = fork(join(__dirname, 'app.ts'), { env: { ...process.env, REDIS_URL: redisUrl, PROCESS_NAME: name } })
  return new Promise((resolve, reject) => {
    child.once('message', (port) => resolve({ name, port: Number(port) }))
    child.once('exit', (code) => {
      reject(new Error(`process ${name} ended with ${code ?? 'a signal'}`))
    })
  })
}

async function main(): Promise<void> {
  const redisUrl = process.env['REDIS_URL'] ?? (await startRedis())
  const targets = await Promise.all(['A', 'B'].map((name) => startProcess(name, redisUrl)))
  listen(
    roundRobin(targets, (req, { name }) => {
      console.log(`${req.method ?? ''} ${req.url ?? ''} -> process ${name}`)
    }),
  )
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
