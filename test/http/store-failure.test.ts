import { login, logout, SessionError } from '../../lib'
import { passTurns, startApp, stopApps } from '../support/app'
import { ControlledStore, type Fault, faults, type StoreCall, storeTrouble } from '../support/controlled-store'
import { bare, express5, type Handler, serverKinds } from '../support/server-kinds'
import { fetchRaw, type RawResponse, sessionCookie, valuesOf } from '../support/raw-client'

afterEach(stopApps)

const codeOf: Record<Fault, string> = {
  reject: 'STORE_UNAVAILABLE',
  throw: 'STORE_UNAVAILABLE',
  hang: 'STORE_TIMEOUT',
  late: 'STORE_TIMEOUT',
}

const farewell: Handler = (req) => {
  logout(req)
  req.session.flash('bye', 1)
}

/** What a request does, and the command of it that goes wrong. */
const operations: Record<string, { act: Handler; call: StoreCall; fresh?: boolean }> = {
  'a session that begins': { act: (req) => req.session.set('n', 2), call: 'insert', fresh: true },
  'a change': { act: (req) => req.session.set('n', 2), call: 'change' },
  'a new id': { act: (req) => req.session.regenerateId(), call: 'change' },
  'an end': { act: (req) => req.session.destroy(), call: 'delete' },
  'a login over an own login': { act: (req) => login(req, 'ada'), call: 'change' },
  'a first login': { act: (req) => login(req, 'bob'), call: 'insert', fresh: true },
  'a logout': { act: (req) => logout(req), call: 'delete' },
  'the end in a logout with a farewell': { act: farewell, call: 'delete' },
  'the end in a login over a login': { act: (req) => login(req, 'carol'), call: 'delete' },
  'the beginning in a login over a login': { act: (req) => login(req, 'carol'), call: 'insert' },
}

/** A response of which nothing may be left on an error page. */
const prepareResponse: Handler = (_req, res) => {
  res.statusCode = 201
  res.statusMessage = 'Splendid'
  res.setHeader('ETag', '"1"')
  res.setHeader('Content-Type', 'image/png')
  res.setHeader('Content-Length', '1')
  res.setHeader('Cache-Control', 'public, max-age=31536000')
  res.setHeader('CDN-Cache-Control', 'max-age=31536000')
  res.setHeader('Expires', 'Sat, 01 Jan 2050 00:00:00 GMT')
  res.setHeader('Last-Modified', 'Sat, 01 Jan 2000 00:00:00 GMT')
  res.setHeader('Location', '/paid')
  res.setHeader('Clear-Site-Data', '"cookies"')
  res.setHeader('X-Frame-Options', 'DENY')
}

/** `/begin` logs ada in, `/read` shows what there is, everything else does what is tested. */
function handler(act: Handler): Handler {
  return (req, res, next) => {
    if (req.url === '/begin') {
      login(req, 'ada')
      req.session.set('n', 1)
      res.end()
    } else if (req.url === '/read') {
      res.end(JSON.stringify([req.session.subject, req.session.get('n')]))
    } else {
      act(req, res, next)
      void prepareResponse(req, res, next)
      res.end('x')
    }
  }
}

function expectErrorPage(response: RawResponse, code: string): void {
  expect(response).toMatchObject({
    statusLine: 'HTTP/1.1 503 Service Unavailable',
    body: `sorry: ${code}`,
    whole: true,
  })
  const names = response.headers.map(([name]) => name.toLowerCase())
  const own = ['content-type', 'date', 'connection', 'content-length', 'x-frame-options', 'retry-after']
  expect(names.filter((name) => !own.includes(name))).toEqual(names.includes('x-powered-by') ? ['x-powered-by'] : [])
  expect(valuesOf(response, 'Content-Type')).toEqual(['text/plain'])
  expect(valuesOf(response, 'Retry-After')).toEqual(['5'])
}

function expectError(error: unknown, fault: Fault): void {
  expect(error).toBeInstanceOf(SessionError)
  expect(error).toMatchObject({ code: codeOf[fault], status: 503 })
  expect((error as Error).cause).toBe(fault === 'reject' || fault === 'throw' ? storeTrouble : undefined)
}

