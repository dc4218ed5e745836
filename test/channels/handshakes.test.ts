import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { MemoryStore, SessionManager, sessionMiddleware, type SessionStore } from '../../lib'
import { forgetWarnings } from '../../lib/base/warnings'
import type { SessionRequest } from '../../lib/http/request-session'
import { startChannelApp } from '../support/channel-app'
import { FakeSocket, handshake, turn } from '../support/fake-socket'

const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
beforeEach(() => {
  forgetWarnings()
  warned.mockClear()
})
afterAll(() => warned.mockRestore())

describe('the origin', () => {
  test('a page of another origin gets no channel, and one warning names the origin', async () => {
    const app = await startChannelApp({})
    const { cookie } = await app.get('/set/name/Ada')
    for (let i = 0; i < 2; i++) {
      expect(await (await app.connect(cookie, { origin: 'https://evil.example' })).closed).toMatchObject({ code: 4400 })
    }
    expect(warned.mock.calls).toEqual([
      [
        expect.stringContaining('(https://evil.example)'),
        { type: 'HoldfastWarning', code: 'HOLDFAST_CHANNEL_ORIGIN_REFUSED' },
      ],
    ])
    expect(app.channels).toEqual([])
    const own = await app.connect(cookie, { origin: `http://127.0.0.1:${app.port}` })
    expect(await own.next('open')).toEqual({ name: 'Ada' })
    await app.close()
  })

  test('a page on the list of allowed origins gets a channel', async () => {
    const app = await startChannelApp({}, { allowedOrigins: ['https://partner.example'] })
    const { cookie } = await app.get('/set/name/Ada')
    expect(await (await app.connect(cookie, { origin: 'https://partner.example' })).closed).toMatchObject({
      code: 4400,
    })
    // The page came over TLS, so the cookie that goes with it is the secure one.
    const secure = cookie.replace('sid=', '__Host-sid=')
    expect(await (await app.connect(secure, { origin: 'https://partner.example' })).next('open')).toEqual({
      name: 'Ada',
    })
    expect(await (await app.connect(cookie)).closed).toMatchObject({ code: 4400 })
    await app.close()
  })

  test('a client without an origin gets a channel when there is no list, or the list names it', async () => {
    for (const allowedOrigins of [undefined, ['https://partner.example', 'no-origin']]) {
      const app = await startChannelApp({}, { allowedOrigins })
      const { cookie } = await app.get('/set/name/Ada')
      expect(await (await app.connect(cookie)).next('open')).toEqual({ name: 'Ada' })
      await app.close()
    }
  })

  test('a page without TLS gets no channel on a site whose proxy ends TLS', async () => {
    const app = await startChannelApp({})
    const { cookie } = await app.get('/set/name/Ada')
    const proxied = { host: 'app.example.com', 'x-forwarded-proto': 'https' }
    const secure = cookie.replace('sid=', '__Host-sid=')
    const page = await app.connect(secure, { ...proxied, origin: 'http://app.example.com' })
    expect(await page.closed).toMatchObject({ code: 4400 })
    const own = await app.connect(secure, { ...proxied, origin: 'https://app.example.com' })
    expect(await own.next('open')).toEqual({ name: 'Ada' })
    await app.close()
  })

  test('a function that throws closes the socket, and openChannel rejects with what it threw', async () => {
    const sessions = new SessionManager()
    const socket = new FakeSocket()
    const request = handshake(await sessions.create(), { origin: 'null' })
    const allowedOrigins = (origin: string) => new URL(origin).hostname === 'app.example.com'
    await expect(sessions.openChannel(socket, request, { allowedOrigins })).rejects.toThrow('Invalid URL')
    await turn()
    expect([socket.closedWith?.[0], socket.countListeners()]).toEqual([1011, 0])
  })

  test('nothing is asked of the store for a page that is refused', async () => {
    const store = new MemoryStore()
    const sessions = new SessionManager({ store })
    const id = await sessions.create()
    const load = jest.spyOn(store, 'load')
    const socket = new FakeSocket()
    expect(await sessions.openChannel(socket, handshake(id, { origin: 'https://evil.example' }))).toBeUndefined()
    expect([load.mock.calls.length, socket.countListeners(), socket.closedWith]).toEqual([0, 0, undefined])
  })
})

