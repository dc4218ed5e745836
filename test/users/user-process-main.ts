/** The app of this folder in a process of its own, on a Redis, with a clock that can be turned; see `AppProcess`. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createClient } from 'redis'
import { type SessionOptions, sessionMiddleware } from '../../lib'
import { RedisStore } from '../../lib/redis'
import { mountUserRoutes } from './user-routes'

interface Setting extends SessionOptions {
  /** Seconds by which the clock of this process is ahead at its start. */
  skew?: number
}

async function main(): Promise<void> {
  const client = createClient({ url: `redis://127.0.0.1:${process.env['REDIS_PORT']}` })
  client.on('error', () => undefined)
  await client.connect()
  const { skew = 0, ...options } = JSON.parse(process.env['SESSION_OPTIONS'] ?? '{}') as Setting
  let turned = skew
  const hookCalls: string[] = []
  const renewSessionHooks = {
    onRenewMadeAlreadyFromCurrentProcess: () => void hookCalls.push('current'),
    onRenewMadeAlreadyFromAnotherProcess: () => void hookCalls.push('another'),
  }
  const sessions = sessionMiddleware({
    ...options,
    store: new RedisStore({ client }),
    clock: () => Date.now() / 1000 + turned,
    renewSessionHooks,
  })

  const app = express()
  const barriers = new Map<string, () => void>()
  app.get('/turn/:seconds', (req, res) => {
    turned += Number(req.params.seconds)
    res.json('turned')
  })
  app.get('/hook-calls', (_req, res) => {
    res.json(hookCalls.splice(0))
  })
  app.get('/waiting/:barrier', (req, res) => {
    res.json(barriers.has(req.params.barrier))
  })
  app.get('/open/:barrier', (req, res) => {
    barriers.get(req.params.barrier)?.()
    res.json('opened')
  })
  app.use(sessions)
  mountUserRoutes(app, sessions.sessions, (name) => new Promise((resolve) => barriers.set(name, resolve)))

  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  console.log(`port ${(server.address() as AddressInfo).port}`)
  process.stdin.on('end', () => process.exit()).resume()
}

void main()
