import { once } from 'node:events'
import { createServer } from 'node:http'
import express from 'express'
import { Server, type Socket } from 'socket.io'
import { io, type Socket as ClientSocket } from 'socket.io-client'
import { type RequestHandler, sessionMiddleware } from '../../lib'
import { passTurns } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { cookieOf, get } from '../support/http-client'
import type { TestRequest } from '../support/server-kinds'
import { collectWarnings } from '../support/warnings'

/** `io.engine.use(sessionMiddleware())` and `socket.request.session` in events, as Socket.IO's own guide has it. */

let stop: () => Promise<void>

beforeEach(() => {
  stop = () => Promise.resolve()
})
afterEach(async () => {
  jest.restoreAllMocks()
  await stop()
})

const events: Record<string, (request: TestRequest) => void> = {
  change: ({ session }) => session.set('name', 'Bo'),
  unset: ({ session }) => session.unset('name'),
  destroy: ({ session }) => session.destroy(),
}

interface Started {
  readonly store: ControlledStore
  readonly cookie: string
  readonly read: () => Promise<unknown>
  /** Sends the event and returns `done`, or what it threw. */
  readonly emit: (event: string) => Promise<string>
}

async function start(transport: string, isAnonymous = false): Promise<Started> {
  const store = new ControlledStore()
  const sessions = sessionMiddleware({ store })
  const routes = express().use(sessions)
  routes.get('/begin', (req, res) => {
    req.session.set('name', 'Ada')
    res.send('begun')
  })
  routes.get('/read', (req, res) => {
    res.json(req.session.data[0])
  })
  const http = createServer(routes)
  const server = new Server(http)
  server.engine.use(sessions as RequestHandler)
  // Engine.IO waits half a minute for another poll of a client that has left.
  server.engine.on('connection', (connection: { transport: { closeTimeout: number } }) => {
    connection.transport.closeTimeout = 100
  })
  server.on('connection', (socket: Socket) => {
    for (const [name, act] of Object.entries(events)) {
      socket.on(name, (reply: (text: string) => void) => {
        try {
          act(socket.request as TestRequest)
          reply('done')
        } catch (error) {
          reply((error as { code: string }).code)
        }
      })
    }
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const { port } = http.address() as { port: number }
  const cookie = cookieOf(await get(port, '/begin'))
  const client: ClientSocket = io(`http://127.0.0.1:${port}`, {
    transports: [transport],
    extraHeaders: isAnonymous ? {} : { cookie },
    forceNew: true,
    reconnection: false,
  })
  stop = async () => {
    const closed = new Promise((resolve) => client.io.engine.once('close', resolve))
    client.disconnect()
    await closed
    http.closeAllConnections()
    await server.close()
    await sessions.sessions.close()
  }
  await new Promise<void>((resolve, reject) => client.once('connect', resolve).once('connect_error', reject))
  return {
    store,
    cookie,
    read: async () => JSON.parse((await get(port, '/read', cookie)).body),
    emit: (event) => client.timeout(2000).emitWithAck(event) as Promise<string>,
  }
}

describe.each(['websocket', 'polling'])('Socket.IO over %s', (transport) => {
  test.each([
    ['change', 'change', { name: 'Bo' }],
    ['unset', 'change', {}],
    ['destroy', 'delete', {}],
  ] as const)('%s in an event is stored', async (event, call, expected) => {
    const { store, emit, read } = await start(transport)
    const stored = store.asked(call)
    expect(await emit(event)).toBe('done')
    await stored
    expect(await read()).toEqual(expected)
  })

  test('a change after destroy in an event throws', async () => {
    const { store, emit } = await start(transport)
    const ending = store.asked('delete')
    expect(await emit('destroy')).toBe('done')
    expect(await emit('change')).toBe('SESSION_DESTROYED')
    // Before the store is closed.
    await ending
    await passTurns()
  })

  test('a session that begins in an event is not stored, and a warning says so', async () => {
    const warnings = collectWarnings()
    const { store, emit } = await start(transport, true)
    store.takeCalls()
    expect(await emit('change')).toBe('done')
    await passTurns()
    expect({ calls: store.calls.filter((call) => call !== 'load'), codes: warnings.map(({ code }) => code) }).toEqual({
      calls: [],
      codes: ['HOLDFAST_COOKIE_AFTER_HEADERS'],
    })
  })

  test('a change in an event whose store fails is reported', async () => {
    const warnings = collectWarnings()
    const { store, emit } = await start(transport)
    store.fail('change', 'reject')
    const stored = store.asked('change')
    expect(await emit('change')).toBe('done')
    await stored
    await passTurns()
    expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_SAVE_FAILED_AFTER_END'])
  })
})
