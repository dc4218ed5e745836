import { Readable } from 'node:stream'
import express from 'express'
import express4 from 'express4'
import { sessionMiddleware } from '../../lib'
import { listen, startApp, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { fetchRaw, sessionCookie } from '../support/raw-client'
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
  ])('have req.session as a property of their own, and one listener sees to that: %s', async (_name, create) => {
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
    expect(server.listenerCount('request')).toBe(2)
  })

  test('have their sessions when the listener is taken off, each time anew', async () => {
    const { port, server } = await startApp({
      kind: express5,
      handler: (req, res) => res.end(String(req.session.size)),
    })
    for (let i = 0; i < 6; i++) {
      expect((await fetchRaw(port)).body).toBe('0')
      const app = server.listeners('request').at(-1) as () => void
      server.removeAllListeners('request').on('request', app)
    }
    expect((await fetchRaw(port)).body).toBe('0')
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
