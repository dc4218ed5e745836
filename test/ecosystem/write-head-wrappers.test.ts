import { Writable } from 'node:stream'
import type { RequestHandler } from '../../lib'
import { stopApps } from '../support/app'
import type { TestResponse } from '../support/server-kinds'
import { fetchRaw } from '../support/raw-client'
import {
  entryPointNames,
  expectSameAsBare,
  expresses,
  type MakeApp,
  startBare,
  startWithSessions,
  storeSpeeds,
} from './beside-bare'

const onHeaders = jest.requireActual<(res: unknown, listener: () => void) => void>('on-headers')
const morgan = jest.requireActual<(format: string, options: object) => RequestHandler>('morgan')
const helmet = jest.requireActual<() => RequestHandler>('helmet')

afterEach(stopApps)

const sends: Record<string, (res: TestResponse) => void> = {
  end: (res) => res.end('hello'),
  'write, end': (res) => (res.write('hel'), void res.end('lo')),
  'flushHeaders, end': (res) => (res.flushHeaders(), void res.end('hello')),
  'writeHead, end': (res) => (res.writeHead(201, { 'X-Own': 'yes' }), void res.end('hello')),
  'send of Express': (res) => void res['send']('hello'),
  redirect: (res) => void res['redirect']('/elsewhere'),
  'an end without a body': (res) => void res['status'](204).end(),
}
type Order = readonly ('wrapper' | 'sessions' | 'change')[]
const orders: readonly (readonly [string, Order])[] = [
  ['before the sessions', ['wrapper', 'sessions', 'change']],
  ['after the sessions', ['sessions', 'wrapper', 'change']],
  ['after the session was changed', ['sessions', 'change', 'wrapper']],
]

/** What happened, in its order, with what `headersSent` said. */
function appOf(create: () => any, order: Order, send: (res: TestResponse) => void, log: string[]): MakeApp {
  return ({ sessions, change }) => {
    const app = create()
    const wrapper: RequestHandler = (_req, res, next) => {
      onHeaders(res, () => {
        log.push(`head ${(res as TestResponse).statusCode}`)
        res.setHeader('X-Wrapper', 'was here')
      })
      const { writeHead } = res
      res.writeHead = function (...args: any[]) {
        log.push('writeHead')
        return writeHead.apply(res, args as never)
      } as typeof writeHead
      next()
    }
    for (const one of order) app.use({ wrapper, sessions, change }[one])
    app.use((_req: unknown, res: TestResponse) => {
      log.push('handler')
      send(res)
      log.push(`responded ${res.headersSent} ${res.writableEnded}`)
    })
    return app
  }
}

describe.each(expresses)(
  'what wraps writeHead runs at the same moment, and as often, as on bare %s',
  (_name, create) => {
    describe.each(orders)('mounted %s', (_order, order) => {
      describe.each(Object.entries(sends))('%s', (_send, send) => {
        test.each(storeSpeeds)('%s', async (_speed, delay) => {
          const [expected, log]: [string[], string[]] = [[], []]
          const bare = await startBare(appOf(create, order, send, expected))
          for (const entryPoint of entryPointNames) {
            const { port: ours } = await startWithSessions(appOf(create, order, send, log), delay, entryPoint)
            // The first response of an Express is wrapped before our methods stand on its prototype.
            await fetchRaw(ours)
            await fetchRaw(bare)
            log.length = expected.length = 0
            const [response, wanted] = [await fetchRaw(ours), await fetchRaw(bare)]
            expect(log).toEqual(expected)
            expect(response.headers.filter(([name]) => name === 'X-Wrapper')).toHaveLength(1)
            expect([response.status, response.body, response.whole]).toEqual([wanted.status, wanted.body, wanted.whole])
          }
        })
      })
    })
  },
)

describe.each(expresses)('%s', (_name, create) => {
  test.each(storeSpeeds)('morgan logs the line that it logs without sessions: %s', async (_speed, delay) => {
    const app =
      (lines: string[]): MakeApp =>
      ({ sessions, change }) => {
        const stream = new Writable({
          write(line, _encoding, done) {
            lines.push(String(line))
            done()
          },
        })
        return create()
          .use(morgan(':method :url :status :res[content-length]', { stream }), sessions, change)
          .use((_req: unknown, res: TestResponse) => res['send']('hello'))
      }
    const expected: string[] = []
    await fetchRaw(await startBare(app(expected)), '/x')
    for (const entryPoint of entryPointNames) {
      const lines: string[] = []
      await fetchRaw((await startWithSessions(app(lines), delay, entryPoint)).port, '/x')
      expect(lines).toEqual(expected)
      expect(lines).toEqual(['GET /x 200 5\n'])
    }
  })

  test.each(storeSpeeds)('helmet: the response is that of bare Express, byte by byte: %s', async (_speed, delay) => {
    for (const before of [true, false]) {
      const app: MakeApp = ({ sessions, change }) => {
        const stack = before ? [helmet(), sessions, change] : [sessions, change, helmet()]
        return create()
          .use(...stack)
          .use((_req: unknown, res: TestResponse) => res['json']({ hello: 'world' }))
      }
      await expectSameAsBare(app, delay)
    }
  })
})
