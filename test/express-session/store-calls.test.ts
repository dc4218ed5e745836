import ours from '../../lib/express-session'
import { passTurns, stopApps } from '../support/app'
import { ControlledExpressSessionStore, ControlledStore, faults, recordCalls } from '../support/controlled-store'
import { Browser, type CompatHandler, sidOf, startCompatApp } from '../support/express-session-app'
import { serverKinds } from '../support/server-kinds'
import { collectWarnings } from '../support/warnings'

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

const routes: Record<string, CompatHandler> = {
  nothing: () => true,
  count: (req) => (req.session.count = ((req.session.count as number | undefined) ?? 0) + 1),
  read: (req) => req.session.count ?? null,
  destroy: (req) =>
    new Promise((resolve) => req.session.destroy((error?: Error) => resolve(error?.message ?? 'ended'))),
  redirect(req, res) {
    req.session.seen = true
    res.statusCode = 302
    res.setHeader('Location', '/')
    res.end()
  },
  stream(req, res) {
    req.session.seen = true
    res.write('one ')
    res.write('two ')
    res.end('three')
  },
  leave(req, res) {
    req.session.destroy()
    res.end('bye')
  },
  renew(req, res) {
    req.session.regenerate()
    req.session.fresh = true
    res.end('renewed')
  },
  saved(req, res) {
    req.session.seen = true
    req.session.save()
    res.end('saved')
  },
}

/** The same sessions in either layout: which calls a read, a write and an end are. */
const controlled = [
  {
    name: 'in place',
    newStore: () => new ControlledExpressSessionStore(),
    load: 'get',
    create: 'set',
    change: ['get', 'set'],
    end: 'destroy',
  },
  {
    name: 'ours',
    newStore: () => new ControlledStore(),
    load: 'load',
    create: 'insert',
    change: ['change'],
    end: 'delete',
  },
] as const

describe.each(controlled)('$name', ({ newStore, load, create, change, end }) => {
  test('P8: no call without a cookie, one for a clean read, and those of one step for a change', async () => {
    const store = newStore()
    const app = await startCompatApp({ options: { store, cookie: { maxAge: 600_000 } }, routes })
    await app.get('/nothing')
    await app.get('/read')
    expect(store.takeCalls()).toEqual([])
    const browser = new Browser(app)
    await browser.get('/count')
    expect(store.takeCalls()).toEqual([create])
    await browser.get('/nothing')
    await browser.get('/read')
    expect(store.takeCalls()).toEqual([load, load])
    await browser.get('/count')
    expect(store.takeCalls()).toEqual([load, ...change])
    await browser.get('/destroy')
    expect(store.takeCalls()).toEqual([load, end])
  })

  test.each(serverKinds)('P1: not a byte leaves before the session is stored, on $name', async (kind) => {
    for (const path of ['/redirect', '/stream', '/saved', '/count']) {
      const store = newStore()
      const app = await startCompatApp({ kind, options: { store }, routes })
      const released = store.holdNext(create as never)
      let response: unknown
      const request = app.get(path).then((received) => (response = received))
      const release = await released
      await passTurns()
      expect(response).toBeUndefined()
      release()
      expect(await request).toMatchObject({ cookies: [expect.stringMatching(/^connect\.sid=s%3A/)] })
    }
  })

  test('P1: without a callback the response waits for destroy and regenerate, or reports their error', async () => {
    for (const path of ['/leave', '/renew']) {
      const store = newStore()
      const app = await startCompatApp({ options: { store }, routes })
      const browser = new Browser(app)
      await browser.get('/count')
      const released = store.holdNext(end as never)
      let response: unknown
      const request = app.get(path, browser.cookie).then((received) => (response = received))
      const release = await released
      await passTurns()
      expect(response).toBeUndefined()
      release()
      expect(await request).toMatchObject({ status: 200 })
      const other = new Browser(app)
      await other.get('/count')
      store.fail(end as never, 'reject')
      expect(await app.get(path, other.cookie)).toMatchObject({ status: 503, cookies: [] })
    }
  })

  test.each(faults)(
    'P2: a store whose write goes wrong (%s) gives 503 with the cause, and no cookie',
    async (fault) => {
      collectWarnings()
      for (const path of ['/redirect', '/stream', '/saved', '/count']) {
        const store = newStore()
        const app = await startCompatApp({ options: { store, storeTimeout: 0.05 }, routes })
        store.fail(create as never, fault)
        const { status, cookies, body } = await app.get(path)
        expect([path, status, cookies]).toEqual([path, 503, []])
        const isCut = fault === 'hang' || fault === 'late'
        expect(body).toBe(isCut ? 'sorry: STORE_TIMEOUT' : 'sorry: STORE_UNAVAILABLE')
        expect(app.errors).toHaveLength(1)
        if (!isCut) expect(app.errors[0].cause).toMatchObject({ message: 'the database is on fire' })
        store.mend()
        expect(await new Browser(app).json('/count')).toBe(1)
      }
    },
  )

  test.each(faults)('P2: a store that is away on load (%s) gives 503, never a session of a stranger', async (fault) => {
    const store = newStore()
    const app = await startCompatApp({ options: { store, storeTimeout: 0.05 }, routes })
    const browser = new Browser(app)
    await browser.get('/count')
    store.fail(load as never, fault)
    const { status, cookies } = await browser.get('/count')
    expect([status, cookies]).toEqual([503, []])
    expect((await app.get('/nothing')).status).toBe(200)
    store.mend()
    expect(await browser.json('/count')).toBe(2)
  })

  test("a callback is given the error, and the response is the app's to make", async () => {
    const store = newStore()
    const report =
      (method: string): CompatHandler =>
      (req) =>
        new Promise((resolve) =>
          req.session[method]((error: any) => resolve([error?.code ?? null, error?.status ?? null])),
        )
    const app = await startCompatApp({
      options: { store },
      routes: {
        ...routes,
        save: (req, ...rest) => ((req.session.a = 1), report('save')(req, ...rest)),
        destroys: report('destroy'),
        regenerates: report('regenerate'),
        reloads: report('reload'),
      },
    })
    const browser = new Browser(app)
    await browser.get('/count')
    for (const call of new Set([end, load, ...change])) store.fail(call as never, 'reject')
    store.mend()
    const failed = ['STORE_UNAVAILABLE', 503]
    store.fail(end as never, 'reject')
    expect(await browser.json('/destroys')).toEqual(failed)
    expect(await browser.json('/regenerates')).toEqual(failed)
    store.mend()
    expect(await browser.json('/save')).toEqual([null, null])
    expect(await browser.json('/reloads')).toEqual([null, null])
  })
})

