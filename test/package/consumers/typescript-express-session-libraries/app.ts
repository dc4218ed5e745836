import type { AddressInfo } from 'node:net'
import { RedisStore } from 'connect-redis'
import { csrfSync } from 'csrf-sync'
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import type { SessionData, Store } from 'express-session'
import session from 'holdfast/express-session'
import passport from 'passport'
import { createClient } from 'redis'

const options: session.SessionOptions = {
  secret: 'thirty-two characters of a secret',
  resave: false,
  saveUninitialized: false,
  cookie: { maxAge: 60_000 },
}
// Helpers that keep their types of express-session.
export const storeOf = (): Store => new RedisStore({ client: createClient(), prefix: 'sess:' })
export const inRedis = (): RequestHandler => session({ ...options, store: storeOf() })
const copyOf = (req: Request): Partial<SessionData> => ({ ...req.session })

passport.serializeUser((user, done) => done(null, user.id))
passport.deserializeUser<string>((id, done) => done(null, { id }))
const { generateToken, csrfSynchronisedProtection } = csrfSync({
  getTokenFromRequest: (req) => req.headers['x-csrf-token'] as string | undefined,
  getTokenFromState: (req) => req.session.csrfToken,
  storeTokenInState: (req, token) => {
    req.session.csrfToken = token
  },
})

const app = express()
app.use(session(options))
app.use(passport.session())
app.get('/', (req, res) => {
  req.session.views = (req.session.views ?? 0) + 1
  // @ts-expect-error -- a wrong value
  if (Date.now() === 0) req.session.views = 'one'
  // @ts-expect-error -- a misspelt one
  if (Date.now() === 0) req.session.veiws = 1
  res.json({ views: copyOf(req).views, subject: req.user?.id })
})
app.get('/token', (req, res) => {
  res.json(generateToken(req))
})
app.post('/', csrfSynchronisedProtection, (_req, res) => {
  res.json('posted')
})
app.get('/login', (req: Request, res: Response, next: NextFunction) => {
  req.login({ id: 'ada' }, { session: true, keepSessionInfo: true }, (error: unknown) => {
    if (error) return next(error)
    req.session.messages = ['welcome']
    res.redirect('/')
  })
})
app.get('/logout', (req, res, next) => {
  req.session.destroy((error: unknown) => (error ? next(error) : res.redirect('/')))
})
const server = app.listen(0, () => {
  console.log((server.address() as AddressInfo).port)
})
