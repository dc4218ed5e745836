import flash from 'connect-flash'
import { csrfSync } from 'csrf-sync'
import csurf from 'csurf'
import { urlencoded } from 'express'
import { rateLimit } from 'express-rate-limit'
import { describeSameFlows, type NamedFlow } from '../../support/describe-flows'
import type { Flow, Visitor } from '../../support/same-flow'

/** Libraries that keep something in `req.session`, or count by `req.sessionID`. */

const expressFlash = jest.requireActual<() => unknown>('express-flash')
const lusca = jest.requireActual<{ csrf: (options?: object) => unknown }>('lusca')

/** An app with a form that a library protects, and a login that replaces the session. */
const formOf = (protect: (app: any) => (req: any) => string): Flow => ({
  mount(app) {
    app.use(urlencoded({ extended: false }))
    const tokenOf = protect(app)
    app.get('/form', (req: any, res: any) => res.json(tokenOf(req)))
    app.post('/form', (req: any, res: any) => res.json({ posted: req.body.text }))
    app.post('/login', (req: any, res: any, next: any) => {
      req.session.regenerate((error: unknown) => (error ? next(error) : res.redirect('/form')))
    })
  },
  async visit(visitor) {
    await visitor.post('/form', { text: 'without a token' })
    await visitor.get('/form')
    const _csrf: string = visitor.json
    await visitor.post('/form', { text: 'with a token', _csrf })
    await visitor.post('/form', { text: 'with a token, again', _csrf })
    await visitor.other().post('/form', { text: 'with the token of another', _csrf })
    await visitor.post('/login', { _csrf })
    await visitor.post('/form', { text: 'with the token from before the login', _csrf })
    await visitor.get('/form')
    await visitor.post('/form', { text: 'with a new token', _csrf: visitor.json })
    return visitor.json
  },
})
const formStatuses = [403, 200, 200, 200, 403, 302, 403, 200, 200]

const flashOf = (library: () => unknown): Flow => ({
  mount(app) {
    app.use(library())
    app.get('/leave', (req: any, res: any) => {
      req.flash('info', 'saved')
      req.flash('info', 'and sent')
      req.flash('error', 'but not read')
      res.redirect('/read')
    })
    app.get('/read', (req: any, res: any) => res.json([req.flash('info'), req.session.flash]))
    app.get('/all', (req: any, res: any) => res.json(req.flash()))
  },
  async visit(visitor) {
    await visitor.get('/leave')
    await visitor.other().get('/all')
    await visitor.follow()
    const read: unknown = visitor.json
    await visitor.get('/all')
    await visitor.get('/all')
    return read
  },
})

const limit: Flow = {
  options: { saveUninitialized: true },
  mount(app) {
    app.use(rateLimit({ limit: 2, validate: false, keyGenerator: (req: any) => req.sessionID, legacyHeaders: false }))
    app.get('/', (_req: unknown, res: any) => res.json('passed'))
  },
  async visit(visitor: Visitor) {
    const other = visitor.other()
    for (const one of [visitor, visitor, visitor, other, other]) await one.get('/')
    return visitor.cookies.size
  },
}

const flows: readonly NamedFlow[] = [
  [
    'csurf',
    formOf((app) => {
      app.use(csurf())
      return (req) => req.csrfToken()
    }),
    { posted: 'with a new token' },
    formStatuses,
  ],
  [
    'lusca',
    formOf((app) => {
      app.use(lusca.csrf())
      return (req) => req.csrfToken()
    }),
    { posted: 'with a new token' },
    formStatuses,
  ],
  [
    'csrf-sync',
    formOf((app) => {
      const { generateToken, csrfSynchronisedProtection } = csrfSync({
        getTokenFromRequest: (req) => (req.body as Record<string, string> | undefined)?.['_csrf'],
      })
      app.use(csrfSynchronisedProtection)
      return (req) => generateToken(req)
    }),
    { posted: 'with a new token' },
    formStatuses,
  ],
  ['connect-flash', flashOf(flash), [['saved', 'and sent'], { error: ['but not read'] }], [302, 200, 200, 200, 200]],
  [
    'express-flash',
    flashOf(expressFlash),
    [['saved', 'and sent'], { error: ['but not read'] }],
    [302, 200, 200, 200, 200],
  ],
  ['express-rate-limit, keyed by req.sessionID', limit, 1, [200, 200, 429, 200, 200]],
]

describeSameFlows(flows)
