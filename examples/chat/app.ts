import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import express, { type Express } from 'express'
import { login, SessionManager, sessionMiddleware } from 'holdfast'
import { RedisStore } from 'holdfast/redis'
import { createClient } from 'redis'
import { WebSocketServer } from 'ws'
import { csrfProtection, csrfToken, renewCsrfToken } from '../shared/csrf'
import { errorPages } from '../shared/error-pages'
import { formField } from '../shared/form-field'
import { type ListenOptions, listenOn } from '../shared/listen'
import { requireLogin } from '../shared/require-login'
import { securityHeadersWith } from '../shared/security-headers'
import { signOut } from '../shared/sign-out'
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
export function createApp(sessions: SessionManager, wire?: Wire): { server: Server; endSockets: () => void } {
  const room = new Room(sessions, wire)
  const server = createServer(createPages(sessions))
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 4096 })
  server.on('upgrade', (req, socket, head) => {
    sockets.handleUpgrade(req, socket, head, (ws) => {
      room.join(ws, req).catch((error: unknown) => console.error(error))
    })
  })
  const endSockets = () => {
    // 1001, "going away": the pages connect again by themselves, to this process after its start or to another one.
    for (const socket of sockets.clients) socket.close(1001)
  }
  return { server, endSockets }
}

function createPages(sessions: SessionManager): Express {
  const app = express()
  app.use(
    securityHeadersWith({ scriptSrc: ["'self'"], connectSrc: ["'self'"] }),
    ...publicFolders.map((folder) => express.static(folder)),
  )
  app.use(express.urlencoded({ extended: false, limit: '4kb' }), sessionMiddleware(sessions), csrfProtection)

  app.get('/', requireLogin('/sign-in'), (req, res) => {
    res.set('Cache-Control', 'no-store')
    res.send(chatPage(req.session.get('chatName') ?? '', csrfToken(req)))
  })

  app.get('/sign-in', (req, res) => {
    res.set('Cache-Control', 'no-store')
    if (req.session.subject !== undefined) res.redirect(303, '/')
    else res.send(signInPage(csrfToken(req), req.session.get('notice')))
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

  app.post('/sign-out', signOut('/sign-in', 'You are signed out.'))

  app.use(...errorPages(errorPage))
  return app
}

async function main(): Promise<void> {
  const url = process.env['REDIS_URL']
  if (url === undefined) {
    const sessions = new SessionManager()
    start(createApp(sessions), [() => sessions.close()])
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
  const sessions = new SessionManager({ store: new RedisStore({ client }) })
  start(createApp(sessions, wire), [() => sessions.close(), () => subscriber.close(), () => client.close()])
}

function start({ server, endSockets }: ReturnType<typeof createApp>, close: NonNullable<ListenOptions['close']>): void {
  listenOn(server, { endConnections: endSockets, close })
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exit(1)
  })
}
