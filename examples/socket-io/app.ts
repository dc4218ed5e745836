import { createServer, type Server } from 'node:http'
import express from 'express'
import { login, logout, SessionManager, sessionMiddleware, type SessionOptions } from 'holdfast'
import { Server as SocketServer, type Socket } from 'socket.io'
import { listenOn } from '../shared/listen'

declare module 'holdfast' {
  interface SessionValues {
    color: string
  }
}

/** Signs in and out over HTTP, and keeps a colour that every socket of the user sees change. */
export function createApp(options: Pick<SessionOptions, 'store'> = {}): Server {
  const sessions = new SessionManager(options)
  const app = express()
  app.use(sessionMiddleware(sessions))
  app.post('/sign-in/:name', (req, res) => {
    login(req, req.params.name)
    res.send(`Hello, ${encodeURIComponent(req.params.name)}\n`)
  })
  app.post('/color/:color', (req, res) => {
    req.session.set('color', req.params.color)
    res.send('Changed\n')
  })
  app.post('/sign-out', (req, res) => {
    logout(req)
    res.send('Bye\n')
  })

  const server = createServer(app)
  new SocketServer(server).on('connection', (socket) => {
    // Rejects when the store is away: the socket is disconnected then, and this process must live on.
    follow(sessions, socket).catch((error: unknown) => console.error(error))
  })
  return server
}

async function follow(sessions: SessionManager, socket: Socket): Promise<void> {
  // The handshake's cookie says whose socket it is; it is disconnected when that session ends.
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

if (require.main === module) listenOn(createApp())
