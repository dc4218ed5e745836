import { login, logout } from '../../lib'
import { passTurns, startApp, stopApps, type TestApp } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { type Handler, type ServerKind, serverKinds } from '../support/server-kinds'
import { fetchRaw, parseResponse, type RawResponse, RawClient, sessionCookie, valuesOf } from '../support/raw-client'
import { collectWarnings } from '../support/warnings'

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

/** How a session ends while a request of it is under way. */
const ends: Record<string, (app: TestApp, cookie: string, store: ControlledStore) => unknown> = {
  'a logout elsewhere': (app, cookie) => fetchRaw(app.port, '/out', { headers: { Cookie: cookie } }),
  'a login elsewhere': (app, cookie) => fetchRaw(app.port, '/in', { headers: { Cookie: cookie } }),
  'sessions.delete': (app, cookie) => app.sessions.delete(cookie.slice('sid='.length)),
  'sessions.users.deleteAll': (app) => app.sessions.users.deleteAll('ada'),
  'its time': () => {
    time += 1000
  },
}

/** What the request under way does to it. */
const acts: Record<string, Handler> = {
  'a change': (req) => req.session.set('late', 1),
  'a flash message': (req) => req.session.flash('late', 1),
  'a new id': (req) => req.session.regenerateId(),
  'an object changed in place': (req) => (req.session.get('cart') as unknown[]).push(1),
  nothing: () => undefined,
}

let time = 0
beforeEach(() => {
  collectWarnings()
  time = 1_000_000
})

interface Slow {
  readonly app: TestApp
  readonly store: ControlledStore
  readonly cookie: string
  /** Starts a request that waits between its first bytes, or before them. */
  start(streams: boolean): Promise<{ finish: () => Promise<RawResponse> }>
}

async function begin(kind: ServerKind, act: Handler): Promise<Slow> {
  const store = new ControlledStore()
  let arrive: () => void = () => undefined
  let go: () => void = () => undefined
  const app = await startApp({
    kind,
    store,
    sessionTtl: 100,
    clock: () => time,
    async handler(req, res, next) {
      if (req.url === '/begin') {
        login(req, 'ada')
        req.session.set('cart', [0])
      } else if (req.url === '/in') login(req, 'ada')
      else if (req.url === '/out') logout(req)
      else {
        if (req.url === '/stream') res.write('first ')
        const mayContinue = new Promise<void>((resolve) => {
          go = resolve
        })
        arrive()
        await mayContinue
        act(req, res, next)
      }
      res.end('done')
    },
  })
  const cookie = sessionCookie(await fetchRaw(app.port, '/begin')) ?? ''
  return {
    app,
    store,
    cookie,
    async start(streams) {
      const arrived = new Promise<void>((resolve) => {
        arrive = resolve
      })
      const client = await RawClient.open(app.port)
      client.get(streams ? '/stream' : '/', { Connection: 'close', Cookie: cookie })
      await arrived
      const release = go
      return {
        async finish() {
          release()
          return parseResponse(await client.untilClosed())
        },
      }
    },
  }
}

describe.each(serverKinds)('a session that ended is not written to by a request in flight: $name', (kind) => {
  describe.each(Object.entries(ends))('%s', (_end, end) => {
    test.each(Object.entries(acts))('%s', async (_act, act) => {
      const { app, store, cookie, start } = await begin(kind, act)
      const [slow, stream] = [await start(false), await start(true)]
      await end(app, cookie, store)
      for (const { finish } of [slow, stream]) {
        const response = await finish()
        expect(response).toMatchObject({ status: 200, body: expect.stringMatching(/^(first )?done$/), whole: true })
        expect(valuesOf(response, 'Set-Cookie')).toEqual([])
        await passTurns(1)
      }
      expect(await app.sessions.get(cookie.slice('sid='.length))).toBeUndefined()
      expect(app.errors).toEqual([])
      for (const [, record] of store.memory.list('ada', time)) expect(record.epoch).toBe(1)
    })
  })
})
