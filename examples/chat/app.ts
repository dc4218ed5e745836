import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import express, { type ErrorRequestHandler, type Express } from 'express'
import { login, logout, SessionManager, sessionMiddleware, type SessionOptions } from 'holdfast'
import { RedisStore } from 'holdfast/redis'
import { createClient } from 'redis'
import { WebSocketServer } from 'ws'
import { csrfProtection, csrfToken, renewCsrfToken } from '../shared/csrf'
import { explainError } from '../shared/document'
import { formField } from '../shared/form-field'
import { listenOn } from '../shared/listen'
import { securityHeadersWith } from '../shared/security-headers'
import { chatPage, errorPage, signInPage } from './pages'
import { type Wire, Room } from './room'

declare module 'holdfast' {
  interface SessionValues {
    /** The name that the others in the chat see. */
    chatName: string
  }
}

const publicFolders = [join(__dirname, 'public'), join(__dirname, '../shared/public')]

/** @param wire Carries messages to the other processes. Without one the chat is in this process alone. */
export function createApp(options: Pick<SessionOptions, 'store'> = {}, wire?: Wire): Server {
  const sessions = new SessionManager(options)
  const room = new Room(sessions, wire)
  const server = createServer(createPages(sessions))
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 4096 })
  server.on('upgrade', (req, socket, head) => {
    sockets.handleUpgrade(req, socket, head, (ws) => {
      room.join(ws, req).catch((error: unknown) => console.error(error))
    })
  })
  return server
}

function createPages(sessions: SessionManager): Express {
  const app = express()
  app.use(
    securityHeadersWith({ scriptSrc: ["'self'"], connectSrc: ["'self'"] }),
    ...publicFolders.map((folder) => express.static(folder)),
  )
  app.use(express.urlencoded({ extended: false, limit: '4kb' }), sessionMiddleware(sessions), csrfProtection)

  app.get('/', (req, res) => {
    res.set('Cache-Control', 'no-store')
    const name = req.session.get('chatName')
    if (req.session.subject === undefined || name === undefined) res.send(signInPage(csrfToken(req)))
    else res.send(chatPage(name, csrfToken(req)))
  })

  app.post('/sign-in', (req, res) => {
    const name = formField(req, 'name').trim().slice(0, 40)
    if (name !== '') {
      login(req, name.toLowerCase())
      renewCsrfToken(req)
      req.session.set('chatName', name)
    }
    res.redirect(303, '/')
  })

  app.post('/sign-out', (req, res) => {
    logout(req)
    res.redirect(303, '/')
  })

  app.use((_req, res) => res.status(404).send(errorPage('There is no such page', 'It may have moved.')))
  const showError: ErrorRequestHandler = (error, _req, res, next) => {
    if (res.headersSent) {
      next(error)
      return
    }
    const { status, title, advice } = explainError(error)
    if (status >= 500) console.error(error)
    res.status(status).send(errorPage(title, advice))
  }
  app.use(showError)
  return app
}

async function main(): Promise<void> {
  const url = process.env['REDIS_URL']
  if (url === undefined) {
    listenOn(createApp())
    return
  }
  const client = await createClient({ url }).on('error', console.error).connect()
  const subscriber = await client.duplicate().on('error', console.error).connect()
  const wire: Wire = {
    publish: async (text) => {
      await client.publish('chat', text)
    },
    subscribe: (listener) => subscriber.subscribe('chat', listener),
  }
  listenOn(createApp({ store: new RedisStore({ client }) }, wire))
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  })
}
