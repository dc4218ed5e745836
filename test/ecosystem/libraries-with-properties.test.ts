import { ensureLoggedIn } from 'connect-ensure-login'
import flash from 'connect-flash'
import { csrfSync } from 'csrf-sync'
import csurf from 'csurf'
import { rateLimit } from 'express-rate-limit'
import { Passport } from 'passport'
import OAuth2Strategy from 'passport-oauth2'
import { sessionMiddleware } from '../../lib'
import expressSession from '../../lib/express-session'
import { listen, stopApps } from '../support/app'
import { Browser, usualOptions } from '../support/express-session-app'
import { get } from '../support/http-client'
import { expresses } from './beside-bare'

/** Libraries that keep their values as properties of `req.session`, or that read what express-session puts on a request. */

const expressFlash = jest.requireActual<() => unknown>('express-flash')
const grant = jest.requireActual<{ express: () => (config: object) => any }>('grant')
const lusca = jest.requireActual<{ csrf: () => unknown }>('lusca')

afterEach(stopApps)

type Routes = (app: any) => void

async function start(create: () => any, sessions: unknown, routes: Routes): Promise<Browser & { port: number }> {
  const app = create()
  app.use(sessions)
  routes(app)
  app.use((error: any, _req: unknown, res: any, _next: unknown) => {
    res.status(error.status ?? error.statusCode ?? 500).json({ code: error.code, message: error.message })
  })
  const { port } = await listen(app)
  return Object.assign(new Browser({ get: (path, cookie) => get(port, path, cookie) }), { port })
}

const other = ({ port }: { port: number }): Browser => new Browser({ get: (path, cookie) => get(port, path, cookie) })

const flashRoutes = (create: () => unknown): Routes => {
  return (app) => {
    app.use(create())
    app.get('/leave', (req: any, res: any) => {
      req.flash('info', "Ada's own message")
      res.json('left')
    })
    app.get('/read', (req: any, res: any) => res.json(req.flash('info')))
    app.get('/read-all', (req: any, res: any) => res.json(req.flash()))
  }
}

/** What the library does at first, and how it fails where it finds a session with methods. */
const libraries: readonly (readonly [name: string, routes: Routes, names: string])[] = [
  ['connect-flash', flashRoutes(flash), 'req.session.flash'],
  ['express-flash', flashRoutes(expressFlash), 'req.session.flash'],
  [
    'lusca',
    (app) => {
      app.use(lusca.csrf())
      app.get('/leave', (req: any, res: any) => res.json(req.csrfToken()))
    },
    'req.session._csrfSecret',
  ],
  [
    'csrf-sync, as it is without options',
    (app) => {
      const { generateToken } = csrfSync()
      app.get('/leave', (req: any, res: any) => res.json(generateToken(req)))
    },
    'req.session.csrfToken',
  ],
  [
    'passport',
    (app) => {
      app.use(new Passport().session())
      app.get('/leave', (req: any, res: any) => res.json(req.isAuthenticated()))
    },
    'req.session.passport',
  ],
  [
    'csurf',
    (app) => {
      app.use(csurf())
      app.get('/leave', (req: any, res: any) => res.json(req.csrfToken()))
    },
    'req.session.csrfSecret',
  ],
  [
    'connect-ensure-login',
    (app) => {
      app.use((req: any, _res: unknown, next: () => void) => {
        req.isAuthenticated = () => false
        next()
      })
      app.get('/leave', ensureLoggedIn())
    },
    'req.session.returnTo',
  ],
  [
    'passport-oauth2 with state',
    (app) => {
      const passport = new Passport()
      const urls = { authorizationURL: 'http://provider/', tokenURL: 'http://provider/', callbackURL: '/leave' }
      const strategy = new OAuth2Strategy({ ...urls, clientID: 'shop', clientSecret: '', state: true }, () => {
        throw new Error('not called')
      })
      app.get('/leave', passport.authenticate(strategy, { session: false }))
    },
    'req.session["oauth2:provider"]',
  ],
  [
    'grant',
    (app) => {
      const provider = { authorize_url: 'http://provider/', oauth: 2, key: 'shop', secret: '', state: true }
      const connect = grant.express()({ defaults: { prefix: '/connect' }, provider })
      app.get('/leave', (req: any, res: any, next: (error: unknown) => void) => {
        req.originalUrl = '/connect/provider'
        // Express 4 does not pass on what a promise rejects with.
        Promise.resolve(connect(req, res, next)).catch(next)
      })
    },
    'req.session.grant',
  ],
  [
    'express-rate-limit, keyed by req.sessionID',
    (app) => {
      app.use(rateLimit({ keyGenerator: (req: any) => req.sessionID }))
      app.get('/leave', (_req: unknown, res: any) => res.json('passed'))
    },
    'req.sessionID',
  ],
]

