import type { AddressInfo } from 'node:net'
import { RedisStore } from 'connect-redis'
import express, { type Request } from 'express'
import expressSession from 'express-session'
import { login, logout, type SessionOptions, sessionMiddleware } from 'holdfast'
import { RedisStore as OwnRedisStore } from 'holdfast/redis'
import { createClient } from 'redis'

declare module 'holdfast' {
  interface SessionValues {
    views: number
  }
  interface SessionFlash {
    notice: string
  }
}

const client = createClient()
export const choices: SessionOptions[] = [
  { store: new OwnRedisStore({ client }) },
  { store: new RedisStore({ client, prefix: 'sess:' }) },
  { store: new expressSession.MemoryStore() },
]
const app = express()
app.use(sessionMiddleware({ store: new expressSession.MemoryStore() }))
app.get('/', (req, res) => {
  req.session.set('views', (req.session.get('views') ?? 0) + 1)
  // @ts-expect-error -- a wrong value
  if (Date.now() === 0) req.session.set('views', 'one')
  // @ts-expect-error -- no such key
  req.session.get('veiws')
  res.json({ views: req.session.get('views'), subject: req.session.subject })
})
app.get('/login', (req, res) => {
  login(req, 'ada')
  res.redirect('/')
})
app.get('/logout', (req: Request, res) => {
  logout(req)
  req.session.flash('notice', 'bye')
  res.redirect('/')
})
const server = app.listen(0, () => {
  console.log((server.address() as AddressInfo).port)
})