test('P4: a write that hung does not revive a session that was destroyed meanwhile', async () => {
  collectWarnings()
  const store = new ControlledExpressSessionStore()
  const app = await startCompatApp({ options: { store, storeTimeout: 0.05 }, routes })
  const browser = new Browser(app)
  await browser.get('/count')
  const { cookie } = browser
  store.fail('set', 'late')
  expect((await app.get('/count', cookie)).status).toBe(503)
  expect(await browser.json('/destroy')).toBe('ended')
  store.mend()
  await passTurns()
  expect(store.kept.size).toBe(0)
  expect(JSON.parse((await app.get('/read', cookie)).body)).toBeNull()
})

describe('an access', () => {
  function setting(maxAge: number | undefined, extra: Record<string, unknown> = {}) {
    const calls: string[] = []
    const memory = new ours.MemoryStore()
    let turned = 0
    const { now } = Date
    jest.spyOn(Date, 'now').mockImplementation(() => now() + turned)
    const start = () =>
      startCompatApp({
        options: { store: recordCalls(memory, calls), cookie: { maxAge }, ...extra },
        routes: { ...routes, touch: (req) => (req.session.touch(), true) },
      })
    const endOf = (browser: Browser): number => {
      const { sessions } = memory as unknown as { sessions: Record<string, string> }
      return Date.parse(JSON.parse(sessions[sidOf(browser.cookie)] ?? '{}').cookie?.expires)
    }
    const take = async () => {
      await passTurns()
      return calls.splice(0).filter((call) => !['on', 'generate'].includes(call))
    }
    return { start, take, endOf, pass: (seconds: number) => (turned += seconds * 1000) }
  }

  test('is recorded behind the response when a twentieth of maxAge has passed, once', async () => {
    const { start, take, endOf, pass } = setting(600_000)
    const app = await start()
    const browser = new Browser(app)
    await browser.get('/count')
    const first = endOf(browser)
    await take()
    pass(29)
    await browser.get('/read')
    expect(await take()).toEqual(['get'])
    pass(2)
    await Promise.all([browser.get('/read'), browser.get('/read')])
    expect((await take()).filter((call) => call !== 'get')).toEqual(['touch'])
    expect(endOf(browser) - first).toBeGreaterThanOrEqual(31_000)
  })

  test('that another process has recorded is not recorded again', async () => {
    const { start, take, pass } = setting(600_000)
    const [one, other] = [await start(), await start()]
    const browser = new Browser(one)
    await browser.get('/count')
    await take()
    pass(29)
    await other.get('/read', browser.cookie)
    expect(await take()).toEqual(['get'])
  })

  test('is recorded at once and exactly by touch(), and by a write', async () => {
    const { start, take, endOf, pass } = setting(600_000)
    const browser = new Browser(await start())
    await browser.get('/count')
    const first = endOf(browser)
    await take()
    pass(5)
    await browser.get('/touch')
    expect(endOf(browser) - first).toBeGreaterThanOrEqual(5000)
    expect(await take()).toEqual(['get', 'get', 'touch'])
    pass(5)
    await browser.get('/count')
    expect(endOf(browser) - first).toBeGreaterThanOrEqual(10_000)
    expect(await take()).toEqual(['get', 'get', 'set'])
  })

  test('is recorded often enough for a store with a short lifetime of its own', async () => {
    const calls: string[] = []
    const store = Object.assign(new ours.MemoryStore(), { ttl: 40 })
    let turned = 0
    const { now } = Date
    jest.spyOn(Date, 'now').mockImplementation(() => now() + turned)
    const app = await startCompatApp({ options: { store: recordCalls(store, calls) }, routes })
    const browser = new Browser(app)
    await browser.get('/count')
    calls.length = 0
    turned += 2500
    await browser.get('/read')
    await passTurns()
    expect(calls.filter((call) => call === 'touch')).toEqual(['touch'])
  })

  test('that cannot be recorded is warned of, and the response is not', async () => {
    const warnings = collectWarnings()
    const store = Object.assign(new ours.MemoryStore(), {
      touch: (_i: string, _s: object, done: (e: Error) => void) => done(new Error('no')),
    })
    let turned = 0
    const { now } = Date
    jest.spyOn(Date, 'now').mockImplementation(() => now() + turned)
    const app = await startCompatApp({ options: { store, cookie: { maxAge: 600_000 } }, routes })
    const browser = new Browser(app)
    await browser.get('/count')
    turned += 60_000
    expect(await browser.json('/read')).toBe(1)
    await passTurns()
    expect(warnings.map(({ code }) => code)).toContain('HOLDFAST_ACCESS_NOT_RECORDED')
  })
})

