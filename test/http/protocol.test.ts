import { once } from 'node:events'
import { connect as connectHttp2, createServer as createHttp2Server, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { sessionMiddleware } from '../../lib'
import { passTurns, startApp, stopApps } from '../support/app'
import { ControlledStore, holdingStore } from '../support/controlled-store'
import { type Handler, serverKinds } from '../support/server-kinds'
import { parseResponse, RawClient, sessionCookie, valuesOf } from '../support/raw-client'
import { collectWarnings } from '../support/warnings'

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

const change: Handler = (req, res) => {
  req.session.set('path', req.url)
  res.end(`response to ${req.url};`)
}

describe.each(serverKinds)('what HTTP allows: $name', (kind) => {
  test('pipelined requests on a connection get their responses in their order', async () => {
    const store = holdingStore()
    const { port } = await startApp({
      kind,
      store,
      handler(req, res, next) {
        if (req.url === '/clean') return res.end('response to /clean;')
        return change(req, res, next)
      },
    })
    const client = await RawClient.open(port)
    const asked = store.asked('insert')
    for (const path of ['/1', '/clean', '/2', '/3']) client.get(path)
    await asked
    await passTurns()
    expect(client.received).toBe('')
    store.release('insert')
    const received = await client.until((text) => text.includes('response to /3;'))
    expect([...received.matchAll(/response to (.*?);/g)].map(([, path]) => path)).toEqual(['/1', '/clean', '/2', '/3'])
    expect([...received.matchAll(/Set-Cookie: sid=/g)]).toHaveLength(3)
    // The connection goes on.
    client.get('/4', { Connection: 'close' })
    expect(await client.untilClosed()).toContain('response to /4;')
  })

  test('a failing save in the middle of them leaves the others alone', async () => {
    const store = new ControlledStore()
    const { port } = await startApp({
      kind,
      store,
      handler(req, res, next) {
        if (req.url === '/2') store.fail('insert', 'throw')
        void change(req, res, next)
        store.mend()
      },
    })
    const client = await RawClient.open(port)
    for (const path of ['/1', '/2', '/3']) client.get(path)
    const received = await client.until((text) => text.includes('response to /3;'))
    expect(received).toMatch(
      /^HTTP\/1.1 200 .*response to \/1;HTTP\/1.1 503 .*sorry: STORE_UNAVAILABLEHTTP\/1.1 200 .*response to \/3;$/s,
    )
    client.close()
  })

  test('HTTP/1.0, with and without a length', async () => {
    const { port } = await startApp({
      kind,
      store: new ControlledStore(),
      async handler(req, res) {
        req.session.set('n', 1)
        if (req.url === '/parts') res.write('in ')
        await passTurns(1)
        res.end('whole')
      },
    })
    for (const [path, body] of [
      ['/', 'whole'],
      ['/parts', 'in whole'],
    ] as const) {
      const client = await RawClient.open(port)
      client.send(`GET ${path} HTTP/1.0\r\n\r\n`)
      const response = parseResponse(await client.untilClosed())
      expect(response).toMatchObject({ status: 200, body, whole: true })
      expect(valuesOf(response, 'Transfer-Encoding')).toEqual([])
      expect(sessionCookie(response)).toBeDefined()
    }
  })

  test('a request that asks for leave to send its body gets it at once', async () => {
    const store = holdingStore()
    const { port } = await startApp({
      kind,
      store,
      async handler(req, res) {
        req.session.set('n', 1)
        let body = ''
        for await (const chunk of req) body += String(chunk)
        res.end(`got ${body}`)
      },
    })
    const client = await RawClient.open(port)
    client.send(
      'POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n',
    )
    await client.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n')
    const asked = store.asked('insert')
    client.send('body')
    await asked
    store.release('insert')
    expect(parseResponse(await client.untilClosed())).toMatchObject({ status: 200, body: 'got body' })
  })

  test('early hints, and leave to go on, are not held: they carry no session', async () => {
    const store = holdingStore()
    const { port } = await startApp({
      kind,
      store,
      handler(req, res) {
        req.session.set('n', 1)
        res.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' })
        res.writeProcessing()
        res.writeContinue()
        res.end('held')
      },
    })
    const client = await RawClient.open(port)
    client.get('/', { Connection: 'close' })
    await store.asked('insert')
    const interim =
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload; as=style\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n'
    await client.until((text) => text.length >= interim.length)
    await passTurns(2)
    expect(client.received).toBe(interim)
    store.release('insert')
    const response = parseResponse(await client.untilClosed())
    expect(response).toMatchObject({ status: 200, body: 'held', whole: true })
    expect(sessionCookie(response)).toBeDefined()
  })

  test.each(['while the response is held', 'before the handler responds'])(
    'a client that leaves %s: what was changed is stored',
    async (name) => {
      const store = new ControlledStore()
      store.hold('insert')
      const events: string[] = []
      let left: () => void = () => undefined
      const closed = new Promise<void>((resolve) => {
        left = resolve
      })
      const { port } = await startApp({
        kind,
        store,
        async handler(req, res) {
          req.session.set('n', 1)
          for (const event of ['finish', 'close']) res.on(event, () => events.push(event))
          res.on('close', left)
          if (name.startsWith('before')) await closed
          res.write('x')
          res.end('y')
        },
      })
      const client = await RawClient.open(port)
      const asked = store.asked('insert')
      client.get('/')
      if (name.startsWith('before')) {
        await passTurns(3)
        client.close()
        await asked
      } else {
        await asked
        client.close()
        await closed
      }
      store.release('insert')
      await passTurns()
      expect(store.memory.size).toBe(1)
      expect(events).toEqual(['close'])
    },
  )
})

test('a server that closes sends held responses first', async () => {
  const store = holdingStore()
  const { port, server } = await startApp({ store, handler: change })
  const client = await RawClient.open(port)
  client.get('/', { Connection: 'close' })
  await store.asked('insert')
  server.close()
  await passTurns()
  expect(client.closed).toBe(false)
  store.release('insert')
  expect(parseResponse(await client.untilClosed())).toMatchObject({ status: 200, whole: true })
})

test('the response to an upgrade without a listener is held as any other', async () => {
  const store = holdingStore()
  const { port } = await startApp({ store, handler: change })
  const client = await RawClient.open(port)
  client.get('/', { Connection: 'Upgrade', Upgrade: 'nothing' })
  await store.asked('insert')
  await passTurns(2)
  expect(client.received).toBe('')
  store.release('insert')
  await client.until((text) => text.includes('response to /;'))
  client.close()
})

describe('HTTP/2', () => {
  interface Http2Response {
    readonly status: unknown
    readonly headers: Record<string, unknown>
    readonly body: string
  }

  async function withServer(
    store: ControlledStore,
    handler: Handler,
    run: (ask: (path: string) => Promise<Http2Response>) => Promise<void>,
  ): Promise<void> {
    const sessions = sessionMiddleware({ store })
    const server: Http2Server = createHttp2Server((req, res) => {
      sessions(req as never, res as never, (error) => {
        if (error === undefined) return void handler(req as never, res as never, () => undefined)
        res.statusCode = error.status
        res.end(error.code)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    try {
      await run(async (path) => {
        const stream = client.request({ ':path': path })
        let [body, headers]: [string, Record<string, unknown>] = ['', {}]
        stream.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
        stream.on('response', (received) => (headers = received))
        await once(stream, 'close')
        return { status: headers[':status'], headers, body }
      })
    } finally {
      client.destroy()
      server.close()
    }
  }

  const ways: Record<string, Handler> = {
    end: (_req, res) => res.end('hello'),
    write: (_req, res) => (res.write('hel'), res.end('lo')),
    writeHead: (_req, res) => res.writeHead(200, { 'x-a': '1', 'set-cookie': ['a=1'] }).end('hello'),
    flushHeaders: (_req, res) => (res.flushHeaders(), res.end('hello')),
    'headers after the head': (_req, res) => {
      res.write('hel')
      expect(res.headersSent).toBe(true)
      expect(() => res.setHeader('x', '1')).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/HEADERS_SENT$/) }),
      )
      expect(() => res.writeHead(200)).toThrow()
      res.end('lo')
    },
  }

  test.each(Object.entries(ways))('%s', async (_way, way) => {
    const warnings = collectWarnings()
    for (const delay of [0, undefined]) {
      const store = new ControlledStore()
      store.delay = delay
      const handler: Handler = (req, res, next) => {
        req.session.set('n', 1)
        way(req, res, next)
      }
      await withServer(store, handler, async (ask) => {
        const response = await ask('/')
        expect(response).toMatchObject({ status: 200, body: 'hello' })
        expect(response.headers['set-cookie']).toContainEqual(expect.stringMatching(/^sid=/))
        expect(response.headers['cache-control']).toBe('no-store')
        expect(store.log).toEqual(['insert', 'insert done'])
      })
    }
    expect(warnings).toEqual([])
  })

  test('a save that fails', async () => {
    const emitted = jest.spyOn(process, 'emitWarning')
    for (const fault of ['reject', 'throw'] as const) {
      const store = new ControlledStore()
      store.fail('insert', fault)
      await withServer(store, change, async (ask) => {
        expect(await ask('/')).toMatchObject({ status: 503, body: 'STORE_UNAVAILABLE' })
      })
    }
    expect(emitted).not.toHaveBeenCalled()
  })
})
