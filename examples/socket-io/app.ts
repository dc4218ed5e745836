import { createServer, type Server } from 'node:http'
import express from 'express'
import { login, logout, SessionManager, sessionMiddleware } from 'holdfast'
import { Server as SocketServer, type Socket } from 'socket.io'
import { listenOn } from '../shared/listen'
import { requireLogin } from '../shared/require-login'

declare module 'holdfast' {
  interface SessionValues {
    color: string
  }
}

const help = `Sockets that follow a session. There is no page here; try:
  curl -c jar -X POST localhost:3000/sign-in/ada
  curl -b jar -X POST localhost:3000/color/teal
  curl -b jar -X POST localhost:3000/sign-out
The README beside app.ts has the rest; examples/chat has a page.
`

/** Signs in and out over HTTP, and keeps a colour that each socket of the session follows. */
export function createApp(sessions: SessionManager): { server: Server; endSockets: () => void } {
  const app = express()
  app.get('/', (_req, res) => res.type('text').send(help))
  app.use(sessionMiddleware(sessions))
  app.post('/sign-in/:name', (req, res) => {
    login(req, req.params.name)
    res.send(`Hello, ${encodeURIComponent(req.params.name)}\n`)
  })
  app.post('/color/:color', requireLogin(), (req, res) => {
    req.session.set('color', req.params.color)
    res.send('Changed\n')
  })
  app.post('/sign-out', (req, res) => {
    logout(req)
    res.send('Bye\n')
  })

  const server = createServer(app)
  const sockets = new SocketServer(server)
  sockets.on('connection', (socket) => {
    // Rejects when the store fails. The socket is then disconnected, and this process must go on.
    follow(sessions, socket).catch((error: unknown) => console.error(error))
  })
  return { server, endSockets: () => sockets.disconnectSockets(true) }
}

async function follow(sessions: SessionManager, socket: Socket): Promise<void> {
  // The handshake's cookie names the session; the socket is disconnected when that session ends.
  const channel = await sessions.openChannel<{ color?: string }>(socket, socket.request)
  if (channel?.subject === undefined) {
    socket.disconnect(true)
    return
  }
  channel.onChange(({ color }) => socket.emit('color', color))
  socket.emit('color', channel.get()?.color)
  socket.on('color', (color: unknown) => {
    if (typeof color === 'string') channel.update({ color }).catch(() => socket.disconnect(true))
  })
}

if (require.main === module) {
  const sessions = new SessionManager()
  const { server, endSockets } = createApp(sessions)
  listenOn(server, { endConnections: endSockets, close: [() => sessions.close()] })
}