describe.each([express5, bare])('a store that fails when a session is saved: $name', (kind) => {
  describe.each(Object.entries(operations))('%s', (_name, { act, call, fresh }) => {
    test.each(faults)('%s', async (fault) => {
      const store = new ControlledStore()
      const { port, errors } = await startApp({ kind, store, storeTimeout: 0.02, handler: handler(act) })
      const cookie = fresh ? '' : (sessionCookie(await fetchRaw(port, '/begin')) ?? '')

      store.fail(call, fault)
      const response = await fetchRaw(port, '/', { headers: { Cookie: cookie } })
      expectErrorPage(response, codeOf[fault])
      expect(errors).toHaveLength(1)
      expectError(errors[0], fault)

      store.mend()
      await passTurns(2)
      expect((await fetchRaw(port, '/begin', { headers: { Cookie: cookie } })).status).toBe(200)
      expect((await fetchRaw(port, '/', { headers: { Cookie: cookie } })).status).toBe(201)
      expect(errors).toHaveLength(1)
    })
  })
})

describe.each(serverKinds)('a store that fails: $name', (kind) => {
  test.each(faults)('on load: 503, never "anonymous", and the route does not run: %s', async (fault) => {
    const store = new ControlledStore()
    const ran: string[] = []
    const { port, errors } = await startApp({
      kind,
      store,
      storeTimeout: 0.02,
      handler(req, res, next) {
        ran.push(req.url ?? '')
        return handler(() => undefined)(req, res, next)
      },
    })
    const cookie = sessionCookie(await fetchRaw(port, '/begin')) ?? ''
    store.fail('load', fault)
    const response = await fetchRaw(port, '/read', { headers: { Cookie: cookie } })
    expectErrorPage(response, codeOf[fault])
    expectError(errors[0], fault)
    expect(ran).toEqual(['/begin'])

    store.mend()
    expect((await fetchRaw(port, '/read', { headers: { Cookie: cookie } })).body).toBe('["ada",1]')
    expect(errors).toHaveLength(1)
  })

  test('on save: the session stays what it was, and the next request works', async () => {
    const store = new ControlledStore()
    const { port, errors } = await startApp({ kind, store, handler: handler((req) => req.session.set('n', 2)) })
    const cookie = sessionCookie(await fetchRaw(port, '/begin')) ?? ''
    store.fail('change', 'reject')
    expectErrorPage(await fetchRaw(port, '/', { headers: { Cookie: cookie } }), 'STORE_UNAVAILABLE')
    store.mend()
    expect((await fetchRaw(port, '/read', { headers: { Cookie: cookie } })).body).toBe('["ada",1]')
    expect((await fetchRaw(port, '/', { headers: { Cookie: cookie } })).status).toBe(201)
    expect((await fetchRaw(port, '/read', { headers: { Cookie: cookie } })).body).toBe('["ada",2]')
    expect(errors).toHaveLength(1)
  })
})

test("Express' own error handler responds with 503", async () => {
  const store = new ControlledStore()
  const { port } = await startApp({
    kind: express5,
    store,
    handler: handler((req) => req.session.set('n', 2)),
    onError: (error, _req, _res, next) => next(error),
  })
  const log = jest.spyOn(console, 'error').mockImplementation(() => undefined)
  store.fail('insert', 'reject')
  const response = await fetchRaw(port)
  log.mockRestore()
  expect(response).toMatchObject({ status: 503, whole: true })
  expect(valuesOf(response, 'Set-Cookie')).toEqual([])
})

test('a value that JSON cannot carry, set by a mutation in place, gives an error to the error handler', async () => {
  const { port, errors } = await startApp({
    store: new ControlledStore(),
    handler(req, res) {
      const cart: { items: unknown[] } = { items: [] }
      req.session.set('cart', cart)
      cart.items.push(7n)
      res.end('x')
    },
  })
  const response = await fetchRaw(port)
  expect(response).toMatchObject({ status: 500, body: 'sorry: INVALID_SESSION_VALUE' })
  expect(valuesOf(response, 'Set-Cookie')).toEqual([])
  expect(errors).toHaveLength(1)
})
