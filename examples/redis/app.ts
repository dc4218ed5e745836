import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'
import { login, logout, sessionMiddleware } from 'holdfast'
import { RedisStore, type RedisStoreClient } from 'holdfast/redis'
import { createClient } from 'redis'

declare module 'holdfast' {
  interface SessionValues {
    visits: number
  }
}

/** One process of several. It keeps nothing of its own: whichever is asked next knows the session. */
export function createApp(client: RedisStoreClient, processName: string): Express {
  const app = express()
  app.use(sessionMiddleware({ store: new RedisStore({ client, prefix: 'example:' }) }))

  app.get('/', (req, res) => {
    const visits = (req.session.get('visits') ?? 0) + 1
    req.session.set('visits', visits)
    res.type('text').send(`process ${processName}: visit ${visits} of ${req.session.subject ?? 'a stranger'}\n`)
  })

  app.post('/sign-in/:name', (req, res) => {
    login(req, req.params.name)
    res.redirect(303, '/')
  })

  app.post('/sign-out', (req, res) => {
    logout(req)
    res.redirect(303, '/')
  })

  return app
}

/** Started by start.ts, which wants to know the port. */
async function main(): Promise<void> {
  const client = createClient({ url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379', disableOfflineQueue: true })
  client.on('error', (error: Error) => console.error(`Redis: ${error.message}`))
  await client.connect()
  const server = createServer(createApp(client, process.env['PROCESS_NAME'] ?? String(process.pid)))
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
  process.once('disconnect', () => process.exit())
}

if (require.main === module) void main()
