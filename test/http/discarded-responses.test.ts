import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import compression from 'compression'
import type { RequestHandler } from '../../lib'
import { passTurns, startApp, stopApps } from '../support/app'
import { ControlledStore, faults } from '../support/controlled-store'
import { respondToError, bare, type ErrorHandler, express5, type Handler, serverKinds } from '../support/server-kinds'
import { fetchRaw, parseResponse, RawClient, sessionCookie, valuesOf } from '../support/raw-client'
import { collectWarnings } from '../support/warnings'

const directory = mkdtempSync(join(tmpdir(), 'holdfast-http-'))
const errorPage = 'E'.repeat(300_000)
writeFileSync(join(directory, 'error.txt'), errorPage)

let warnings: { code: string; message: string }[]
beforeEach(() => {
  warnings = collectWarnings()
})
afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})
afterAll(() => rmSync(directory, { recursive: true }))

/** A body that goes on for as long as it is read. */
function endless(): Readable {
  return new Readable({
    read() {
      setImmediate(() => this.push('a'.repeat(20_000)))
    },
  })
}

const lateError: ErrorHandler = async (error, req, res, next) => {
  await passTurns(4)
  await respondToError(error, req, res, next)
}

const streamedError: ErrorHandler = (_error, _req, res) => {
  res.statusCode = 503
  Readable.from([errorPage.slice(0, 150_000), errorPage.slice(150_000)]).pipe(res)
}

/** Writers that are in the middle of their response when it is discarded, and go on writing. */
const writers: Record<string, (res: Parameters<Handler>[1]) => unknown> = {
  'one that writes without asking': (res) => {
    const timer = setInterval(() => res.write('old'), 1)
    res.on('close', () => clearInterval(timer))
    res.write('old')
  },
  'a pipe': (res) => endless().pipe(res),
  'a pipeline': (res) => pipeline(endless(), res).catch(() => undefined),
  'an async iterator': (res) =>
    pipeline(async function* () {
      for (;;) yield 'old'
    }, res).catch(() => undefined),
  'one that ends soon': (res) => (res.write('old'), setTimeout(() => res.end('old'), 3)),
  'one that ends later': (res) => (res.write('old'), setTimeout(() => res.end('old'), 30)),
}

describe.each([
  ['an error page at once', respondToError, 'sorry: STORE_UNAVAILABLE'],
  ['an error page after a while', lateError, 'sorry: STORE_UNAVAILABLE'],
  ['an error page that is a stream', streamedError, errorPage],
])('what the app writes to a discarded response does not get into %s', (_name, onError, page) => {
  // While two streams write at the same time, the hold cannot distinguish their chunks; it unpipes those that wait for 'drain'.
  const separable = Object.entries(writers).filter(([name]) => page !== errorPage || !name.includes('without asking'))

  test.each(separable)('when %s', async (_writer, write) => {
    for (const fault of ['reject', 'throw'] as const) {
      const store = new ControlledStore()
      store.fail('insert', fault)
      const { port, errors } = await startApp({
        store,
        onError,
        handler(req, res) {
          req.session.set('n', 1)
          void write(res)
        },
      })
      const response = await fetchRaw(port)
      expect(response).toMatchObject({ status: 503, whole: true })
      expect(response.body.length).toBe(page.length)
      expect(response.body).toBe(page)
      expect(errors).toHaveLength(1)
      expect(warnings).toEqual([])
    }
  })
})

test('a pipeline fails, and its source is destroyed, when its response is discarded', async () => {
  const store = new ControlledStore()
  store.fail('insert', 'reject')
  const source = endless()
  let outcome: Promise<unknown> = Promise.resolve()
  const { port } = await startApp({
    store,
    handler(req, res) {
      req.session.set('n', 1)
      outcome = pipeline(source, res).catch((error: unknown) => (error as { code?: string }).code)
    },
  })
  expect((await fetchRaw(port)).status).toBe(503)
  expect(await outcome).toBe('ERR_STREAM_PREMATURE_CLOSE')
  expect(source.destroyed).toBe(true)
})

test.each(faults)(
  'the callbacks of a discarded response are called once, with an error, when the store fails (%s)',
  async (fault) => {
    const store = new ControlledStore()
    store.fail('insert', fault)
    const calls: string[] = []
    const note = (name: string) => (error?: unknown) =>
      calls.push(`${name} ${error instanceof Error ? 'failed' : 'fine'}`)
    const { port } = await startApp({
      store,
      storeTimeout: 0.01,
      handler(req, res) {
        req.session.set('n', 1)
        res.write('a', note('a'))
        res.write('b', 'utf8', note('b'))
        res.end('c', note('c'))
        setTimeout(() => res.end('d', note('d')), 40)
      },
    })
    expect((await fetchRaw(port)).status).toBe(503)
    await passTurns(20)
    expect(calls).toEqual(['a failed', 'b failed', 'c failed', 'd failed'])
  },
)

