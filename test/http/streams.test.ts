import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { passTurns, startApp, stopApps } from '../support/app'
import { ControlledStore, holdingStore } from '../support/controlled-store'
import { express5, type Handler, serverKinds, type TestResponse } from '../support/server-kinds'
import { fetchRaw, parseResponse, RawClient, sessionCookie, valuesOf } from '../support/raw-client'
import { collectWarnings } from '../support/warnings'

const directory = mkdtempSync(join(tmpdir(), 'holdfast-http-'))
const large = randomBytes(3_000_000)
const file = join(directory, 'large.bin')
writeFileSync(file, large)
const sum = (bytes: Buffer): string => createHash('sha1').update(bytes).digest('hex')

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})
afterAll(() => rmSync(directory, { recursive: true }))

/** In pieces of odd sizes, as a stream of some database would be. */
function* pieces(): Generator<Buffer> {
  for (let at = 0, size = 1; at < large.length; at += size, size = ((size * 7) % 40_000) + 1) {
    yield large.subarray(at, at + size)
  }
}

const streams: Record<string, (res: TestResponse) => unknown> = {
  pipe: (res) => Readable.from(pieces()).pipe(res),
  pipeline: (res) => pipeline(Readable.from(pieces()), res),
  'an async iterator': (res) => pipeline(pieces, res),
  'writes that wait for drain': async (res) => {
    for (const piece of pieces()) if (!res.write(piece)) await once(res, 'drain')
    res.end()
  },
  'writes that wait for nothing': (res) => {
    for (const piece of pieces()) res.write(piece)
    res.end()
  },
  'writes that wait for their callbacks': async (res) => {
    for (const piece of pieces()) await new Promise((done) => res.write(piece, done))
    res.end()
  },
}

describe.each(serverKinds)('a large body arrives whole and in order: $name', (kind) => {
  const ways = kind.name.startsWith('Express')
    ? { ...streams, sendFile: (res: TestResponse) => res['sendFile'](file) }
    : streams

  test.each(Object.entries(ways))('%s', async (_name, stream) => {
    const { port } = await startApp({
      kind,
      store: new ControlledStore(),
      handler(req, res) {
        req.session.set('n', 1)
        return stream(res)
      },
    })
    const response = await fetchRaw(port)
    expect(response).toMatchObject({ status: 200, whole: true })
    expect(sum(Buffer.from(response.body, 'latin1'))).toBe(sum(large))
    expect(sessionCookie(response)).toBeDefined()
  })
})

test('a stream that is held stands still: its source is asked for no more than a few chunks', async () => {
  const store = holdingStore()
  let given = 0
  const source = new Readable({
    read() {
      given++
      this.push(given <= 100 ? Buffer.alloc(50_000, 97) : null)
    },
  })
  const { port } = await startApp({
    store,
    handler(req, res) {
      req.session.set('n', 1)
      source.pipe(res)
    },
  })
  const client = await RawClient.open(port)
  client.get('/', { Connection: 'close' })
  await store.asked('insert')
  await passTurns()
  expect(given).toBeLessThan(5)
  store.release('insert')
  expect(parseResponse(await client.untilClosed()).body).toHaveLength(5_000_000)
})

test('a write while the store is asked returns false, and one drain follows', async () => {
  const store = holdingStore()
  const seen: unknown[] = []
  const { port } = await startApp({
    store,
    async handler(req, res) {
      req.session.set('n', 1)
      res.on('drain', () => seen.push('drain'))
      seen.push(res.writableNeedDrain, res.write('a'), res.write('b'), res.writableNeedDrain)
      await once(res, 'drain')
      await passTurns(2)
      seen.push(res.writableNeedDrain, res.write('c'))
      res.end()
    },
  })
  const client = await RawClient.open(port)
  client.get('/', { Connection: 'close' })
  await store.asked('insert')
  await passTurns(2)
  expect(seen).toEqual([false, false, false, true])
  store.release('insert')
  expect(parseResponse(await client.untilClosed()).body).toBe('abc')
  expect(seen).toEqual([false, false, false, true, 'drain', false, true])
})

test('when Node itself asks to wait after that, its drain is the one that follows', async () => {
  const store = holdingStore()
  const seen: string[] = []
  const { port } = await startApp({
    store,
    async handler(req, res) {
      req.session.set('n', 1)
      res.on('drain', () => seen.push(`drain ${res.writableLength}`))
      res.write(Buffer.alloc(8_000_000))
      res.flushHeaders()
      await once(res, 'drain')
      res.end()
    },
  })
  const client = await RawClient.open(port)
  client.socket.pause()
  client.get('/', { Connection: 'close' })
  await store.asked('insert')
  store.release('insert')
  await passTurns()
  expect(seen).toEqual([])
  client.socket.resume()
  expect(parseResponse(await client.untilClosed()).body).toHaveLength(8_000_000)
  expect(seen).toEqual(['drain 0'])
})

