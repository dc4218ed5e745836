// An app that was written for express-session, after the switch: its declarations, its stores and the types of libraries
// around sessions count as before.
import connectPgSimple from 'connect-pg-simple'
import { RedisStore } from 'connect-redis'
import { csrfSync } from 'csrf-sync'
import express, { type Request } from 'express'
import type expressSession from 'express-session'
import { MemoryStore as OurMemoryStore } from 'holdfast'
import session, { type SessionData, Store } from 'holdfast/express-session'
import { RedisStore as OurRedisStore } from 'holdfast/redis'
import passport from 'passport'
import { createClient } from 'redis'

declare module 'express-session' {
  interface SessionData {
    user: string
    cart: string[]
  }
}

const client = createClient()
const options: session.SessionOptions = {
  secret: ['new', 'old'],
  resave: false,
  saveUninitialized: false,
  cookie: { maxAge: 60_000, secure: 'auto', sameSite: 'lax' },
}
const app = express()
app.use(session({ ...options, store: new RedisStore({ client }) }))
app.use(session({ ...options, store: new (connectPgSimple(session))({ conString: '' }) }))
app.use(session({ ...options, store: new OurRedisStore({ client }), subject: (values) => values.user, sessionTtl: 86_400 }))
app.use(
  session({
    ...options,
    store: new OurMemoryStore(),
    subject: (values) => values.user,
    context: (req) => ({ ip: req.ip ?? '', device: { name: req.get('user-agent') ?? 'unknown' } }),
  }),
)
app.use(session({ secret: 'x', context: () => ({ address: '' }) })) // error TS2322
app.use(session({ ...options, store: new OurMemoryStore(), ttl: 600, storeTimeout: 2 }))
app.use(session({ ...options, store: new session.MemoryStore() }))
app.use(session({ secret: 'x', saveUnitialized: false })) // error TS2561
app.use(session({ secret: 'x', ttl: '1h' })) // error TS2322
app.use(session({ secret: 'x', subject: (values) => values.usr })) // error TS2551
app.use(passport.session())
app.use(csrfSync().csrfSynchronisedProtection)

app.get('/', (req, res, next) => {
  const user: string | undefined = req.session.user
  req.session.cart = [...(req.session.cart ?? []), 'tea']
  req.session.cart = [1] // error TS2322
  req.session.crat = [] // error TS2339
  req.session.cookie.maxAge = 1000
  req.session.regenerate((error) => {
    if (error) next(error)
    else req.session.save(() => res.json([user, req.session.id, req.sessionID]))
  })
  req.sessionStore.get(req.sessionID, (_error, data?: SessionData | null) => data?.user)
})
function show(req: Request): void {
  const current: session.Session & Partial<session.SessionData> = req.session
  current.touch().resetMaxAge()
  const same: expressSession.Session = current
  same.destroy(() => undefined)
}
app.get('/show', show)

class MyStore extends Store {
  override get(_id: string, callback: (error: unknown, data?: SessionData | null) => void): void {
    callback(null, null)
  }
  override set(_id: string, _data: SessionData, callback?: () => void): void {
    callback?.()
  }
  override destroy(_id: string, callback?: () => void): void {
    callback?.()
  }
}
const handler = session({ secret: 'x', store: new MyStore() })
export const store: expressSession.Store = handler.store
const program: typeof expressSession = session
program({ secret: 'x' })
