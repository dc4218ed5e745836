import type { AddressInfo } from 'node:net'
import { RedisStore } from 'connect-redis'
import express, { type Request } from 'express'
import session from 'holdfast/express-session'
import { RedisStore as OurRedisStore } from 'holdfast/redis'
import { createClient } from 'redis'

declare module 'express-session' {
  interface SessionData {
    views: number
    user: string
  }
}

const client = createClient()
const common = { secret: 'thirty-two characters of a secret', resave: false, saveUninitialized: false }
export const choices: session.SessionOptions[] = [
  { ...common, store: new OurRedisStore({ client }), subject: (values) => values.user },
  { ...common, store: new RedisStore({ client, prefix: 'sess:' }) },
  { ...common, store: new session.MemoryStore() },
]
const app = express()
app.use(session({ ...common, cookie: { maxAge: 60_000 } }))
app.get('/', (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1
  // @ts-expect-error -- a wrong value
  if (Date.now() === 0) req.session.views = 'one'
  res.json({ views: req.session.views, subject: req.session.user })
})
app.get('/login', (req: Request, res, next) => {
  const { views = 0 } = req.session
  req.session.regenerate((error: unknown) => {
    if (error) return next(error)
    Object.assign(req.session, { views, user: 'ada' } satisfies Partial<session.SessionData>)
    res.redirect('/')
  })
})
app.get('/logout', (req, res, next) => {
  req.session.destroy((error: unknown) => (error ? next(error) : res.redirect('/')))
})
const server = app.listen(0, () => {
  console.log((server.address() as AddressInfo).port)
})