describe('openChannel', () => {
  const sessions = new SessionManager()

  test.each<[string, unknown, unknown, unknown, string]>([
    ['no socket', {}, handshake(''), undefined, 'INVALID_ARGUMENT'],
    ['no request', new FakeSocket(), { url: '/' }, undefined, 'INVALID_ARGUMENT'],
    ['a bare ws socket alone', new FakeSocket(), undefined, undefined, 'INVALID_ARGUMENT'],
    ['an unknown option', new FakeSocket(), handshake(''), { allowedOrigin: [] }, 'INVALID_OPTION'],
    [
      'an origin that is none',
      new FakeSocket(),
      handshake(''),
      { allowedOrigins: ['app.example.com'] },
      'INVALID_OPTION',
    ],
    [
      'origins that are no list',
      new FakeSocket(),
      handshake(''),
      { allowedOrigins: 'https://a.example' },
      'INVALID_OPTION',
    ],
    ["a close code that is not the app's", new FakeSocket(), handshake(''), { closeCode: 1000 }, 'INVALID_OPTION'],
    ['no time between checks', new FakeSocket(), handshake(''), { checkInterval: 0 }, 'INVALID_OPTION'],
    ['activity that is no boolean', new FakeSocket(), handshake(''), { messagesAreActivity: 'yes' }, 'INVALID_OPTION'],
  ])('refuses %s', async (_name, socket, request, options, code) => {
    await expect(
      sessions.openChannel(socket as FakeSocket, request as object, options as object),
    ).rejects.toMatchObject({ code })
  })

  test('a socket that has closed gets no channel, and keeps no listener', async () => {
    const id = await sessions.create()
    const closed = new FakeSocket()
    closed.hangUp()
    expect(await sessions.openChannel(closed, handshake(id))).toBeUndefined()
    const closing = new FakeSocket()
    const opened = sessions.openChannel(closing, handshake(id))
    closing.hangUp()
    expect(await opened).toBeUndefined()
    expect([closed.countListeners(), closing.countListeners()]).toEqual([0, 0])
  })

  test('a session that ends while it is loaded gets no channel', async () => {
    const store = new MemoryStore()
    const own = new SessionManager({ store })
    const id = await own.create()
    jest.spyOn(store, 'load').mockImplementationOnce((handle, now) => {
      const stored = MemoryStore.prototype.load.call(store, handle, now)
      store.delete(handle, now)
      return stored
    })
    const socket = new FakeSocket()
    expect(await own.openChannel(socket, handshake(id))).toBeUndefined()
    expect(socket.countListeners()).toBe(0)
  })

  test('a change that is stored while the session is loaded is in the channel', async () => {
    const store = new MemoryStore()
    const own = new SessionManager({ store })
    const id = await own.create({ name: 'Ada' })
    const load = MemoryStore.prototype.load.bind(store)
    let loads = 0
    jest.spyOn(store, 'load').mockImplementation((handle, now) => {
      const stored = load(handle, now)
      // The session changes between the two reads that open the channel.
      if (++loads === 2) store.change(handle, { fields: { set: new Map([['v:name', '"Bo"']]), remove: [] } }, now)
      return stored
    })
    const channel = await own.openChannel<{ name: string }>(new FakeSocket(), handshake(id))
    await turn()
    expect(channel?.get()).toEqual({ name: 'Bo' })
  })

  test('two sockets at once, one on each side of a login: the later one stays', async () => {
    const own = new SessionManager()
    const id = await own.create({ name: 'Ada' })
    const before = new FakeSocket()
    await own.openChannel(before, handshake(id))
    const session = await own.read(id)
    session.regenerateId()
    const next = (await own.save(session)) ?? ''
    const [after, late] = [new FakeSocket(), new FakeSocket()]
    const [opened, refused] = await Promise.all([
      own.openChannel(after, handshake(next)),
      own.openChannel(late, handshake(id)),
    ])
    await turn()
    expect([before.closedWith, opened?.ended, refused, after.closedWith]).toEqual([
      [4401, 'replaced'],
      undefined,
      undefined,
      undefined,
    ])
    await own.update(next, { name: 'Bo' })
    await turn()
    expect(opened?.get()).toEqual({ name: 'Bo' })
  })

  test('messages that come while the store is asked wait until the app listens', async () => {
    const store: SessionStore = new MemoryStore()
    const load = store.load.bind(store)
    store.load = async (handle, now) => {
      await new Promise((resolve) => setTimeout(resolve, 30))
      return load(handle, now)
    }
    const app = await startChannelApp({ store })
    const { cookie } = await app.get('/set/name/Ada')
    const socket = new WebSocket(`ws://127.0.0.1:${app.port}`, { headers: { cookie } })
    const messages: string[] = []
    socket.on('message', (data) => messages.push((data as Buffer).toString()))
    socket.on('open', () => socket.send('{"update":{"name":"Bo"}}'))
    while (!messages.includes('{"done":true}')) await turn()
    expect(JSON.parse((await app.get('/all', cookie)).text)).toEqual({ name: 'Bo' })
    await app.close()
  })

  test('a socket that the app has paused stays paused', async () => {
    const socket = new FakeSocket()
    socket.pause()
    await sessions.openChannel(socket, handshake(await sessions.create()))
    await turn()
    expect(socket.isPaused).toBe(true)
  })
})

