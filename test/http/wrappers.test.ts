import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gunzipSync } from 'node:zlib'
import compression from 'compression'
import type { RequestHandler } from '../../lib'
import { type AppSetup, passTurns, startApp, stopApps } from '../support/app'
import { ControlledStore, holdingStore } from '../support/controlled-store'
import { express5, type TestRequest, type TestResponse } from '../support/server-kinds'
import { fetchRaw, parseResponse, RawClient, sessionCookie, valuesOf } from '../support/raw-client'
import { collectWarnings } from '../support/warnings'

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

/** As morgan and others do: a wrapper around `end`. */
const wrapEnd =
  (act: (req: TestRequest, res: TestResponse) => unknown): RequestHandler =>
  (req, res, next) => {
    const { end } = res
    res.end = function (this: TestResponse, ...args: any[]) {
      void act(req as TestRequest, res as TestResponse)
      return end.apply(res, args as never)
    } as typeof res.end
    next()
  }

/** As on-headers does: a wrapper around `writeHead` that calls a listener once, before the head is made. */
const onHeaders =
  (act: (req: TestRequest, res: TestResponse) => unknown): RequestHandler =>
  (req, res, next) => {
    const { writeHead } = res
    let wasCalled = false
    res.writeHead = function (this: TestResponse, ...args: any[]) {
      if (!wasCalled) {
        wasCalled = true
        void act(req as TestRequest, res as TestResponse)
      }
      return writeHead.apply(res, args as never)
    } as typeof res.writeHead
    next()
  }

const changeFirst: RequestHandler = (req, _res, next) => {
  ;(req as TestRequest).session.set('first', 1)
  next()
}
const gzip = compression({ threshold: 0 }) as unknown as RequestHandler
const text = (count: number): string[] =>
  Array.from({ length: count }, (_, line) => `line ${line} of a text that compresses\n`)

const bodies: Record<string, { lines: string[]; send: (res: TestResponse, lines: string[]) => unknown }> = {
  'one end': { lines: text(5), send: (res, lines) => res.end(lines.join('')) },
  'two writes': { lines: text(2), send: (res, [one, two]) => (res.write(one), res.end(two)) },
  'a pipe of small pieces': { lines: text(20), send: (res, lines) => Readable.from(lines).pipe(res) },
  'a pipeline of small pieces': { lines: text(20), send: (res, lines) => pipeline(Readable.from(lines), res) },
  'an async iterator': { lines: text(20), send: (res, lines) => pipeline(lines, res) },
  'a pipe of many': { lines: text(4000), send: (res, lines) => Readable.from(lines).pipe(res) },
  'a pipeline of many': { lines: text(4000), send: (res, lines) => pipeline(Readable.from(lines), res) },
}

describe.each([
  ['before', { before: [gzip] }],
  ['after', { after: [gzip] }],
  ['after the session was changed', { after: [changeFirst, gzip] }],
] as readonly [string, Partial<AppSetup>][])('compression mounted %s', (_name, wiring) => {
  test.each(Object.entries(bodies))('%s', async (_body, { lines, send }) => {
    for (const delay of [0, undefined]) {
      const store = new ControlledStore()
      store.delay = delay
      const { port } = await startApp({
        kind: express5,
        store,
        ...wiring,
        handler(req, res) {
          req.session.set('n', 1)
          res.setHeader('Content-Type', 'text/plain')
          return send(res, lines)
        },
      })
      const response = await fetchRaw(port, '/', { headers: { 'Accept-Encoding': 'gzip' } })
      expect(valuesOf(response, 'Content-Encoding')).toEqual(['gzip'])
      expect(gunzipSync(Buffer.from(response.body, 'latin1')).toString() === lines.join('')).toBe(true)
      expect(sessionCookie(response)).toBeDefined()
    }
  })

  test('nothing leaves before the session is stored', async () => {
    const store = holdingStore()
    const { port } = await startApp({
      kind: express5,
      store,
      ...wiring,
      handler(req, res) {
        req.session.set('n', 1)
        res['type']('text')
        res['send']('hello')
      },
    })
    const client = await RawClient.open(port)
    client.get('/', { Connection: 'close', 'Accept-Encoding': 'gzip' })
    await store.asked('insert')
    await passTurns()
    expect(client.received).toBe('')
    store.release('insert')
    const response = parseResponse(await client.untilClosed())
    expect(gunzipSync(Buffer.from(response.body, 'latin1')).toString()).toBe('hello')
  })
})