test('while the store reports that it is disconnected, a request without our cookie has no session, and one with it gets 503', async () => {
  const store = new ours.MemoryStore()
  const app = await startCompatApp({ options: { store }, routes: { ...routes, show: (req) => typeof req.session } })
  const browser = new Browser(app)
  await browser.get('/count')
  store.emit('disconnect')
  expect(JSON.parse((await app.get('/show')).body)).toBe('undefined')
  expect((await browser.get('/show')).status).toBe(503)
  expect(app.errors[0]).toMatchObject({ code: 'STORE_UNAVAILABLE' })
  store.emit('connect')
  expect(await browser.json('/count')).toBe(2)
})

test('what JSON cannot carry at all reaches the error handler before the headers', async () => {
  const app = await startCompatApp({
    routes: {
      bigint: (req) => String((req.session.big = 1n)),
      cycle(req) {
        const cycle: { self?: object } = {}
        cycle.self = cycle
        req.session.cycle = cycle
        return true
      },
    },
  })
  for (const path of ['/bigint', '/cycle']) {
    const { status, cookies } = await app.get(path)
    expect([status, cookies]).toEqual([500, []])
  }
  expect(app.errors).toEqual([expect.any(TypeError), expect.any(TypeError)])
})

test('what JSON loses is warned of once a key', async () => {
  const warnings = collectWarnings()
  const app = await startCompatApp({
    routes: {
      lose(req) {
        Object.assign(req.session, {
          lostMap: new Map([[1, 2]]),
          lostNumber: NaN,
          keptDate: new Date(0),
          kept: undefined,
        })
        return true
      },
      show: (req) => ({ ...req.session, cookie: undefined }),
    },
  })
  const browser = new Browser(app)
  await browser.json('/lose')
  await browser.json('/lose')
  expect(await browser.json('/show')).toEqual({ lostMap: {}, lostNumber: null, keptDate: '1970-01-01T00:00:00.000Z' })
  const messages = warnings.filter(({ code }) => code === 'HOLDFAST_VALUE_NOT_KEPT').map(({ message }) => message)
  expect(messages).toEqual([expect.stringContaining('"lostMap"'), expect.stringContaining('"lostNumber"')])
})
