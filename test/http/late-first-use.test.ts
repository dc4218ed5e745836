import { Readable } from 'node:stream'
import express from 'express'
import express4 from 'express4'
import { sessionMiddleware } from '../../lib'
import { listen, startApp, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { fetchRaw, valuesOf, sessionCookie } from '../support/raw-client'
import { express5, serverKinds, type TestRequest, type TestResponse } from '../support/server-kinds'

afterEach(stopApps)

const errorPage = 'E'.repeat(300_000)

function endless(): Readable {
  return new Readable({
    read() {
      setImmediate(() => this.push('a'.repeat(20_000)))
    },
  })
}

describe.each(serverKinds)('on $name, a session that is first used late', (kind) => {
  test('is stored before the response leaves when a wrapper took the methods of the response first', async () => {
    const store = new ControlledStore()
    store.hold('insert')
    const heads: string[] = []
    const { port } = await startApp({
      kind,
      store,
      after: [
        (_req, res, next) => {
          const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => typeof res
          res.writeHead = (...args: unknown[]) => {
            heads.push('made')
            return writeHead(...args)
          }
          next()
        },
      ],
      handler(req, res) {
        res.setHeader('X-Own', '1')
        req.session.set('n', 1)
        res.end('stored')
      },
    })
    const fetched = fetchRaw(port)
    await store.asked('insert')
    expect(heads).toEqual(['made'])
    store.release('insert')
    const response = await fetched
    expect(response.body).toBe('stored')
    expect(sessionCookie(response)).toBeDefined()
    expect(heads).toEqual(['made'])
  })

  test('does not take a stream that was piped into the response before with it when the save fails', async () => {
    const store = new ControlledStore()
    store.fail('insert', 'reject')
    const source = endless()
    let listeners: number | undefined
    const { port } = await startApp({
      kind,
      store,
      onError(_error, _req, res) {
        listeners = source.listenerCount('data')
        res.statusCode = 503
        Readable.from([errorPage.slice(0, 150_000), errorPage.slice(150_000)]).pipe(res)
      },
      handler(req, res) {
        source.pipe(res)
        req.session.set('n', 1)
      },
    })
    const response = await fetchRaw(port)
    expect([response.status, response.whole, response.body === errorPage]).toEqual([503, true, true])
    expect(listeners).toBe(0)
  })
})

describe('the requests of a server that has met the middleware', () => {
  test.each([
    ['Express 5', express],
    ['Express 4', express4 as unknown as typeof express],
  ])('have req.session as a property of their own, and no listener is added for that: %s', async (_name, create) => {
    const own: boolean[] = []
    const app = create()
    app.use((req, _res, next) => {
      own.push(Object.hasOwn(req, 'session'))
      next()
    })
    app.use(sessionMiddleware(), (req, res) => res.json(req.session.size))
    const { port, server } = await listen(app)
    for (let i = 0; i < 5; i++) expect((await fetchRaw(port)).body).toBe('0')
    expect(own).toEqual([false, true, true, true, true])
    expect(server.listenerCount('request')).toBe(1)
  })

  test('have their sessions when code of others replaces emit of the server, or puts it back', async () => {
    const { port, server } = await startApp({
      kind: express5,
      handler: (req, res) => res.end(String(req.session.size)),
    })
    const events: string[] = []
    const emit = server.emit.bind(server)
    for (let i = 0; i < 6; i++) {
      expect((await fetchRaw(port)).body).toBe('0')
      if (i % 2 === 0) Reflect.deleteProperty(server, 'emit')
      else server.emit = (event: string, ...args: unknown[]) => events.push(event) > 0 && emit(event, ...args)
    }
    expect((await fetchRaw(port)).body).toBe('0')
    expect(events).toContain('request')
  })

  test('reach a listener that code of others has put around the only one, after the first request', async () => {
    const { port, server } = await startApp({
      kind: express5,
      handler: (req, res) => res.end(String(req.session.size)),
    })
    expect((await fetchRaw(port)).body).toBe('0')
    const [app] = server.listeners('request')
    server.removeAllListeners('request').on('request', (req, res) => {
      res.setHeader('x-wrapped', '1')
      app?.(req, res)
    })
    for (let i = 0; i < 3; i++) {
      const response = await fetchRaw(port)
      expect([response.body, valuesOf(response, 'x-wrapped')]).toEqual(['0', ['1']])
    }
  })

  test('reach the app as they are when they are emitted by hand and take no properties', async () => {
    const { port, server } = await startApp({
      kind: express5,
      handler: (req, res) => res.end(String(req.session.size)),
    })
    expect((await fetchRaw(port)).body).toBe('0')
    const seen: unknown[] = []
    server.removeAllListeners('request').on('request', (...args: unknown[]) => void seen.push(...args))
    const frozen = Object.freeze({})
    for (const args of [[], [null, null], [1, 'a'], [frozen, frozen]]) server.emit('request', ...args)
    expect(seen).toEqual([null, null, 1, 'a', frozen, frozen])
  })

  test('leave req.session to other middleware on paths without ours', async () => {
    const app = express()
    app.use('/ours', sessionMiddleware())
    app.use((req: TestRequest, res: TestResponse) => {
      if (req['originalUrl'] === '/ours') return res['json'](req.session.size)
      const before = [req.session, Object.getOwnPropertyDescriptor(req, 'session')?.value]
      ;(req as { session: unknown }).session = { theirs: true }
      const { writable, enumerable, value } = Object.getOwnPropertyDescriptor(req, 'session') ?? {}
      return res['json']([before, writable, enumerable, value])
    })
    const { port } = await listen(app)
    expect((await fetchRaw(port, '/ours')).body).toBe('0')
    for (let i = 0; i < 2; i++) {
      expect(JSON.parse((await fetchRaw(port, '/theirs')).body)).toEqual([[null, null], true, true, { theirs: true }])
    }
    expect((await fetchRaw(port, '/ours')).body).toBe('0')
  })
})
