import { join } from 'node:path'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { login, logout, sessionMiddleware } from 'holdfast'
import { csrfProtection, csrfToken, renewCsrfToken } from '../shared/csrf'
import { explainError } from '../shared/document'
import { formField } from '../shared/form-field'
import { listen } from '../shared/listen'
import { securityHeaders } from '../shared/security-headers'
import { errorPage, homePage } from './pages'

/** Shown on the page: whoever can open the demo may use it. */
export const demoPassword = 'hold fast'

declare module 'holdfast' {
  interface SessionValues {
    count: number
  }
  interface SessionFlash {
    notice: string
    problem: string
  }
}

export function createApp(): Express {
  const app = express()
  app.use(
    securityHeaders,
    express.static(join(__dirname, 'public')),
    express.static(join(__dirname, '../shared/public')),
  )
  app.use(express.urlencoded({ extended: false, limit: '4kb' }), sessionMiddleware(), csrfProtection)

  app.get('/', (req, res) => {
    const { session } = req
    const { subject: name, handle, createdAt, expiresAt } = session
    const [notice, problem, count = 0] = [session.get('notice'), session.get('problem'), session.get('count')]
    res.set('Cache-Control', 'no-store')
    res.send(
      homePage({ name, count, notice, problem, handle, createdAt, expiresAt, csrfToken: csrfToken(req), demoPassword }),
    )
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
    if (name === '') req.session.flash('problem', 'Tell us a name to sign in with.')
    else if (formField(req, 'password') !== demoPassword) req.session.flash('problem', 'That is not the demo password.')
    else {
      login(req, name)
      renewCsrfToken(req)
      req.session.flash('notice', `Welcome, ${name}.`)
    }
    res.redirect(303, '/')
  })

  app.post('/sign-out', (req, res) => {
    logout(req)
    req.session.flash('notice', 'You are signed out.')
    res.redirect(303, '/')
  })

  const showError: ErrorRequestHandler = (error, _req, res, next) => {
    if (res.headersSent) {
      next(error)
      return
    }
    const { status, title, advice } = explainError(error)
    if (status === 500) console.error(error)
    res.status(status).send(errorPage(title, advice))
  }
  app.use(showError)
  return app
}

if (require.main === module) listen(createApp())
