import { join } from 'node:path'
import express, { type Express, type Request } from 'express'
import { login, SessionManager, sessionMiddleware } from 'holdfast'
import { csrfProtection, csrfToken, renewCsrfToken } from '../shared/csrf'
import { errorPages } from '../shared/error-pages'
import { formField } from '../shared/form-field'
import { listen } from '../shared/listen'
import { requireLogin } from '../shared/require-login'
import { securityHeaders } from '../shared/security-headers'
import { signOut } from '../shared/sign-out'
import { accountPage, errorPage, homePage, type SignInProblem } from './pages'

/** Shown on the page, as every visitor of the demo may use it. */
export const demoPassword = 'hold fast'

declare module 'holdfast' {
  interface SessionValues {
    count: number
  }
}

export function createApp(sessions: SessionManager = new SessionManager()): Express {
  const app = express()
  app.use(
    securityHeaders,
    express.static(join(__dirname, 'public')),
    express.static(join(__dirname, '../shared/public')),
  )
  app.use(express.urlencoded({ extended: false, limit: '4kb' }), sessionMiddleware(sessions), csrfProtection)

  app.get('/', (req, res) => {
    res.set('Cache-Control', 'no-store')
    res.send(pageFor(req))
  })

  app.post('/count', (req, res) => {
    req.session.set('count', (req.session.get('count') ?? 0) + 1)
    res.redirect(303, '/#counter')
  })

  app.post('/flash', (req, res) => {
    req.session.flash('notice', `You left yourself a message: ${formField(req, 'message')}`)
    res.redirect(303, '/')
  })

  app.post('/sign-in', (req, res) => {
    const name = formField(req, 'name').trim()
    const problem = findProblem(name, formField(req, 'password'))
    if (problem !== undefined) {
      // The form comes back with the name that was typed, and no password.
      res.status(422).set('Cache-Control', 'no-store').send(pageFor(req, problem))
      return
    }
    login(req, name)
    renewCsrfToken(req)
    req.session.flash('notice', `Welcome, ${name}.`)
    res.redirect(303, '/')
  })

  app.post('/sign-out', signOut('/', 'You are signed out.'))

  app.get('/account', requireLogin('/#sign-in'), (req, res) => {
    const { subject: name = '', createdAt } = req.session
    res.set('Cache-Control', 'no-store')
    res.send(accountPage({ name, createdAt, csrfToken: csrfToken(req) }))
  })

  app.use(...errorPages(errorPage))
  return app
}

function pageFor(req: Request, problem?: SignInProblem): string {
  const { session } = req
  const { subject: name, handle, createdAt, expiresAt } = session
  const [notice, count = 0] = [session.get('notice'), session.get('count')]
  const facts = { handle, createdAt, expiresAt }
  return homePage({ name, count, notice, problem, ...facts, csrfToken: csrfToken(req), demoPassword })
}

function findProblem(name: string, password: string): SignInProblem | undefined {
  if (name === '') return { field: 'name', text: 'Tell us a name to sign in with.', typedName: '' }
  if (password === demoPassword) return undefined
  return { field: 'password', text: 'That is not the demo password.', typedName: name }
}

if (require.main === module) {
  const sessions = new SessionManager()
  listen(createApp(sessions), { close: [() => sessions.close()] })
}
