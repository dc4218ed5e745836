import connect from 'connect'
import express from 'express'
import express4 from 'express4'
import { login, logout, type SessionManager, sessionMiddleware } from '../../lib'
import { listen, passTurns, startApp, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { express5, serverKinds, type Next, type TestRequest, type TestResponse } from '../support/server-kinds'
import { fetchRaw, parseResponse, RawClient, sessionCookie, valuesOf } from '../support/raw-client'
import { collectWarnings } from '../support/warnings'

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

const frameworks = { 'Express 5': express, 'Express 4': express4 } as unknown as Record<string, () => any>

describe.each(Object.entries(frameworks))('apps within apps: %s', (_name, create) => {
  /** The outer app changes the session, and the inner one responds. */
  function build(mount: (outer: any, inner: any) => void): { outer: any; store: ControlledStore } {
    const store = new ControlledStore()
    const [outer, inner] = [create(), create()]
    outer.use(sessionMiddleware({ store }))
    outer.use((req: TestRequest, _res: TestResponse, next: Next) => {
      req.session.set('n', 1)
      next()
    })
    inner.get('/page', (_req: TestRequest, res: TestResponse) => res['send']('inner'))
    inner.get('/twice', (_req: TestRequest, res: TestResponse, next: Next) => {
      res['send']('inner')
      next()
    })
    mount(outer, inner)
    return { outer, store }
  }

  const mounts: Record<string, (outer: any, inner: any) => void> = {
    mounted: (outer, inner) => outer.use('/in', inner),
    'mounted twice deep': (outer, inner) => outer.use('/', create().use('/in', inner)),
    'called as a function': (outer, inner) =>
      outer.use('/in', (req: TestRequest, res: TestResponse, next: Next) => inner(req, res, next)),
    'of the other version': (outer, inner) => {
      const other = create === frameworks['Express 5'] ? frameworks['Express 4'] : frameworks['Express 5']
      outer.use('/in', other?.().use(inner))
    },
    'of Connect': (outer, inner) => outer.use('/in', connect().use(inner)),
  }

  test.each(Object.entries(mounts))('a response from an app %s is held', async (_mount, mount) => {
    const { outer, store } = build(mount)
    store.hold('insert')
    const { port } = await listen(outer)
    const client = await RawClient.open(port)
    client.get('/in/page', { Connection: 'close' })
    await store.asked('insert')
    await passTurns()
    expect(client.received).toBe('')
    store.release('insert')
    const response = parseResponse(await client.untilClosed())
    expect(response).toMatchObject({ status: 200, body: 'inner' })
    expect(sessionCookie(response)).toBeDefined()
  })

  test.each(Object.entries(mounts))(
    'next() after the response of an app %s changes nothing of it',
    async (_mount, mount) => {
      const { outer, store } = build(mount)
      const sent: unknown[] = []
      outer.use((_req: TestRequest, res: TestResponse, next: Next) => {
        sent.push(res.headersSent)
        next()
      })
      store.delay = 5
      const { port } = await listen(outer)
      const response = await fetchRaw(port, '/in/twice')
      expect(response).toMatchObject({ status: 200, body: 'inner', whole: true })
      expect(sessionCookie(response)).toBeDefined()
      expect(sent).toEqual([true])
    },
  )

  test('a failing save reaches the error handler of the app that has the sessions, which can render', async () => {
    const { outer, store } = build((app, inner) => app.use('/in', inner))
    store.fail('insert', 'reject')
    outer.use((error: any, req: TestRequest, res: TestResponse, _next: Next) =>
      res['status'](error.status).json([error.code, req['originalUrl']]),
    )
    const { port } = await listen(outer)
    expect(await fetchRaw(port, '/in/page')).toMatchObject({ status: 503, body: '["STORE_UNAVAILABLE","/in/page"]' })
  })
})

test('mounted twice, also once more in a mounted app, the first one serves', async () => {
  const store = new ControlledStore()
  const sessions = sessionMiddleware({ store })
  const inner = express()
  inner.use(sessions, (req, res) => res.send(String((req as any).session.get('n'))))
  const app = express()
  app.use(sessions)
  app.use((req, _res, next) => {
    const { session } = req as unknown as TestRequest
    session.set('n', Number(session.get('n') ?? 0) + 1)
    next()
  })
  app.use(sessions, sessions.sessions.middleware(), inner)
  const { port } = await listen(app)
  const first = await fetchRaw(port)
  expect(first.body).toBe('1')
  expect(valuesOf(first, 'Set-Cookie')).toHaveLength(1)
  const second = await fetchRaw(port, '/', { headers: { Cookie: sessionCookie(first) ?? '' } })
  expect(second.body).toBe('2')
  expect(store.calls).toEqual(['insert', 'load', 'change'])
})

test('an app of another copy of Express, called by hand, passes by once: what was changed is saved; after that it is held', async () => {
  const warnings = collectWarnings()
  jest.isolateModules(() => {
    // A copy that has never had a session.
    const foreign = jest.requireActual<() => any>('express4')()
    foreign.get('/', (_req: TestRequest, res: TestResponse) => res['send']('foreign'))
    others.push(foreign)
  })
  const [foreign] = others
  const store = new ControlledStore()
  const { port, sessions } = await startApp({
    kind: express5,
    store,
    handler(req, res, next) {
      req.session.set('path', req.url)
      if (req.url === '/begin') res.end()
      else foreign(req, res, next)
    },
  })
  const cookie = sessionCookie(await fetchRaw(port, '/begin')) ?? ''
  expect(await fetchRaw(port, '/', { headers: { Cookie: cookie } })).toMatchObject({ status: 200, body: 'foreign' })
  await passTurns(2)
  expect(await sessions.get(cookie.slice('sid='.length))).toEqual({ path: '/' })
  expect(warnings).toEqual([])
  store.hold('insert')
  const client = await RawClient.open(port)
  client.get('/', { Connection: 'close' })
  await store.asked('insert')
  await passTurns(2)
  expect(client.received).toBe('')
  store.release('insert')
  expect(sessionCookie(parseResponse(await client.untilClosed()))).toBeDefined()
})
const others: any[] = []

describe('two managers on one app, each with a cookie of its own', () => {
  async function start(kind = express5): Promise<{
    port: number
    shop: SessionManager
    admin: SessionManager
    stores: ControlledStore[]
    errors: any[]
  }> {
    const stores = [new ControlledStore(), new ControlledStore()] as const
    const admin = sessionMiddleware({ store: stores[1], cookie: { name: 'admin' } })
    const { port, sessions, errors } = await startApp({
      kind,
      store: stores[0],
      cookie: { name: 'shop' },
      after: [
        (req, res, next) => {
          const { session } = req as TestRequest
          session.set('cart', 1)
          admin(req, res, next)
        },
      ],
      handler(req, res) {
        if (req.url === '/in') login(req, 'root')
        if (req.url === '/out') logout(req)
        if (req.url === '/set') req.session.set('page', 1)
        res.end(req.session.subject ?? 'nobody')
      },
    })
    return { port, shop: sessions, admin: admin.sessions, stores: [...stores], errors }
  }
  const cookieNamed = (response: Awaited<ReturnType<typeof fetchRaw>>, name: string): string =>
    valuesOf(response, 'Set-Cookie')
      .find((value) => value.startsWith(`${name}=`))
      ?.split(';')[0] ?? ''

  test('both are stored, and both cookies sent', async () => {
    const { port, shop, admin } = await start()
    const response = await fetchRaw(port, '/in')
    const [cart, root] = [cookieNamed(response, 'shop'), cookieNamed(response, 'admin')]
    expect(await shop.get(cart.slice('shop='.length))).toEqual({ cart: 1 })
    expect((await fetchRaw(port, '/', { headers: { Cookie: `${cart}; ${root}` } })).body).toBe('root')
    const out = await fetchRaw(port, '/out', { headers: { Cookie: `${cart}; ${root}` } })
    expect(cookieNamed(out, 'admin')).toBe('admin=')
    expect(cookieNamed(out, 'shop')).toBe('')
    expect(await admin.get(root.slice('admin='.length))).toBeUndefined()
    expect(await shop.get(cart.slice('shop='.length))).toEqual({ cart: 1 })
  })

  // A router gives both of them the same next().
  test.each(serverKinds.flatMap((kind) => [0, 1].map((failing) => [kind.name, failing, kind] as const)))(
    '%s: when one of them cannot be stored the error handler responds, once: %d',
    async (_name, failing, kind) => {
      const { port, stores, errors } = await start(kind)
      stores[failing]?.fail('insert', 'reject')
      for (const times of [1, 2]) {
        const response = await fetchRaw(port, '/set')
        expect(response).toMatchObject({ status: 503, body: 'sorry: STORE_UNAVAILABLE', whole: true })
        expect(errors).toHaveLength(times)
      }
    },
  )
})

describe('callers that have no real response', () => {
  const requests = { 'a whole request': { headers: {}, socket: {} }, 'a request with nothing': {} } as Record<
    string,
    any
  >

  /** As Socket.IO hands to the middlewares of a WebSocket handshake. */
  function newStub(): { res: any; headers: Record<string, unknown>; calls: string[] } {
    const headers: Record<string, unknown> = {}
    const calls: string[] = []
    const res = {
      setHeader: (name: string, value: unknown) => void (headers[name] = value),
      getHeader: (name: string) => headers[name],
      removeHeader: (name: string) => Reflect.deleteProperty(headers, name),
      write: () => calls.push('write'),
      writeHead: () => calls.push('writeHead'),
      end: () => calls.push('end'),
    }
    return { res, headers, calls }
  }

  test.each(Object.entries(requests))(
    '%s and a stub of a response: the session is there, and stored at the end',
    async (_name, req) => {
      for (const delay of [0, undefined]) {
        const store = new ControlledStore()
        store.delay = delay
        const { res, headers, calls } = newStub()
        const request = { ...req }
        await new Promise((next) => sessionMiddleware({ store })(request, res, next))
        request.session.set('n', 1)
        res.writeHead(200, { 'X-A': 1 })
        res.write('x')
        res.end()
        await passTurns(2)
        expect(calls).toEqual(['writeHead', 'write', 'end'])
        expect(headers['Set-Cookie']).toEqual([expect.stringMatching(/^sid=/)])
        expect(store.memory.size).toBe(1)
      }
    },
  )

  test.each(Object.entries(requests))('%s and {} as response', async (_name, req) => {
    const store = new ControlledStore()
    const request = { ...req }
    await new Promise((next) => sessionMiddleware({ store })(request, {} as never, next))
    request.session.set('n', 1)
    request.session.flash('m', 1)
    request.session.regenerateId()
    login(request, 'ada')
    logout(request)
    expect(request.session.get('n')).toBeUndefined()
    await passTurns(2)
    expect(store.calls).toEqual([])
  })

  test('a stub with methods for listeners of its own', async () => {
    const store = new ControlledStore()
    const { res, headers, calls } = newStub()
    const on = jest.fn()
    Object.assign(res, { on, once: on, removeListener: on, emit: on })
    const request: any = { headers: {} }
    await new Promise((next) => sessionMiddleware({ store })(request, res, next))
    request.session.set('n', 1)
    res.end()
    await passTurns(2)
    expect([calls, headers['Set-Cookie']]).toEqual([['end'], [expect.stringMatching(/^sid=/)]])
  })

  test('a stub whose session cannot be stored: next(error), and no cookie', async () => {
    const store = new ControlledStore()
    store.fail('insert', 'reject')
    const { res, headers, calls } = newStub()
    const request: any = { headers: {} }
    const nexts: any[] = []
    sessionMiddleware({ store })(request, res, (error) => nexts.push(error))
    request.session.set('n', 1)
    res.end()
    await passTurns(2)
    expect(nexts).toEqual([undefined, expect.objectContaining({ status: 503 })])
    expect([headers, calls]).toEqual([{ 'Retry-After': '5' }, []])
  })

  test('a session is read from a stub, too', async () => {
    const store = new ControlledStore()
    const middleware = sessionMiddleware({ store })
    const id = await middleware.sessions.create({ user: 'ada' })
    const request: any = { headers: { cookie: `sid=${id}` } }
    await new Promise((next) => middleware(request, {} as never, next))
    expect(request.session.get('user')).toBe('ada')
  })
})

test('without the middleware, or with a foreign session, login and logout say so', () => {
  const foreign = [{}, { session: null }, { session: {} }, { session: { id: 'x' } }]
  for (const req of foreign) {
    expect(() => login(req as never, 'ada')).toThrow(expect.objectContaining({ code: 'SESSION_MISSING' }))
    expect(() => logout(req as never)).toThrow(expect.objectContaining({ code: 'SESSION_MISSING' }))
  }
})
