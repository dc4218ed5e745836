import { writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { passTurns, startApp, stopApps } from '../support/app'
import { type ControlledStore, holdingStore } from '../support/controlled-store'
import { type Handler, type ServerKind, serverKinds } from '../support/server-kinds'
import { parseResponse, RawClient, sessionCookie } from '../support/raw-client'

const directory = mkdtempSync(join(tmpdir(), 'holdfast-http-'))
const file = join(directory, 'page.txt')
writeFileSync(file, 'a file')

afterEach(stopApps)
afterAll(() => rmSync(directory, { recursive: true }))

interface Way {
  readonly respond: Handler
  readonly status?: number
  readonly body?: string
  readonly method?: string
}

/** Every way in which Node lets a handler respond. */
const plainWays: Record<string, Way> = {
  'end with nothing': { respond: (_req, res) => res.end(), body: '' },
  'end with a text': { respond: (_req, res) => res.end('hello') },
  'end with bytes': { respond: (_req, res) => res.end(Buffer.from('hello')) },
  'end with an encoding': { respond: (_req, res) => res.end('68656c6c6f', 'hex') },
  'end with a callback alone': { respond: (_req, res) => res.end(() => undefined), body: '' },
  'end with a text and a callback': { respond: (_req, res) => res.end('hello', () => undefined) },
  'end twice': { respond: (_req, res) => void res.end('hello').end() },
  'end after a while': { respond: (_req, res) => setTimeout(() => res.end('hello'), 2) },
  'write, then end': { respond: (_req, res) => (res.write('hel'), res.end('lo')) },
  'write, and end later': { respond: (_req, res) => (res.write('hel'), setTimeout(() => res.end('lo'), 2)) },
  'writeHead alone': { respond: (_req, res) => res.writeHead(201).end('hello'), status: 201 },
  'writeHead with headers': { respond: (_req, res) => res.writeHead(201, { 'X-A': '1' }).end('hello'), status: 201 },
  'writeHead with a flat array': { respond: (_req, res) => res.writeHead(201, ['X-A', '1']).end('hello'), status: 201 },
  'writeHead with a message': { respond: (_req, res) => res.writeHead(201, 'Fine').end('hello'), status: 201 },
  'writeHead with a message and headers': {
    respond: (_req, res) => res.writeHead(201, 'Fine', { 'X-A': '1' }).end('hello'),
    status: 201,
  },
  'writeHeader, its old name': { respond: (_req, res) => (res['writeHeader'](201), res.end('hello')), status: 201 },
  flushHeaders: { respond: (_req, res) => (res.flushHeaders(), res.end('hello')) },
  'pipe from a stream': { respond: (_req, res) => Readable.from(['hel', 'lo']).pipe(res) },
  'stream.pipeline': { respond: (_req, res) => pipeline(Readable.from(['hel', 'lo']), res) },
  'an async iterator': {
    respond: (_req, res) =>
      pipeline(async function* () {
        yield 'hel'
        await passTurns(1)
        yield 'lo'
      }, res),
  },
  HEAD: { respond: (_req, res) => res.end('hello'), method: 'HEAD', body: '' },
  '204': { respond: (_req, res) => res.writeHead(204).end(), status: 204, body: '' },
  '304': { respond: (_req, res) => ((res.statusCode = 304), res.end()), status: 304, body: '' },
  'corked writes': { respond: (_req, res) => (res.cork(), res.write('hel'), res.write('lo'), res.uncork(), res.end()) },
}

const expressWays: Record<string, Way> = {
  send: { respond: (_req, res) => res['send']('hello') },
  json: { respond: (_req, res) => res['json']({ a: 1 }), body: '{"a":1}' },
  redirect: { respond: (_req, res) => res['redirect']('/there'), status: 302, body: 'Found. Redirecting to /there' },
  sendStatus: { respond: (_req, res) => res['sendStatus'](202), status: 202, body: 'Accepted' },
  sendFile: { respond: (_req, res) => res['sendFile'](file), body: 'a file' },
  download: { respond: (_req, res) => res['download'](file), body: 'a file' },
  'send to HEAD': { respond: (_req, res) => res['send']('hello'), method: 'HEAD', body: '' },
}

describe.each(serverKinds)('no byte leaves before the session is stored: $name', (kind) => {
  const ways = kind.name.startsWith('Express') ? { ...plainWays, ...expressWays } : plainWays

  test.each(Object.entries(ways))('%s', async (_name, way) => {
    const { client, store } = await ask(kind, way)
    await store.asked('insert')
    await passTurns()
    expect(client.received).toBe('')
    expect(store.log).toEqual(['insert'])

    store.release('insert')
    const response = parseResponse(await client.untilClosed(), way.method)
    expect(response).toMatchObject({ status: way.status ?? 200, body: way.body ?? 'hello', whole: true })
    expect(sessionCookie(response)).toMatch(/^sid=/)
  })
})

test('no byte of a response is sent before its session is stored, whichever command the change needs', async () => {
  const store = holdingStore()
  const { port } = await startApp({
    store,
    handler: (req, res) => {
      if (req.url === '/out') req.session.destroy()
      else req.session.set('n', Number(req.session.get('n') ?? 0) + 1)
      res.end('done')
    },
  })
  let cookie = ''
  for (const [path, call] of [
    ['/', 'insert'],
    ['/', 'change'],
    ['/out', 'delete'],
  ] as const) {
    store.hold(call)
    const asked = store.asked(call)
    const client = await RawClient.open(port)
    client.get(path, { Connection: 'close', Cookie: cookie })
    await asked
    await passTurns()
    expect(client.received).toBe('')
    store.release(call)
    const response = parseResponse(await client.untilClosed())
    expect(response.body).toBe('done')
    cookie = sessionCookie(response) ?? cookie
  }
})

test('clean sessions wait for nothing, though every write of the store hangs', async () => {
  const store = holdingStore()
  const { port } = await startApp({
    store,
    timeouts: { idle: 60 },
    handler: (req, res) => {
      if (req.url === '/set') req.session.set('user', { name: 'ada' })
      else req.session.get('user')
      res.end('read')
    },
  })
  store.release('insert')
  const first = await RawClient.open(port)
  first.get('/set', { Connection: 'close' })
  const cookie = sessionCookie(parseResponse(await first.untilClosed())) ?? ''

  store.fail('change', 'hang')
  const reader = await RawClient.open(port)
  reader.get('/', { Connection: 'close', Cookie: cookie })
  expect(parseResponse(await reader.untilClosed()).body).toBe('read')
  const stranger = await RawClient.open(port)
  stranger.get('/', { Connection: 'close' })
  expect(parseResponse(await stranger.untilClosed()).body).toBe('read')
  expect(store.calls).toEqual(['insert', 'load'])
})

async function ask(kind: ServerKind, way: Way): Promise<{ client: RawClient; store: ControlledStore }> {
  const store = holdingStore()
  const { port } = await startApp({
    kind,
    store,
    handler(req, res, next) {
      req.session.set('user', 'ada')
      return way.respond(req, res, next)
    },
  })
  const client = await RawClient.open(port)
  client.get('/', { Connection: 'close' }, way.method)
  return { client, store }
}