describe.each([
  ['a store that replies later', 0],
  ['a store that replies at once', undefined],
])('other wrappers, and %s', (_name, delay) => {
  const newStore = (): ControlledStore => {
    const store = new ControlledStore()
    store.delay = delay
    return store
  }
  /** The first request begins a session; the second one does nothing to it but what the wrapper does. */
  async function runTwice(wiring: Partial<AppSetup>): Promise<Record<string, unknown> | undefined> {
    const { port, sessions } = await startApp({
      kind: express5,
      store: newStore(),
      ...wiring,
      handler(req, res) {
        if (req.url === '/begin') req.session.set('n', 1)
        res['send']('hello')
      },
    })
    const first = await fetchRaw(port, '/begin')
    const cookie = sessionCookie(first) ?? ''
    const response = await fetchRaw(port, '/', { headers: { Cookie: cookie } })
    expect(response).toMatchObject({ status: 200, body: 'hello', whole: true })
    await passTurns()
    return sessions.get(cookie.slice('sid='.length))
  }

  test.each([
    ['around end, before', { before: [wrapEnd((_req, res) => res.setHeader('X-End', '1'))] }],
    ['around end, after', { after: [wrapEnd((_req, res) => res.setHeader('X-End', '1'))] }],
    ['around writeHead, before', { before: [onHeaders((_req, res) => res.setHeader('X-End', '1'))] }],
    ['around writeHead, after', { after: [onHeaders((_req, res) => res.setHeader('X-End', '1'))] }],
    [
      'around both, and the session changed first',
      { after: [changeFirst, onHeaders((_req, res) => res.setHeader('X-End', '1')), wrapEnd(() => 1)] },
    ],
  ] as readonly [string, Partial<AppSetup>][])('%s: they can still set headers', async (_wrapper, wiring) => {
    const { port } = await startApp({
      store: newStore(),
      ...wiring,
      handler(req, res) {
        req.session.set('n', 1)
        res.end('hello')
      },
    })
    const response = await fetchRaw(port)
    expect(response).toMatchObject({ status: 200, body: 'hello' })
    expect(valuesOf(response, 'X-End')).toEqual(['1'])
    expect(sessionCookie(response)).toBeDefined()
  })

  const change = (req: TestRequest): void => req.session.set('wrapper', req.url)
  test.each([
    ['around end, before', { before: [wrapEnd(change)] }],
    ['around end, after', { after: [wrapEnd(change)] }],
    ['around writeHead, before', { before: [onHeaders(change)] }],
    ['around writeHead, after', { after: [onHeaders(change)] }],
    ['around writeHead, in compression', { after: [onHeaders(change), gzip] }],
    ['around end, and the session changed first', { after: [changeFirst, wrapEnd(change)] }],
    ['around writeHead, and the session changed first', { after: [changeFirst, onHeaders(change)] }],
  ] as readonly [string, Partial<AppSetup>][])(
    '%s: what they do to a session at the last moment is not lost',
    async (_wrapper, wiring) => {
      expect(await runTwice(wiring)).toMatchObject({ n: 1, wrapper: '/' })
    },
  )

  test('a change after the end is saved, though no response waits for it', async () => {
    const warnings = collectWarnings()
    const { port, sessions } = await startApp({
      store: newStore(),
      handler(req, res) {
        if (req.url === '/begin') req.session.set('n', 1)
        res.end('hello')
        if (req.url === '/later') req.session.set('later', 1)
        if (req.url === '/much-later') setTimeout(() => req.session.set('muchLater', [1]), 5)
      },
    })
    const cookie = sessionCookie(await fetchRaw(port, '/begin')) ?? ''
    for (const path of ['/later', '/much-later']) await fetchRaw(port, path, { headers: { Cookie: cookie } })
    await passTurns(10)
    expect(await sessions.get(cookie.slice('sid='.length))).toEqual({ n: 1, later: 1, muchLater: [1] })
    expect(warnings).toEqual([])
  })

  test('a session that begins after the end is logged as a warning', async () => {
    const warnings = collectWarnings()
    const store = newStore()
    const { port } = await startApp({
      store,
      handler(req, res) {
        res.end('hello')
        req.session.set('n', 1)
      },
    })
    expect(valuesOf(await fetchRaw(port), 'Set-Cookie')).toEqual([])
    await passTurns()
    expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_COOKIE_AFTER_HEADERS'])
    expect(store.memory.size).toBe(0)
  })

  test('a change after the end that cannot be saved is logged as a warning', async () => {
    const warnings = collectWarnings()
    const store = newStore()
    const { port } = await startApp({
      store,
      handler(req, res) {
        if (req.url === '/begin') req.session.set('n', 1)
        res.end('hello')
        if (req.url !== '/begin') req.session.set('n', 2)
      },
    })
    const cookie = sessionCookie(await fetchRaw(port, '/begin')) ?? ''
    store.fail('change', 'reject')
    expect((await fetchRaw(port, '/', { headers: { Cookie: cookie } })).status).toBe(200)
    await passTurns()
    expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_SAVE_FAILED_AFTER_END'])
  })
})