test('no drain comes after the end, nor where nothing was written', async () => {
  const seen: string[] = []
  const responses: Record<string, Handler> = {
    '/write': (_req, res) => (res.write('a'), res.end('b')),
    '/end': (_req, res) => res.end('b'),
    '/flush': (_req, res) => (res.flushHeaders(), setTimeout(() => res.end(), 5)),
  }
  const { port } = await startApp({
    store: new ControlledStore(),
    handler(req, res, next) {
      req.session.set('n', 1)
      res.on('drain', () => seen.push(req.url ?? ''))
      responses[req.url ?? '']?.(req, res, next)
    },
  })
  for (const path of Object.keys(responses)) await fetchRaw(port, path)
  expect(seen).toEqual([])
})

describe('a change after the first bytes', () => {
  test('is stored before any byte that comes after it, and each further one too', async () => {
    const store = new ControlledStore()
    const { port } = await startApp({
      store,
      async handler(req, res) {
        for (const step of [1, 2, 3]) {
          req.session.set('step', step)
          res.write(`step ${step};`)
          await passTurns(3)
        }
        res.end('over')
      },
    })
    store.hold('insert')
    const client = await RawClient.open(port)
    client.get('/', { Connection: 'close' })
    await store.asked('insert')
    await passTurns()
    expect(client.received).toBe('')
    for (const [call, next, arrived] of [
      ['insert', 'step 1;', 'change'],
      ['change', 'step 2;', 'change'],
      ['change', 'over', ''],
    ] as const) {
      store.release(call)
      store.hold('change')
      if (arrived !== '') await store.asked('change')
      else store.release('change')
      await client.until((received) => received.includes(next))
      if (arrived !== '') await passTurns(2)
    }
    expect(parseResponse(await client.untilClosed()).body).toBe('step 1;step 2;step 3;over')
    expect(store.calls).toEqual(['insert', 'change', 'change'])
  })

  test('made while the first is being stored holds back what comes after it only', async () => {
    const store = holdingStore()
    const { port } = await startApp({
      store,
      handler(req, res) {
        req.session.set('a', 1)
        res.write('first;')
        req.session.set('b', 1)
        res.write('second;')
        req.session.set('c', 1)
        res.end('third')
      },
    })
    const client = await RawClient.open(port)
    client.get('/', { Connection: 'close' })
    await store.asked('insert')
    const change = store.asked('change')
    store.release('insert')
    await change
    await client.until((received) => received.includes('first;'))
    await passTurns(2)
    expect(client.received).not.toContain('second')
    store.release('change')
    expect(parseResponse(await client.untilClosed()).body).toBe('first;second;third')
    expect(store.calls).toEqual(['insert', 'change'])
  })

  test('is kept in a session that has its cookie, which stays as it is', async () => {
    const warnings = collectWarnings()
    const { port, sessions } = await startApp({
      store: new ControlledStore(),
      async handler(req, res) {
        if (req.url === '/begin') {
          req.session.set('n', 1)
          res.end()
          return
        }
        res.write('a')
        await passTurns(2)
        req.session.set('n', 2)
        res.end('b')
      },
    })
    const cookie = sessionCookie(await fetchRaw(port, '/begin')) ?? ''
    const response = await fetchRaw(port, '/', { headers: { Cookie: cookie } })
    expect(response.body).toBe('ab')
    expect(valuesOf(response, 'Set-Cookie')).toEqual([])
    expect(await sessions.get(cookie.slice('sid='.length))).toEqual({ n: 2 })
    expect(warnings).toEqual([])
  })

  test.each([
    ['a session that begins', false, (req) => req.session.set('n', 2)],
    [
      'a new id',
      true,
      (req) => {
        req.session.set('n', 2)
        req.session.regenerateId()
      },
    ],
  ] as readonly [string, boolean, Handler][])(
    'that needs a cookie is logged as a warning, and the response arrives: %s',
    async (_name, begun, act) => {
      const warnings = collectWarnings()
      const store = new ControlledStore()
      const { port, sessions } = await startApp({
        store,
        async handler(req, res, next) {
          if (req.url === '/begin') {
            req.session.set('n', 1)
            res.end()
            return
          }
          res.write('a')
          await passTurns(2)
          act(req, res, next)
          res.write('b')
          res.end('c')
        },
      })
      const cookie = begun ? (sessionCookie(await fetchRaw(port, '/begin')) ?? '') : ''
      const response = await fetchRaw(port, '/', { headers: { Cookie: cookie } })
      expect(response).toMatchObject({ status: 200, body: 'abc', whole: true })
      expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_COOKIE_AFTER_HEADERS'])
      // The id that the client has goes on to work, and the data is saved.
      if (begun) expect(await sessions.get(cookie.slice('sid='.length))).toEqual({ n: 2 })
      else expect(store.memory.size).toBe(0)
    },
  )

  test('ends a session at once, though its cookie cannot be cleared any more', async () => {
    const { port, sessions } = await startApp({
      store: new ControlledStore(),
      kind: express5,
      handler(req, res) {
        if (req.url === '/begin') req.session.set('n', 1)
        else {
          res.write('bye')
          req.session.destroy()
        }
        res.end()
      },
    })
    const cookie = sessionCookie(await fetchRaw(port, '/begin')) ?? ''
    expect(await fetchRaw(port, '/', { headers: { Cookie: cookie } })).toMatchObject({ body: 'bye', whole: true })
    expect(await sessions.get(cookie.slice('sid='.length))).toBeUndefined()
  })
})
