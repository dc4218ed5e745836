/** The program that `AppProcess` runs. It ends when the one that started it does. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type ErrorRequestHandler } from 'express'
import { createClient } from 'redis'
import { login, logout, SessionError, sessionMiddleware } from '../../lib'
import { RedisStore } from '../../lib/redis'

async function main(): Promise<void> {
  const client = createClient({
    url: `redis://127.0.0.1:${process.env['REDIS_PORT']}`,
    socket: { reconnectStrategy: 20 },
  })
  client.on('error', () => undefined)
  await client.connect()
  const options = JSON.parse(process.env['SESSION_OPTIONS'] ?? '{}') as object
  const sessions = sessionMiddleware({ store: new RedisStore({ client }), ...options })
  const { users } = sessions.sessions

  const app = express()
  app.use(sessions)
  app.get('/get', (req, res) => {
    res.json({ values: req.session.data[0], subject: req.session.subject ?? null })
  })
  app.get('/set/:key/:value', (req, res) => {
    req.session.set(req.params.key, req.params.value)
    res.json('set')
  })
  app.get('/redirect/:value', (req, res) => {
    req.session.set('value', req.params.value)
    res.redirect('/get')
  })
  app.get('/stream/:value', (req, res) => {
    req.session.set('value', req.params.value)
    res.write('first bytes')
    setTimeout(() => res.end('the rest'), 50)
  })
  app.get('/login/:subject', (req, res) => {
    login(req, req.params.subject)
    res.json('in')
  })
  app.get('/logout', (req, res) => {
    logout(req)
    res.json('out')
  })
  app.get('/end-all/:subject', async (req, res) => {
    res.json(await users.deleteAll(req.params.subject))
  })
  const respondToError: ErrorRequestHandler = (error, _req, res, next) => {
    if (!(error instanceof SessionError)) next(error)
    else res.status(error.status ?? 500).json({ code: error.code })
  }
  app.use(respondToError)

  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  console.log(`port ${(server.address() as AddressInfo).port}`)
  process.stdin.on('end', () => process.exit()).resume()
}

void main()