/** Their `/leave` leads to a login. */
const redirecting = ['connect-ensure-login', 'passport-oauth2 with state', 'grant']

describe.each(expresses)('on %s', (_express, create) => {
  test.each(libraries)('%s fails with SESSION_MISUSE on sessions of holdfast', async (_name, routes, property) => {
    const app = await start(create, sessionMiddleware(), routes)
    const { status, body } = await app.get('/leave')
    expect({ status, ...JSON.parse(body) }).toEqual({
      status: 500,
      code: 'SESSION_MISUSE',
      message: expect.stringContaining(property),
    })
    expect(app.cookie).toBeUndefined()
  })

  test.each(libraries)('%s works on sessions of holdfast/express-session', async (name, routes) => {
    const app = await start(create, expressSession(usualOptions), routes)
    const status = redirecting.includes(name) ? 302 : 200
    expect((await app.get('/leave')).status).toBe(status)
    expect((await app.get('/leave')).status).toBe(status)
  })

  describe.each(libraries.slice(0, 2))('%s', (_name, routes) => {
    test('no user reads the message of another user on sessions of holdfast', async () => {
      const ada = await start(create, sessionMiddleware(), routes)
      await ada.get('/leave')
      for (const path of ['/read', '/read-all']) {
        for (const browser of [other(ada), ada]) {
          const { status, body } = await browser.get(path)
          expect({ status, ...JSON.parse(body) }).toMatchObject({ status: 500, code: 'SESSION_MISUSE' })
          expect(body).not.toContain('Ada')
        }
      }
    })

    test('one user reads the message, once, on sessions of holdfast/express-session', async () => {
      const ada = await start(create, expressSession(usualOptions), routes)
      await ada.get('/leave')
      expect(await other(ada).json('/read')).toEqual([])
      expect(await other(ada).json('/read-all')).toEqual({})
      expect(await ada.json('/read')).toEqual(["Ada's own message"])
      expect(await ada.json('/read')).toEqual([])
    })
  })

  test('express-rate-limit counts each session of holdfast/express-session for itself', async () => {
    const app = await start(create, expressSession({ ...usualOptions, saveUninitialized: true }), (routes) => {
      routes.use(rateLimit({ limit: 1, validate: false, keyGenerator: (req: any) => req.sessionID }))
      routes.get('/', (_req: unknown, res: any) => res.json('passed'))
    })
    expect((await app.get('/')).status).toBe(200)
    expect((await other(app).get('/')).status).toBe(200)
    expect((await app.get('/')).status).toBe(429)
  })

  test('express-rate-limit counts each session of holdfast for itself when it is keyed by the handle', async () => {
    const app = await start(create, sessionMiddleware(), (routes) => {
      routes.get('/begin', (req: any, res: any) => {
        req.session.set('n', 1)
        res.json('begun')
      })
      routes.use(rateLimit({ limit: 1, validate: false, keyGenerator: (req: any) => req.session.handle }))
      routes.get('/', (_req: unknown, res: any) => res.json('passed'))
    })
    const second = other(app)
    for (const browser of [app, second]) {
      await browser.get('/begin')
      expect((await browser.get('/')).status).toBe(200)
      expect((await browser.get('/')).status).toBe(429)
    }
  })

  test('csrf-sync works on sessions of holdfast with get and set', async () => {
    const { generateToken, csrfSynchronisedProtection } = csrfSync({
      getTokenFromRequest: (req) => req.query['token'] as string,
      getTokenFromState: (req) => (req as any).session.get('csrfToken'),
      storeTokenInState: (req, token) => (req as any).session.set('csrfToken', token),
      ignoredMethods: [],
    })
    const ada = await start(create, sessionMiddleware(), (app) => {
      app.get('/token', (req: any, res: any) => res.json(generateToken(req)))
      app.get('/post', csrfSynchronisedProtection, (_req: unknown, res: any) => res.json('posted'))
    })
    const token = encodeURIComponent(await ada.json('/token'))
    expect((await ada.get('/post')).status).toBe(403)
    expect((await ada.get(`/post?token=${token}`)).status).toBe(200)
    expect((await other(ada).get(`/post?token=${token}`)).status).toBe(403)
  })
})
