import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { Server, type Socket } from 'socket.io'
import { io } from 'socket.io-client'
import { WebSocket, WebSocketServer } from 'ws'
import { expresses } from '../../ecosystem/beside-bare'
import { expressSession, programs, type Sessions, usual, Visitor } from '../../support/same-flow'

/** The recipes of Socket.IO and of ws, which call the middleware by hand, with a stub of a response or with none. */

/** Connects, sends the events one after the other, and gives what came back; the reason where there was no connection. */
type Connect = (port: number, cookie: string) => Promise<{ send(event: string): Promise<unknown>; close(): void }>

interface Recipe {
  readonly serve: (server: HttpServer, handler: any) => () => Promise<unknown>
  readonly connect: Connect
}

/** What an event does with the session of its handshake. */
function act(session: any, event: string): Promise<unknown> {
  return new Promise((resolve) => {
    const reply = (error?: any): void => resolve(error === undefined || error === null ? 'done' : error.message)
    switch (event) {
      case 'read':
        session.reload((error: unknown) => {
          if (error !== undefined && error !== null) reply(error)
          else resolve({ user: session.req.session.user, count: session.req.session.count ?? 0 })
        })
        break
      case 'count':
        session.reload((error: unknown) => {
          if (error !== undefined && error !== null) {
            reply(error)
            return
          }
          const reloaded = session.req.session
          reloaded.count = Number(reloaded.count ?? 0) + 1
          reloaded.save(reply)
        })
        break
      case 'touch':
        session.touch().save(reply)
        break
      case 'destroy':
        session.destroy(reply)
        break
    }
  })
}

const ws: Recipe = {
  serve(server, handler) {
    const sockets = new WebSocketServer({ noServer: true })
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      handler(request, {}, () => {
        const upgraded = request as any
        if (upgraded.session.user === undefined) {
          socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n')
          return
        }
        sockets.handleUpgrade(request, socket, head, (connected) => {
          connected.on('message', (event: Buffer) => {
            void act(upgraded.session, event.toString()).then((reply) => connected.send(JSON.stringify(reply)))
          })
        })
      })
    })
    return async () => {
      for (const one of sockets.clients) one.terminate()
      sockets.close()
    }
  },
  async connect(port, cookie) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { headers: { cookie } })
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    return {
      async send(event) {
        const reply = once(socket, 'message')
        socket.send(event)
        return JSON.parse(String((await reply)[0]))
      },
      close: () => socket.terminate(),
    }
  },
}

/** @param mount As the versions of Socket.IO's guide have it. */
const socketIo = (transport: string, mount: (server: Server, handler: any) => void): Recipe => ({
  serve(http, handler) {
    const server = new Server(http)
    mount(server, handler)
    server.use((socket, next) => {
      const { session } = socket.request as any
      next(session.user === undefined ? new Error('unauthorized') : undefined)
    })
    server.engine.on('connection', (connection: { transport: { closeTimeout: number } }) => {
      connection.transport.closeTimeout = 100
    })
    server.on('connection', (socket: Socket) => {
      socket.onAny((event: string, reply: (value: unknown) => void) => {
        void act((socket.request as any).session, event).then(reply)
      })
    })
    return () => server.close()
  },
  async connect(port, cookie) {
    const client = io(`http://127.0.0.1:${port}`, {
      transports: [transport],
      extraHeaders: { cookie },
      forceNew: true,
      reconnection: false,
    })
    try {
      await new Promise<void>((resolve, reject) => client.once('connect', resolve).once('connect_error', reject))
    } catch (error) {
      client.disconnect()
      throw error
    }
    return { send: (event) => client.timeout(2000).emitWithAck(event), close: () => client.disconnect() }
  },
})

const recipes: readonly (readonly [name: string, recipe: Recipe])[] = [
  ['ws: upgrade with {} for a response', ws],
  [
    'Socket.IO: io.engine.use, over websocket',
    socketIo('websocket', (server, handler) => {
      server.engine.use(handler)
    }),
  ],
  [
    'Socket.IO: io.engine.use, over polling',
    socketIo('polling', (server, handler) => {
      server.engine.use(handler)
    }),
  ],
  [
    'Socket.IO: io.use with {} for a response, over websocket',
    socketIo('websocket', (server, handler) => {
      server.use((socket, next) => handler(socket.request, {}, next))
    }),
  ],
]

/** Everything that the recipe makes visible: a socket before and after the login, its events, and the pages beside it. */
async function seenOf(create: () => any, sessions: Sessions, { serve, connect }: Recipe): Promise<unknown[]> {
  const handler = sessions(usual)
  const app = create()
  app.use(handler)
  app.get('/login', (req: any, res: any) => {
    req.session.user = 'ada'
    res.json('welcome')
  })
  app.get('/count', (req: any, res: any) => res.json(req.session.count ?? null))
  app.get('/logout', (req: any, res: any) => {
    req.session.destroy(() => res.json('bye'))
  })
  const server = createServer(app)
  const stop = serve(server, handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const seen: unknown[] = []
  const visitor = new Visitor(`http://127.0.0.1:${port}`)
  const cookie = (): string => [...visitor.cookies].map((pair) => pair.join('=')).join('; ')
  const tryToConnect = (text: string): Promise<unknown> =>
    connect(port, text).then(
      (socket) => {
        socket.close()
        return 'connected'
      },
      (error: unknown) => (error as Error).message,
    )
  try {
    seen.push(await tryToConnect(''))
    await visitor.get('/login')
    const signedIn = cookie()
    const one = await connect(port, signedIn)
    const other = await connect(port, signedIn)
    for (const event of ['read', 'count', 'count', 'touch', 'read']) seen.push([event, await one.send(event)])
    seen.push(['other', await other.send('count'), await other.send('read')])
    await visitor.get('/count')
    await visitor.get('/logout')
    seen.push(['after the logout', await one.send('read'), await one.send('count')])
    one.close()
    other.close()
    seen.push(await tryToConnect(signedIn))
    await visitor.get('/login')
    const again = await connect(port, cookie())
    seen.push(['destroy', await again.send('destroy')])
    again.close()
    await visitor.get('/count')
    return [...seen, visitor.seen.map(({ status, body }) => [status, body])]
  } finally {
    server.closeAllConnections()
    await stop()
    if (server.listening) {
      server.close()
      await once(server, 'close')
    }
  }
}

describe.each(expresses)('on %s', (_express, create) => {
  test.each(recipes)('%s: the same as on express-session', async (name, recipe) => {
    const expected = await seenOf(create, expressSession, recipe)
    expect(expected).toEqual([
      name.startsWith('ws') ? 'Unexpected server response: 401' : 'unauthorized',
      ['read', { user: 'ada', count: 0 }],
      ['count', 'done'],
      ['count', 'done'],
      ['touch', 'done'],
      ['read', { user: 'ada', count: 2 }],
      ['other', 'done', { user: 'ada', count: 3 }],
      ['after the logout', 'failed to load session', 'failed to load session'],
      name.startsWith('ws') ? 'Unexpected server response: 401' : 'unauthorized',
      ['destroy', 'done'],
      [
        [200, '"welcome"'],
        [200, '3'],
        [200, '"bye"'],
        [200, '"welcome"'],
        [200, 'null'],
      ],
    ])
    for (const sessions of programs) expect(await seenOf(create, sessions, recipe)).toEqual(expected)
  })
})
