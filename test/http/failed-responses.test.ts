import express from 'express'
import express4 from 'express4'
import { login, logout, sessionMiddleware } from '../../lib'
import { listen, passTurns, startApp, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { bare, type Next, serverKinds, type TestRequest, type TestResponse } from '../support/server-kinds'
import { fetchRaw, RawClient, sessionCookie, valuesOf } from '../support/raw-client'
import { collectWarnings } from '../support/warnings'

let warnings: { code: string; message: string }[]
beforeEach(() => {
  warnings = collectWarnings()
})
afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

function failingStore(call: 'insert' | 'change' | 'delete' | 'load' = 'insert'): ControlledStore {
  const store = new ControlledStore()
  store.fail(call, 'reject')
  return store
}

test('a next() that throws for a failed save does not end the process: the request gets 503', async () => {
  const sessions = sessionMiddleware({ store: failingStore() })
  const { port } = await listen((req, res) => {
    sessions(req, res, (error) => {
      if (error !== undefined) throw error as Error
      ;(req as TestRequest).session.set('n', 1)
      res.end('hello')
    })
  })
  const response = await fetchRaw(port)
  expect(response).toMatchObject({ status: 503, body: 'Service Unavailable', whole: true })
  expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_ERROR_NOT_ANSWERED'])
  expect(warnings[0]?.message).toContain('STORE_UNAVAILABLE')
})

test('a next() that throws for a failed load does not end the process: the request gets 503', async () => {
  const store = new ControlledStore()
  const sessions = sessionMiddleware({ store })
  const { port } = await listen((req, res) => {
    sessions(req, res, (error) => {
      if (error !== undefined) throw error as Error
      ;(req as TestRequest).session.set('n', 1)
      res.end('hello')
    })
  })
  const cookie = sessionCookie(await fetchRaw(port)) ?? ''
  store.fail('load', 'reject')
  expect(await fetchRaw(port, '/', { headers: { Cookie: cookie } })).toMatchObject({ status: 503, whole: true })
})

describe.each(serverKinds)('an error handler on $name', (kind) => {
  test('gets an error that names the key of a value whose getter throws at the save, and its cause', async () => {
    const cause = new Error('of user 4711')
    const errors: unknown[] = []
    const { port } = await startApp({
      kind,
      handler(req, res) {
        let isBroken = false
        const item = {
          get total(): number {
            if (isBroken) throw cause
            return 1
          },
        }
        req.session.set('basket', { items: [item] })
        isBroken = true
        res.end('hello')
      },
      onError(error, _req, res) {
        errors.push(error)
        res.statusCode = 500
        res.end('error page')
      },
    })
    expect(await fetchRaw(port)).toMatchObject({ status: 500, body: 'error page', whole: true })
    const message = expect.stringMatching(/^session value "basket"(?!.*4711)/)
    expect(errors).toEqual([expect.objectContaining({ code: 'INVALID_SESSION_VALUE', message, cause })])
  })

  test('sees Retry-After on the response, and no Set-Cookie from after the change', async () => {
    const { port } = await startApp({
      kind,
      store: failingStore(),
      before: [
        (_req, res, next) => {
          res.setHeader('Set-Cookie', 'theme=dark')
          next()
        },
      ],
      handler(req, res) {
        req.session.set('n', 1)
        res.setHeader('Set-Cookie', ['theme=dark', 'remember=me'])
        res.end('hello')
      },
    })
    const response = await fetchRaw(port)
    expect(response.status).toBe(503)
    expect(valuesOf(response, 'Set-Cookie')).toEqual(['theme=dark'])
    expect(valuesOf(response, 'Retry-After')).toEqual(['5'])
  })
})

describe.each([
  ['Express 5', express as any],
  ['Express 4', express4 as any],
])('a failed save after another error was handled: %s', (_name, create) => {
  async function start(routes: (app: any) => void): Promise<number> {
    const app = create()
    app.use(sessionMiddleware({ store: failingStore() }))
    app.use((req: TestRequest, _res: unknown, next: Next) => {
      req.session.set('n', 1)
      next()
    })
    app.get('/fault', () => {
      throw new Error('a fault of the route')
    })
    routes(app)
    return (await listen(app)).port
  }
  const page = (error: any, _req: unknown, res: any, _next: unknown): void => {
    res.status(error.status ?? 500).json({ sorry: error.code ?? error.message })
  }

  test('the error page of the app is given, although its error handler has run before', async () => {
    const port = await start((app) => app.use(page))
    const response = await fetchRaw(port, '/fault')
    expect(response).toMatchObject({ status: 503, body: '{"sorry":"STORE_UNAVAILABLE"}', whole: true })
  })

  test('an error handler that passes the error on is followed by the next one', async () => {
    const port = await start((app) => {
      app.use((error: any, _req: unknown, _res: unknown, next: Next) => next(error))
      app.use(page)
    })
    expect((await fetchRaw(port, '/fault')).body).toBe('{"sorry":"STORE_UNAVAILABLE"}')
  })

  test('the error page of the app is given after the 404 of the app', async () => {
    const port = await start((app) => {
      app.use((_req: unknown, res: any) => res.status(404).send('no such page'))
      app.use(page)
    })
    expect((await fetchRaw(port, '/missing')).body).toBe('{"sorry":"STORE_UNAVAILABLE"}')
  })

  test.each(['/fault', '/missing'])('without an error page a plain 503 is given, without a stack: %s', async (path) => {
    jest.spyOn(console, 'error').mockImplementation(() => undefined)
    const port = await start(() => undefined)
    expect(await fetchRaw(port, path)).toMatchObject({ status: 503, body: 'Service Unavailable', whole: true })
  })

  test('where error handlers have run in a router, no stack is shown either', async () => {
    jest.spyOn(console, 'error').mockImplementation(() => undefined)
    const inner = create.Router()
    inner.use(sessionMiddleware({ store: failingStore() }))
    inner.use((req: TestRequest, res: any) => (req.session.set('n', 1), res.status(500).send('fault')))
    const { port } = await listen(create().use(inner))
    const response = await fetchRaw(port)
    expect(response.status).toBe(503)
    expect(response.body).not.toMatch(/\bat .*:\d+:\d+/)
  })
})

test('a failed save keeps no timer, and so no memory, once the error page is given', async () => {
  const clear = jest.spyOn(global, 'clearTimeout')
  const set = jest.spyOn(global, 'setTimeout')
  const { port } = await startApp({
    kind: bare,
    store: failingStore(),
    handler: (req, res) => (req.session.set('n', 1), res.end('hello')),
    onError: (_error, _req, res) => {
      setImmediate(() => ((res.statusCode = 503), res.end('sorry')))
    },
  })
  expect(await fetchRaw(port)).toMatchObject({ status: 503, body: 'sorry' })
  const ours = set.mock.results.filter((_result, i) => set.mock.calls[i]?.[1] === 1500).map(({ value }) => value)
  expect(ours).toHaveLength(1)
  expect(clear.mock.calls.map(([timer]) => timer)).toContain(ours[0])
})

describe.each(serverKinds)('a response that is never ended: $name', (kind) => {
  const act: Record<string, (req: TestRequest) => void> = {
    set: (req) => req.session.set('n', 2),
    destroy: (req) => req.session.destroy(),
    logout: (req) => logout(req),
  }
  const ways: Record<string, (res: TestResponse) => unknown> = {
    'never responds': () => undefined,
    'has only streamed': (res) => res.write('event'),
    'is destroyed by the handler': (res) => res.destroy(),
  }
  test.each(Object.keys(ways).flatMap((way) => Object.keys(act).map((what) => [what, way] as const)))(
    '%s is stored when the response closes: %s',
    async (what, way) => {
      const { port, sessions } = await startApp({
        kind,
        store: new ControlledStore(),
        async handler(req, res) {
          if (req.url === '/begin') {
            login(req, 'ada')
            req.session.set('n', 1)
            res.end()
            return
          }
          if (way === 'has only streamed') {
            ways[way]?.(res)
            await passTurns()
            act[what]?.(req)
          } else {
            act[what]?.(req)
            ways[way]?.(res)
          }
        },
      })
      const cookie = sessionCookie(await fetchRaw(port, '/begin')) ?? ''
      const client = await RawClient.open(port)
      client.get('/', { Cookie: cookie })
      await passTurns(8)
      client.close()
      await passTurns(10)
      const values = await sessions.get(cookie.slice('sid='.length))
      expect(values).toEqual(what === 'set' ? { n: 2 } : undefined)
      expect(warnings).toEqual([])
    },
  )
})

test('a session that begins after the head of a stream that is never ended: a warning says that it is lost', async () => {
  const { port } = await startApp({
    store: new ControlledStore(),
    async handler(req, res) {
      res.write('event')
      await passTurns()
      req.session.set('n', 1)
    },
  })
  const client = await RawClient.open(port)
  client.get('/')
  await client.until((text) => text.includes('event'))
  await passTurns(8)
  client.close()
  await passTurns(10)
  expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_COOKIE_AFTER_HEADERS'])
})

describe('the stub of a response that Socket.IO makes for the websocket transport', () => {
  /** As `WebSocketResponse` of engine.io. */
  const stubOf = (headers: Record<string, unknown>): any => ({
    setHeader: (name: string, value: unknown) => (headers[name] = value),
    getHeader: (name: string) => headers[name],
    removeHeader: (name: string) => Reflect.deleteProperty(headers, name),
    write: () => undefined,
    writeHead: () => undefined,
    end: () => undefined,
  })
  const createRequest = (cookie: string): any => ({ headers: { cookie }, socket: {}, url: '/' })

  test.each([true, false])('writeHead() without a status is no exception, session changed: %s', async (isChanged) => {
    const sessions = sessionMiddleware({ store: new ControlledStore() })
    const [req, res] = [createRequest(''), stubOf({})]
    await new Promise<void>((resolve) => sessions(req, res, () => resolve()))
    if (isChanged) req.session.set('n', 1)
    expect(() => res.writeHead()).not.toThrow()
    await passTurns()
    expect(warnings).toEqual([])
  })

  test('a change in a later event is stored at once, and so is a logout', async () => {
    const store = new ControlledStore()
    const sessions = sessionMiddleware({ store })
    const id = await sessions.sessions.create({ n: 7 })
    const connect = async (): Promise<any> => {
      const [req, res] = [createRequest(`sid=${id}`), stubOf({})]
      await new Promise<void>((resolve) => sessions(req, res, () => resolve()))
      res.writeHead()
      return req
    }
    const req = await connect()
    expect(req.session.get('n')).toBe(7)
    req.session.set('n', 9)
    await passTurns()
    expect(await sessions.sessions.get(id)).toEqual({ n: 9 })
    logout(await connect())
    await passTurns()
    expect(await sessions.sessions.get(id)).toBeUndefined()
    expect(warnings).toEqual([])
  })
})

test('a next() of a pool, which continues another request by now, is not called for a failed save', async () => {
  const store = new ControlledStore()
  const sessions = sessionMiddleware({ store })
  const given: unknown[] = []
  // One continuation for all requests, one after the other, as a framework that saves allocations has it.
  let current: { req: TestRequest; res: TestResponse } | undefined
  const next: Next = (error) => {
    given.push(error)
    if (current === undefined) throw new TypeError('the chain has ended')
    const { req, res } = current
    current = undefined
    if (req.url !== '/quiet') req.session.set('n', 1)
    res.end('hello')
  }
  const { port } = await listen((req, res) => {
    current = { req: req as TestRequest, res: res as TestResponse }
    sessions(req, res, next)
  })
  expect((await fetchRaw(port)).status).toBe(200)
  store.fail('insert', 'reject')
  expect(await fetchRaw(port)).toMatchObject({ status: 503, body: 'Service Unavailable', whole: true })
  expect(given).toEqual([undefined, undefined])
  expect((await fetchRaw(port, '/quiet')).body).toBe('hello')
})
