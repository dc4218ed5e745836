import type { AddressInfo } from 'node:net'
import express, { type Request } from 'express'
import { login, logout, MemoryStore, type SessionOptions, sessionMiddleware } from 'holdfast'
import type { RedisStoreOptions } from 'holdfast/redis'

declare module 'holdfast' {
  interface SessionValues {
    views: number
  }
  interface SessionFlash {
    notice: string
  }
}

const options: SessionOptions = { store: new MemoryStore(), timeouts: { idle: 600 } }
const app = express()
app.use(sessionMiddleware(options))
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
export type Client = RedisStoreOptions['client']
