import { join } from 'node:path'
import { csrfSync } from 'csrf-sync'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import { MemoryStore, SessionManager, type SessionStore } from 'holdfast'
import session from 'holdfast/express-session' // It was: import session from 'express-session'
import { Passport } from 'passport'
import { Strategy as LocalStrategy } from 'passport-local'
import { explainError } from '../shared/document'
import { formField } from '../shared/form-field'
import { listen } from '../shared/listen'
import { securityHeaders } from '../shared/security-headers'
import { devicesPage, errorPage, signInPage } from './pages'

/** The password is on the page. A real app keeps hashes of passwords, as examples/devices does. */
const demo = { id: 'user-1', name: 'ada', password: 'hold fast' }

const { csrfSynchronisedProtection: csrfProtection, generateToken: csrfToken } = csrfSync({
  getTokenFromRequest: (req) => formField(req, 'csrfToken'),
})

/** An app on passport as it was on express-session. New are the store, `subject`, and the routes that use `users`. */
export function createApp(store: SessionStore = new MemoryStore()): Express {
  const { users } = new SessionManager({ store })
  const passport = createPassport()
  const app = express()
  app.use(securityHeaders, express.static(join(__dirname, '../shared/public')))
  app.use(express.urlencoded({ extended: false, limit: '4kb' }))
  app.use(
    session({
      secret: process.env['SESSION_SECRET'] ?? 'good enough for a demo only',
      resave: false,
      saveUninitialized: false,
      cookie: { sameSite: 'lax' },
      store,
      subject: (values) => (values as { passport?: { user?: string } }).passport?.user,
    }),
  )
  app.use(passport.session(), csrfProtection)

  app.get('/', async (req, res) => {
    res.set('Cache-Control', 'no-store')
    if (req.user === undefined) {
      res.send(signInPage(csrfToken(req), demo, req.query['failed'] !== undefined))
      return
    }
    res.send(devicesPage(csrfToken(req), demo.name, await users.readAll(demo.id)))
  })

  const authenticate = passport.authenticate('local', {
    successRedirect: '/',
    failureRedirect: '/?failed',
  }) as RequestHandler
  app.post('/sign-in', authenticate)

  app.post('/sign-out', (req, res, next) => {
    req.logout((error: unknown) => {
      if (error !== undefined) next(error)
      else res.redirect(303, '/')
    })
  })

  app.post('/devices/:handle/sign-out', async (req, res) => {
    // Only sessions of this user: the handle of another user's session ends nothing.
    if (req.user !== undefined) await users.delete(demo.id, req.params.handle)
    res.redirect(303, '/')
  })

  const showError: ErrorRequestHandler = (error, _req, res, next) => {
    if (res.headersSent) {
      next(error)
      return
    }
    const { status, title, advice } = explainError(error)
    if (status >= 500) console.error(error)
    res.status(status).send(errorPage(title, advice))
  }
  app.use((_req, res) => res.status(404).send(errorPage('There is no such page', 'It may have moved.')))
  app.use(showError)
  return app
}

function createPassport(): InstanceType<typeof Passport> {
  const passport = new Passport()
  passport.use(
    new LocalStrategy({ usernameField: 'name' }, (name, password, done) => {
      done(null, name === demo.name && password === demo.password ? demo : false)
    }),
  )
  passport.serializeUser((_user, done) => done(null, demo.id))
  passport.deserializeUser((id, done) => done(null, id === demo.id ? demo : false))
  return passport
}

if (require.main === module) listen(createApp())
