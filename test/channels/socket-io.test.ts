import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { Server, type Socket } from 'socket.io'
import { io, type Socket as ClientSocket } from 'socket.io-client'
import { type ChannelOptions, type ChannelSession, logout, type SessionManager, sessionMiddleware } from '../../lib'
import type { SessionRequest } from '../../lib/http/request-session'
import { get } from '../support/channel-app'

type Channel = ChannelSession

interface App {
  readonly io: Server
  readonly sessions: SessionManager
  readonly http: HttpServer
  readonly port: number
  /** What the middleware in `io.engine.use` has put on the request of each socket. */
  readonly seen: unknown[]
  readonly channels: Channel[]
}

let app: App
let clients: ClientSocket[] = []
let options: ChannelOptions = {}

beforeEach(async () => {
  options = {}
  const middleware = sessionMiddleware()
  const routes = express().use(middleware)
  routes.get('/set/:key/:value', (req, res) => {
    req.session.set(req.params.key, req.params.value)
    res.send('set')
  })
  routes.get('/all', (req, res) => {
    res.send(JSON.stringify(req.session.data[0]))
  })
  routes.get('/logout', (req, res) => {
    logout(req)
    res.send('out')
  })
  const http = createServer(routes)
  const server = new Server(http)
  server.engine.use(middleware)
  // Engine.IO waits half a minute for another poll of a client that has disconnected; a test must end sooner.
  server.engine.on('connection', (connection: { transport: { closeTimeout: number } }) => {
    connection.transport.closeTimeout = 100
  })
  const seen: unknown[] = []
  const channels: Channel[] = []
  server.use((socket, next) => {
    middleware.sessions.openChannel<Record<string, unknown>>(socket, socket.request, options).then((channel) => {
      if (channel === undefined) {
        next(new Error('sign in first'))
        return
      }
      channels.push(channel)
      ;(socket.data as { channel?: Channel }).channel = channel
      next()
    }, next)
  })
  server.on('connection', (socket) => {
    const { session } = socket.request as SessionRequest
    seen.push(session.get('name'))
    const { channel } = socket.data as { channel: Channel }
    channel.onChange((value) => socket.emit('changed', value))
    socket.on('update', (changes: object, done: () => void) => {
      void channel.update(changes as Record<string, unknown>).then(done)
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  app = { io: server, sessions: middleware.sessions, http, port: (http.address() as AddressInfo).port, seen, channels }
})

afterEach(async () => {
  for (const client of clients) client.disconnect()
  clients = []
  app.http.closeAllConnections()
  await app.io.close()
  await app.sessions.close()
})

function connect(cookie: string, transport: string): ClientSocket {
  const client = io(`http://127.0.0.1:${app.port}`, {
    transports: [transport],
    extraHeaders: { cookie },
    forceNew: true,
    reconnection: false,
  })
  clients.push(client)
  return client
}

function next(client: ClientSocket, event: string): Promise<any> {
  return new Promise((resolve) => client.once(event, resolve))
}

const page = (path: string, cookie?: string) => get(app.port, path, cookie)

describe.each(['websocket', 'polling'])('over %s', (transport) => {
  test('the middleware in io.engine.use attaches the session', async () => {
    const { cookie } = await page('/set/name/Ada')
    await next(connect(cookie, transport), 'connect')
    expect(app.seen).toEqual(['Ada'])
  })

  test('a channel sees what HTTP changes, and what it sets is there for HTTP', async () => {
    const { cookie } = await page('/set/name/Ada')
    const client = connect(cookie, transport)
    await next(client, 'connect')
    const changed = next(client, 'changed')
    await page('/set/color/red', cookie)
    expect(await changed).toEqual({ name: 'Ada', color: 'red' })
    await new Promise<void>((resolve) => client.emit('update', { name: 'Bo' }, resolve))
    expect(JSON.parse((await page('/all', cookie)).text)).toEqual({ name: 'Bo', color: 'red' })
  })

  test('a logout disconnects the socket, and its client does not come back by itself', async () => {
    const { cookie } = await page('/set/name/Ada')
    const client = connect(cookie, transport)
    await next(client, 'connect')
    const disconnected = next(client, 'disconnect')
    await page('/logout', cookie)
    expect(await disconnected).toMatch(/^(io server disconnect|transport close|transport error)$/)
    expect(app.channels[0]?.ended).toBe('ended')
  })

  test('without a session there is no channel', async () => {
    expect(await next(connect('sid=none', transport), 'connect_error')).toMatchObject({ message: 'sign in first' })
    expect(app.channels).toEqual([])
  })

  test('when the client leaves, nothing stays', async () => {
    const { cookie } = await page('/set/name/Ada')
    const client = connect(cookie, transport)
    await next(client, 'connect')
    const [socket] = await app.io.fetchSockets()
    expect(socket).toBeDefined()
    client.disconnect()
    while (app.channels[0]?.closed === false) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(app.channels[0]?.ended).toBeUndefined()
  })
})

test('a socket that another middleware refuses, or whose client leaves before it is connected, leaves no channel behind', async () => {
  const { cookie } = await page('/set/name/Ada')
  app.io.use((_socket, refuse) => {
    refuse(new Error('full'))
  })
  const client = connect(cookie, 'websocket')
  await next(client, 'connect_error')
  client.disconnect()
  client.io.engine.close()
  while (app.channels[0]?.closed !== true) await new Promise((resolve) => setTimeout(resolve, 5))
})

test('a session that ends before its socket is connected closes the connection', async () => {
  const { cookie } = await page('/set/name/Ada')
  let held = (): void => undefined
  const reached = new Promise<void>((resolve) => {
    app.io.use((_socket, go) => {
      held = go
      resolve()
    })
  })
  const client = connect(cookie, 'websocket')
  await reached
  const closed = new Promise((resolve) => client.io.once('close', resolve))
  await page('/logout', cookie)
  await closed
  held()
  expect(app.seen).toEqual([])
})

test('messages are use where the app says so', async () => {
  options = { messagesAreActivity: true }
  const { cookie } = await page('/set/name/Ada')
  const client = connect(cookie, 'websocket')
  await next(client, 'connect')
  const used = jest.spyOn(app.channels[0]!, 'recordActivity')
  await new Promise<void>((resolve) => client.emit('update', { name: 'Bo' }, resolve))
  expect(used).toHaveBeenCalledTimes(1)
})

test('two namespaces on one connection: the one that is left keeps its channel', async () => {
  const { cookie } = await page('/set/name/Ada')
  const namespace = app.io.of('/other')
  const others: Channel[] = []
  namespace.use((socket: Socket, go) => {
    void app.sessions.openChannel<Record<string, unknown>>(socket).then((channel) => {
      if (channel !== undefined) others.push(channel)
      go()
    })
  })
  const client = connect(cookie, 'websocket')
  await next(client, 'connect')
  const other = client.io.socket('/other')
  clients.push(other)
  await next(other, 'connect')
  other.disconnect()
  while (others[0]?.closed !== true) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(app.channels[0]?.closed).toBe(false)
  const [socket] = [...app.io.sockets.sockets.values()]
  expect(socket?.conn.listenerCount('close')).toBeLessThanOrEqual(3)
})
