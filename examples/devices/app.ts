import { join } from 'node:path'
import express, { type Express } from 'express'
import { SessionManager, sessionMiddleware, type SessionOptions } from 'holdfast'
import { RedisStore } from 'holdfast/redis'
import { createClient } from 'redis'
import { csrfProtection } from '../shared/csrf'
import { errorPages } from '../shared/error-pages'
import { listen } from '../shared/listen'
import { securityHeadersWith } from '../shared/security-headers'
import { Accounts } from './accounts'
import { deviceRoutes } from './device-routes'
import { demo, errorPage } from './pages'
import { passwordRoutes } from './password-routes'
import { signInRoutes } from './sign-in-routes'

declare module 'holdfast' {
  interface SessionValues {
    /** The last minute with a request in it; see `noteActivity`. */
    activeMinute: number
  }
}

/** Sessions last half a day, unless the person asks to be kept signed in. */
const halfDay = 43_200

/** @param options Where sessions are kept, and the clock: both have defaults. */
export function createSessions(options: Pick<SessionOptions, 'store' | 'clock'> = {}): SessionManager {
  return new SessionManager({ ...options, sessionTtl: halfDay })
}

export function createApp(sessions = createSessions(), clock: () => number = () => Date.now() / 1000): Express {
  const accounts = demoAccounts()

  const app = express()
  // X-Forwarded-For is trusted when a proxy on this machine sends it, and from no other address.
  app.set('trust proxy', 'loopback')
  app.use(
    securityHeadersWith({ scriptSrc: ["'self'"] }),
    express.static(join(__dirname, 'public')),
    express.static(join(__dirname, '../shared/public')),
  )
  app.use(express.urlencoded({ extended: false, limit: '4kb' }), sessionMiddleware(sessions), csrfProtection)

  app.use(function noteActivity(req, res, next) {
    // "Last active" is when something was last written. So something is, once a minute.
    if (req.session.subject !== undefined) req.session.set('activeMinute', Math.floor(clock() / 60))
    res.set('Cache-Control', 'no-store')
    next()
  })
  app.use(signInRoutes(accounts), deviceRoutes(accounts, sessions, clock), passwordRoutes(accounts, sessions))

  app.use(...errorPages(errorPage))
  return app
}

function demoAccounts(): Accounts {
  const accounts = new Accounts()
  accounts.add({ id: 'user-1', name: 'Ada Lovelace', email: demo.email }, demo.password)
  accounts.add({ id: 'user-2', name: 'Grace Hopper', email: 'grace@example.com' }, demo.password)
  return accounts
}

async function main(): Promise<void> {
  const url = process.env['REDIS_URL']
  if (url === undefined) {
    const sessions = createSessions()
    listen(createApp(sessions), { close: [() => sessions.close()] })
    return
  }
  const client = createClient({ url, disableOfflineQueue: true })
  client.on('error', (error: Error) => console.error(`Redis: ${error.message}`))
  await client.connect()
  const sessions = createSessions({ store: new RedisStore({ client }) })
  listen(createApp(sessions), { close: [() => sessions.close(), () => client.close()] })
}

if (require.main === module) void main()
