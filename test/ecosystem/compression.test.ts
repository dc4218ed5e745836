import compression from 'compression'
import type { RequestHandler } from '../../lib'
import { stopApps } from '../support/app'
import type { TestResponse } from '../support/server-kinds'
import { fetchRaw, valuesOf } from '../support/raw-client'
import {
  entryPointNames,
  expectSameAsBare,
  expresses,
  type MakeApp,
  startWithSessions,
  storeSpeeds,
} from './beside-bare'

afterEach(stopApps)

type Send = (res: TestResponse) => unknown
const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2))
const chunk = 'line of a text that compresses\n'.repeat(2000)

const streams: Record<string, Send> = {
  'flushHeaders, then events one by one': async (res) => {
    res['type']('text/event-stream')
    res.flushHeaders()
    for (let i = 0; i < 3; i++) {
      res.write(`data: ${i}\n\n`)
      res['flush']()
      await nextTurn()
    }
    res.end()
  },
  'flushHeaders, then all at once': (res) => {
    res['type']('text')
    res.flushHeaders()
    res.write('one, ')
    res.end('two')
  },
  'flushHeaders, then a stream that waits for drain': async (res) => {
    res['type']('text')
    res.flushHeaders()
    for (let i = 0; i < 20; i++) if (!res.write(chunk)) await new Promise((resolve) => res.once('drain', resolve))
    res.end()
  },
  'no flushHeaders': (res) => {
    res['type']('text')
    res.write('one, ')
    res.end('two')
  },
  'one end': (res) => res['send']('hello'),
}

type Order = (app: any, gzip: RequestHandler, sessions: RequestHandler, change: RequestHandler) => void
const orders: Record<string, Order> = {
  'before the sessions': (app, gzip, sessions, change) => app.use(gzip, sessions, change),
  'after the sessions': (app, gzip, sessions, change) => app.use(sessions, gzip, change),
  'after the session was changed': (app, gzip, sessions, change) => app.use(sessions, change, gzip),
}

function appOf(create: () => any, order: Order, send: Send): MakeApp {
  return ({ sessions, change }) => {
    const app = create()
    order(app, compression({ threshold: 0 }) as unknown as RequestHandler, sessions, change)
    app.use((_req: unknown, res: TestResponse) => void send(res))
    app.use((error: any, _req: unknown, res: TestResponse, _next: unknown) => {
      res['status'](error.status ?? 500).type('text')
      res['send'](`sorry: ${error.code}`)
    })
    return app
  }
}

describe.each(expresses)('compression on %s', (_express, create) => {
  describe.each(Object.entries(orders))('mounted %s', (_order, order) => {
    describe.each(Object.entries(streams))('%s', (_stream, send) => {
      test.each(storeSpeeds)('the response is that of bare Express with %s', async (_name, delay) => {
        await expectSameAsBare(appOf(create, order, send), delay, '/', { 'Accept-Encoding': 'gzip' })
      })

      test.each(storeSpeeds)('the error page is whole when the save fails: %s', async (_name, delay) => {
        for (const entryPoint of entryPointNames) {
          const { port, fail } = await startWithSessions(appOf(create, order, send), delay, entryPoint)
          fail()
          const response = await fetchRaw(port, '/', { headers: { 'Accept-Encoding': 'gzip' } })
          expect(response).toMatchObject({ status: 503, body: 'sorry: STORE_UNAVAILABLE', whole: true })
          expect(valuesOf(response, 'Content-Encoding')).toEqual([])
        }
      })
    })
  })
})
