import { createServer } from 'node:http'
import { join } from 'node:path'
import { csrfSync } from 'csrf-sync'
import express, { type Express, type Request, type RequestHandler } from 'express'
import { MemoryStore, SessionManager, type SessionStore } from 'holdfast'
import session from 'holdfast/express-session' // It was: import session from 'express-session'
import { describeDevice } from '../shared/describe-device'
import { errorPages } from '../shared/error-pages'
import { formField } from '../shared/form-field'
import { listenOn } from '../shared/listen'
import { requireLogin } from '../shared/require-login'
import { securityHeaders } from '../shared/security-headers'
import { devicesPage, errorPage, signInPage } from './pages'
import { createProvider } from './provider'
import { callbackPath, createPassport, demo, type Person } from './sign-in'

const publicFolders = [join(__dirname, 'public'), join(__dirname, '../shared/public')]

const { csrfSynchronisedProtection: csrfProtection, generateToken: csrfToken } = csrfSync({
  getTokenFromRequest: (req) => formField(req, 'csrfToken'),
})

/** An app on passport as it was on express-session. New are the store, `subject`, `context`, and the routes that use `users`. */
export function createApp(providerUrl: string, store: SessionStore = new MemoryStore()): Express {
  const { users } = new SessionManager({ store })
  const passport = createPassport(providerUrl)
  const app = express()
  app.use(securityHeaders, ...publicFolders.map((folder) => express.static(folder)))
  app.use(express.urlencoded({ extended: false, limit: '4kb' }))
  app.use(
    session({
      secret: process.env['SESSION_SECRET'] ?? 'good enough for a demo only',
      resave: false,
      saveUninitialized: false,
      cookie: { sameSite: 'lax' },
      store,
      subject: (values) => (values as { passport?: { user?: string } }).passport?.user,
      context: ({ ip = '', headers }) => ({ ip, device: { ...describeDevice(headers['user-agent']) } }),
    }),
  )
  app.use(passport.session() as RequestHandler, csrfProtection)
  app.use(function forbidCaches(_req, res, next) {
    res.set('Cache-Control', 'no-store')
    next()
  })

  app.get('/sign-in', (req, res) => {
    res.send(signInPage(csrfToken(req), demo, req.query['failed']))
  })
  const authenticate = (strategy: string): RequestHandler =>
    passport.authenticate(strategy, {
      successRedirect: '/',
      failureRedirect: `/sign-in?failed=${strategy}`,
    }) as RequestHandler
  app.post('/sign-in', authenticate('local'))
  app.get('/sign-in/provider', authenticate('provider'))
  app.get(callbackPath, authenticate('provider'))

  app.post('/sign-out', (req, res, next) => {
    req.logout((error: unknown) => {
      if (error === undefined || error === null) res.redirect(303, '/sign-in')
      else next(error)
    })
  })

  const guard = requireLogin('/sign-in', ({ user }: Request) => user !== undefined)

  app.get('/', guard, async (req, res) => {
    const { id, name } = userOf(req)
    res.send(devicesPage(csrfToken(req), name, await users.readAll(id)))
  })

  app.post('/devices/:handle/sign-out', guard as RequestHandler<{ handle: string }>, async (req, res) => {
    // Only sessions of this user: the handle of another user's session ends nothing.
    await users.delete(userOf(req).id, req.params.handle)
    res.redirect(303, '/')
  })

  app.post('/sign-out-everywhere', guard, async (req, res) => {
    await users.deleteAll(userOf(req).id)
    res.redirect(303, '/sign-in')
  })

  app.use(...errorPages(errorPage))
  return app
}

/** The user of a request that the guard let pass. */
function userOf({ user }: Pick<Request, 'user'>): Person {
  return user as Person
}

/** Serves the app on `PORT` and the provider on `PROVIDER_PORT`. Each has to know the other's address. */
function main(): void {
  const provider = createServer()
  listenOn(provider, {
    variable: 'PROVIDER_PORT',
    defaultPort: 3001,
    onListening(providerUrl) {
      const store = new MemoryStore()
      listenOn(createServer(createApp(providerUrl, store)), {
        close: [() => store.close()],
        onListening(url) {
          provider.on('request', createProvider(url + callbackPath))
          console.log(`The provider is on ${providerUrl}`)
          console.log(`Listening on ${url}`)
        },
      })
    },
  })
}

if (require.main === module) main()
