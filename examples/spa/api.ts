import express, { type ErrorRequestHandler, type Express, type Request } from 'express'
import { login, logout, SessionManager, sessionMiddleware } from 'holdfast'
import { formField } from '../shared/form-field'
import { requireLogin } from '../shared/require-login'
import { securityHeaders } from '../shared/security-headers'
import { allowPage, refuseOtherPages } from './cross-origin'
import { Notes } from './notes'

/** Shown on the page, as every visitor of the demo may use it. */
export const demoPassword = 'hold fast'

export interface ApiOptions {
  /** Origin of the one page that may use this API: `http://localhost:3000`. */
  readonly pageOrigin: string
  readonly sessions?: SessionManager
}

const help = `The API of a single-page app. Its page is on another origin; the README beside api.ts has calls to try with curl.
`

/** JSON in, JSON out, and a status that says what the page has to do: see README. */
export function createApi({ pageOrigin, sessions = new SessionManager() }: ApiOptions): Express {
  const notes = new Notes()
  const app = express()
  app.use(securityHeaders)
  app.get('/', (_req, res) => res.type('text').send(help))

  // CORS comes first: a preflight request has no cookie. It says who may read responses. Who may change something is
  // checked after it, because a browser also sends requests whose responses their page can't read.
  app.use(allowPage(pageOrigin), refuseOtherPages(pageOrigin))
  app.use(express.json({ limit: '4kb' }), sessionMiddleware(sessions))
  app.use(function forbidCaches(_req, res, next) {
    res.set('Cache-Control', 'no-store')
    next()
  })

  app.post('/session', (req, res) => {
    const name = formField(req, 'name').trim().slice(0, 60)
    if (name === '' || formField(req, 'password') !== demoPassword) {
      // Not 401, which means to the page that its session has ended.
      res.status(422).json({ error: 'WRONG_NAME_OR_PASSWORD' })
      return
    }
    login(req, name)
    res.json({ name })
  })

  // A sign-out of a session that has ended already is no error: the person is where they wanted to be.
  app.delete('/session', (req, res) => {
    logout(req)
    res.sendStatus(204)
  })

  app.use(requireLogin())

  app.get('/me', (req, res) => {
    res.json({ name: userOf(req) })
  })

  app.delete('/other-sessions', async (req, res) => {
    res.json({ ended: await sessions.users.deleteAll(userOf(req), { except: req.session.handle }) })
  })

  app.get('/notes', (req, res) => {
    res.json(notes.of(userOf(req)))
  })

  app.post('/notes', (req, res) => {
    const text = formField(req, 'text').trim().slice(0, 500)
    if (text === '') res.status(422).json({ error: 'TEXT_REQUIRED' })
    else res.status(201).json(notes.add(userOf(req), text))
  })

  app.delete('/notes/:id', (req, res) => {
    notes.remove(userOf(req), req.params.id)
    res.sendStatus(204)
  })

  app.use((_req, res) => res.status(404).json({ error: 'NOT_FOUND' }))
  app.use(showError)
  return app
}

/** The user of a request that `requireLogin` let pass. */
function userOf({ session: { subject = '' } }: Pick<Request, 'session'>): string {
  return subject
}

/** A store that is down is 503: the page must not show its user as signed out, because the session is still there. */
const showError: ErrorRequestHandler = (error: { status?: unknown; code?: unknown }, _req, res, next) => {
  if (res.headersSent) {
    next(error)
    return
  }
  const status = typeof error.status === 'number' ? error.status : 500
  if (status >= 500) console.error(error)
  res.status(status).json({ error: typeof error.code === 'string' ? error.code : 'FAILED' })
}