describe('fromWebSocket', () => {
  const sessions = new SessionManager()

  test('fromWebSocket reads the session of an upgrade request, of a Socket.IO socket, and of a socket with its request', async () => {
    const request = handshake(await sessions.create({ name: 'Ada' }))
    for (const source of [request, { request }, { upgradeReq: request, headers: undefined }]) {
      expect(await sessions.fromWebSocket(source)).toEqual({ name: 'Ada' })
    }
  })

  test('fromWebSocket reads the session of a real handshake', async () => {
    const [server, sockets] = [createServer(), new WebSocketServer({ noServer: true })]
    const found = new Promise((resolve) => {
      server.on('upgrade', (request, socket, head) => {
        sockets.handleUpgrade(request, socket, head, () => resolve(sessions.fromWebSocket(request)))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const cookie = `sid=${await sessions.create({ name: 'Ada' })}`
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { headers: { cookie } })
    await once(client, 'open')
    expect(await found).toEqual({ name: 'Ada' })
    client.terminate()
    server.close()
  })

  test('fromWebSocket reads the secure cookie of a page that came over TLS, also when a proxy ended it', async () => {
    const id = await sessions.create({ name: 'Ada' })
    const headers = {
      host: 'app.example.com',
      cookie: `__Host-sid=${id}; sid=planted`,
      origin: 'https://app.example.com',
    }
    expect(await sessions.fromWebSocket({ headers })).toEqual({ name: 'Ada' })
    expect(await sessions.fromWebSocket({ headers: { cookie: headers.cookie } })).toBeUndefined()
  })

  test('fromWebSocket checks the origin as openChannel does, before it asks the store', async () => {
    const store = new MemoryStore()
    const own = new SessionManager({ store })
    const id = await own.create({ name: 'Ada' })
    const load = jest.spyOn(store, 'load')
    const from = (origin: string | undefined, allowedOrigins?: string[]) =>
      own.fromWebSocket(
        handshake(id, origin === undefined ? {} : { origin }),
        allowedOrigins === undefined ? {} : { allowedOrigins },
      )
    expect(await from('http://evil.example')).toBeUndefined()
    expect(await from('http://app.example.com', ['http://partner.example'])).toBeUndefined()
    expect(await from(undefined, ['http://partner.example'])).toBeUndefined()
    expect(load).not.toHaveBeenCalled()
    expect(warned.mock.calls).toHaveLength(1)
    expect(await from('http://app.example.com')).toEqual({ name: 'Ada' })
    expect(await from('http://partner.example', ['http://partner.example'])).toEqual({ name: 'Ada' })
    expect(await from(undefined, ['http://partner.example', 'no-origin'])).toEqual({ name: 'Ada' })
    expect(await from(undefined)).toEqual({ name: 'Ada' })
  })

  test.each<[string, object]>([
    ['an unknown option', { allowedOrigin: [] }],
    ['an origin that is none', { allowedOrigins: ['app.example.com'] }],
    ['an origin that is missing, as from an environment variable', { allowedOrigins: [undefined] }],
  ])('fromWebSocket rejects %s', async (_name, options) => {
    await expect(sessions.fromWebSocket(handshake(''), options)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })

  test.each<[string, object]>([
    ['no request', {}],
    ['no cookie', { headers: {} }],
    ['a made-up id', handshake('A'.repeat(48))],
    ['garbage', { headers: { cookie: 'sid=%%%;;;=\u0000' } }],
  ])('%s: fromWebSocket resolves to undefined, and makes no session', async (_name, source) => {
    const store = new MemoryStore()
    expect(await new SessionManager({ store }).fromWebSocket(source)).toBeUndefined()
    expect(store.size).toBe(0)
  })
})

describe('the middleware, called by hand in a handshake with {} as the response', () => {
  const none = {} as unknown as ServerResponse

  test('attaches the session; what is done to it is kept by save', async () => {
    const store = new MemoryStore()
    const middleware = sessionMiddleware({ store })
    const id = await middleware.sessions.create({ name: 'Ada' })
    const request = handshake(id) as unknown as SessionRequest
    await new Promise<void>((resolve, reject) => {
      middleware(request, none, (error) => (error === undefined ? resolve() : reject(error as Error)))
    })
    expect(request.session.get('name')).toBe('Ada')
    request.session.set('seen', true)
    expect(await middleware.sessions.save(request.session)).toBe(id)
    expect(await middleware.sessions.get(id)).toEqual({ name: 'Ada', seen: true })
  })

  test('without a cookie it attaches an empty session, and keeps nothing', async () => {
    const store = new MemoryStore()
    const request = { headers: {} } as unknown as SessionRequest
    await new Promise<void>((resolve) => {
      sessionMiddleware({ store })(request, none, () => resolve())
    })
    request.session.set('name', 'Ada')
    request.session.destroy()
    expect([request.session.size, store.size]).toEqual([0, 0])
  })
})