describe.each(serverKinds)(
  'the connection is cut when a change after the first bytes cannot be stored: $name',
  (kind) => {
    test.each(faults)('%s', async (fault) => {
      const store = new ControlledStore()
      const { port, errors } = await startApp({
        kind,
        store,
        storeTimeout: 0.02,
        async handler(req, res) {
          if (req.url === '/begin') {
            req.session.set('n', 1)
            res.end()
            return
          }
          res.write('first')
          await passTurns(2)
          req.session.set('n', 2)
          res.write('second')
          await passTurns(20)
          res.write('third')
          res.end('last')
        },
      })
      const cookie = sessionCookie(await fetchRaw(port, '/begin')) ?? ''
      store.fail('change', fault)
      const response = await fetchRaw(port, '/', { headers: { Cookie: cookie } })
      expect(response).toMatchObject({ status: 200, body: 'first', whole: false })
      expect(errors).toEqual([])
      expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_SAVE_FAILED_AFTER_HEADERS'])
      expect(warnings[0]?.message).toContain(
        fault === 'hang' || fault === 'late' ? 'STORE_TIMEOUT' : 'STORE_UNAVAILABLE',
      )
      expect(warnings[0]?.message).not.toContain('fire')
    })
  },
)

test('an error page is not compressed when compression had begun on the discarded response', async () => {
  const store = new ControlledStore()
  const { port } = await startApp({
    store,
    // Above the held response: a session with a flash message is held from the start.
    after: [compression({ threshold: 0 }) as unknown as RequestHandler],
    handler(req, res) {
      res.setHeader('Content-Type', 'text/plain')
      if (req.url === '/begin') req.session.flash('hello', 1)
      res.write('old '.repeat(1000))
      res.end('old')
    },
  })
  const cookie = sessionCookie(await fetchRaw(port, '/begin')) ?? ''
  for (const fault of ['reject', 'throw'] as const) {
    store.fail('change', fault)
    const response = await fetchRaw(port, '/', { headers: { Cookie: cookie, 'Accept-Encoding': 'gzip' } })
    expect(response).toMatchObject({ status: 503, body: 'sorry: STORE_UNAVAILABLE', whole: true })
    expect(valuesOf(response, 'Content-Encoding')).toEqual([])
  }
})

test('a failing save calls the error handler once when the client has left', async () => {
  const store = new ControlledStore()
  store.fail('insert', 'hang')
  const { port, errors, server } = await startApp({
    kind: express5,
    store,
    storeTimeout: 0.005,
    handler(req, res) {
      req.session.set('n', 1)
      res.write('a')
      res.end('b')
    },
  })
  const client = await RawClient.open(port)
  const asked = store.asked('insert')
  client.get('/')
  await asked
  client.close()
  await passTurns()
  await passTurns()
  expect(errors).toHaveLength(1)
  expect(server.listening).toBe(true)
})

test('an error page saves nothing, because a second failure would have no error handler', async () => {
  const store = new ControlledStore()
  store.fail('insert', 'reject')
  const { port, errors } = await startApp({
    kind: express5,
    store,
    handler(req, res) {
      req.session.set('n', 1)
      res.end('x')
    },
    onError(_error, req, res) {
      req.session.set('n', 2)
      res.statusCode = 503
      res.end('sorry')
    },
  })
  expect(await fetchRaw(port)).toMatchObject({ status: 503, body: 'sorry' })
  expect(errors).toHaveLength(1)
  expect(store.calls).toEqual(['insert'])
})

test('the client gets a 503 when no error handler sends a response', async () => {
  const store = new ControlledStore()
  store.fail('insert', 'reject')
  const setTimer = jest.spyOn(global, 'setTimeout')
  const once: RequestHandler[] = []
  const { port } = await startApp({
    kind: bare,
    store,
    before: once,
    onError: () => undefined,
    handler(req, res) {
      req.session.set('n', 1)
      res.end('x')
    },
  })
  const client = await RawClient.open(port)
  client.get('/', { Connection: 'close' })
  let patience: Parameters<typeof setTimeout> | undefined
  while (patience === undefined) {
    await passTurns(1)
    patience = setTimer.mock.calls.find(([, wait]) => wait === 1500)
  }
  patience[0]()
  expect(parseResponse(await client.untilClosed())).toMatchObject({ status: 503, body: 'Service Unavailable' })
  expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_ERROR_NOT_ANSWERED'])
})
