import crypto from 'node:crypto'
import { SessionManager } from '../../lib'
import { isSessionStore } from '../../lib/service/resolve-options'
import { jsonRecordsOf } from '../../lib/stores/json-records'
import { passTurns, stopApps } from '../support/app'
import { Browser, type CompatApp, type CompatHandler, sidOf, startCompatApp } from '../support/express-session-app'
import { type Layout, layouts, type OpenLayout } from '../support/session-layouts'
import { turnMachineClock } from '../support/turned-clock'

/* What `promises.test.ts` shows over HTTP alone, seen from the store: on each layout. */

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

/** All through which a store is read and written, by the names that the three kinds of stores have for it. */
const reads = ['load', 'get']
const writes = ['insert', 'claim', 'change', 'delete', 'replace', 'extend', 'set', 'destroy', 'touch']

interface StoreCall {
  readonly name: string
  pass(): unknown
}

/** Leads all calls of the stores of a layout through a function. */
function watchStores({ options }: OpenLayout, watch: (call: StoreCall) => unknown): void {
  for (const store of [options['store'], options['upcoming'], options['migrateFrom']]) {
    if (store === undefined) continue
    const target = (jsonRecordsOf(store) ?? store) as Record<string, unknown>
    for (const name of [...reads, ...writes]) {
      const method = target[name]
      if (typeof method !== 'function') continue
      let isInside = false
      target[name] = (...args: unknown[]) => {
        const pass = (): unknown => {
          isInside = true
          try {
            return Reflect.apply(method, target, args) as unknown
          } finally {
            isInside = false
          }
        }
        // What a method of the store asks of another one is no call of ours.
        return isInside ? pass() : watch({ name, pass })
      }
    }
  }
}

const routes: Record<string, CompatHandler> = {
  nothing: () => true,
  show: (req) => req.session.user ?? null,
  set(req) {
    req.session.user = (req.url ?? '').split('/')[2]
    return true
  },
  redirect(req, res) {
    req.session.user = 'ada'
    res.statusCode = 302
    res.setHeader('Location', '/')
    res.end()
  },
  stream(req, res) {
    req.session.user = 'ada'
    res.writeHead(200, { 'X-A': '1' })
    res.write('a')
    res.end('b')
  },
  login: (req) =>
    new Promise((resolve) =>
      req.session.regenerate(() => {
        req.session.user = 'ada'
        resolve(true)
      }),
    ),
  remember(req) {
    req.session.cookie.maxAge = 3_600_000
    req.session.remembered = true
    return true
  },
  touch: (req) => typeof req.session.touch(),
  destroy: (req) => new Promise((resolve) => req.session.destroy(() => resolve(true))),
}

describe.each(layouts)('$name', ({ open, calls, keepsForEver = false, isAtomic }: Layout) => {
  async function opened(use: (layout: OpenLayout) => Promise<void>): Promise<void> {
    const layout = await open()
    try {
      await use(layout)
    } finally {
      await stopApps()
      await layout.close()
    }
  }

  test('P1: not a byte leaves before the store has replied', () =>
    opened(async (layout) => {
      const app = await startCompatApp({ options: layout.options, routes })
      const held: (() => void)[] = []
      let isHolding = false
      watchStores(layout, ({ name, pass }) => {
        if (!isHolding || reads.includes(name)) return pass()
        // A store of callbacks calls back when the call is passed on.
        return new Promise((resolve, reject) => {
          held.push(() => {
            Promise.resolve().then(pass).then(resolve, reject)
          })
        })
      })
      for (const path of ['/set/ada', '/redirect', '/stream', '/destroy', '/login']) {
        const browser = new Browser(app)
        await browser.get('/set/before')
        isHolding = true
        let received: unknown
        const response = app.get(path, browser.cookie).then((one) => (received = one))
        while (held.length === 0) await passTurns(1)
        await passTurns()
        expect({ path, received }).toEqual({ path, received: undefined })
        isHolding = false
        for (const release of held.splice(0)) release()
        expect((await response).status).toBe(path === '/redirect' ? 302 : 200)
      }
    }))

  test(`P8: nothing for a visitor; ${calls.read} calls for a clean read, ${calls.change} for a change`, () =>
    opened(async (layout) => {
      const app = await startCompatApp({ options: { ...layout.options, cookie: { maxAge: 600_000 } }, routes })
      let count = 0
      watchStores(layout, ({ pass }) => {
        count++
        return pass()
      })
      const counted = async (request: Promise<unknown>): Promise<number> => {
        count = 0
        await request
        await passTurns()
        return count
      }
      const random = jest.spyOn(crypto, 'randomBytes')
      expect([await counted(app.get('/nothing')), await counted(app.get('/show')), random.mock.calls]).toEqual([
        0,
        0,
        [],
      ])
      const browser = new Browser(app)
      await browser.get('/set/ada')
      expect(random).toHaveBeenCalledTimes(1)
      expect(await counted(browser.get('/nothing'))).toBe(calls.read)
      expect(await counted(browser.get('/show'))).toBe(calls.read)
      expect(await counted(browser.get('/set/bob'))).toBe(calls.change)
      expect(random).toHaveBeenCalledTimes(1)
    }))

  test.each([{ maxAge: 600_000 }, {}])(
    'P8: with %j an unchanged object costs its read alone, and only a new id or a moved end sends a cookie',
    (cookie) =>
      opened(async (layout) => {
        const setup = {
          options: { ...layout.options, cookie },
          routes: {
            ...routes,
            add: (req) => (req.session.cart = [...(req.session.cart ?? []), 'hat']),
            // An object that was read may have been changed in place, so the end of the response compares it.
            cart: (req) => req.session.cart ?? null,
            undo(req) {
              req.session.cart = []
              delete req.session.cart
              return true
            },
          } satisfies Record<string, CompatHandler>,
        }
        const app = await startCompatApp(setup)
        const made: string[] = []
        watchStores(layout, ({ name, pass }) => {
          made.push(name)
          return pass()
        })
        const costOf = async (request: () => Promise<{ cookies: readonly string[] }>) => {
          made.length = 0
          const { cookies } = await request()
          await passTurns()
          return { calls: [...made], cookies: cookies.length }
        }
        const random = jest.spyOn(crypto, 'randomBytes')
        for (const path of ['/cart', '/undo']) {
          expect(await costOf(() => app.get(path))).toEqual({ calls: [], cookies: 0 })
        }
        expect(random).not.toHaveBeenCalled()
        const browser = new Browser(app)
        expect((await costOf(() => browser.get('/add'))).cookies).toBe(1)
        const read = { calls: Array<unknown>(calls.read).fill(expect.stringMatching(/^(load|get)$/)), cookies: 0 }
        expect(await costOf(() => browser.get('/cart'))).toEqual(read)
        expect((await costOf(() => browser.get('/add'))).cookies).toBe('maxAge' in cookie ? 1 : 0)
        expect(await costOf(() => browser.get('/cart'))).toEqual(read)
        // The write, not the first access, is the last use: a minute after the session began, ten seconds after the write.
        const turn = turnMachineClock()
        turn(55)
        await browser.get('/add')
        turn(10)
        expect(await costOf(() => browser.get('/cart'))).toEqual(read)
        if (!('maxAge' in cookie)) return
        // A process that has not seen the write knows from the record that the use of the session is recorded.
        const other = await startCompatApp(setup)
        expect(await costOf(() => other.get('/cart', browser.cookie))).toEqual(read)
      }),
  )

  test('P11: no record stays for ever, whatever was done to it', () =>
    opened(async (layout) => {
      for (const cookie of [{ maxAge: 300_000 }, undefined]) {
        const start = (options: Record<string, unknown>) =>
          startCompatApp({ options: { ...options, cookie, ttl: 600 }, routes })
        const app = await start(layout.options)
        const other = await start(layout.otherProcess?.() ?? layout.options)
        for (const path of ['/show', '/set/bob', '/remember', '/touch', '/login', '/destroy']) {
          const browser = new Browser(app)
          await browser.json('/set/ada')
          await browser.json(path)
          await other.get('/set/eve', browser.cookie)
        }
        await passTurns()
        expect(await layout.keptAfter(0)).toBeGreaterThan(0)
        // Longer than any lifetime that the app, or a store by itself, has given.
        expect((await layout.keptAfter(100_000)) > 0).toBe(keepsForEver && cookie === undefined)
      }
    }))

  test('P3: writes in one turn are all kept, and a removal stays one, between processes too where the layout is atomic', () =>
    opened(async (layout) => {
      const keyOf = (url = '') => url.split('/')[2] ?? ''
      const start = async (options: Record<string, unknown>): Promise<CompatApp> => {
        const app: CompatApp = await startCompatApp({
          options,
          routes: {
            first: (req) => (req.session.first = 1),
            async put(req) {
              await app.barriers.pass(keyOf(req.url))
              req.session[keyOf(req.url)] = { at: req.url }
              return true
            },
            async drop(req) {
              await app.barriers.pass(keyOf(req.url))
              return Reflect.deleteProperty(req.session, keyOf(req.url))
            },
            keys: (req) => Object.keys(req.session).filter((key) => key !== '__lastAccess'),
          },
        })
        return app
      }
      const others = isAtomic && layout.otherProcess !== undefined ? [layout.otherProcess()] : []
      const apps = await Promise.all([layout.options, ...others].map(start))
      const appAt = (n: number) => apps[n % apps.length]!
      const browser = new Browser(appAt(0))
      await browser.get('/first')
      const { cookie } = browser
      const keys = Array.from({ length: 20 }, (_, n) => (n === 5 ? 'first' : `k${n}`))
      const responses = keys.map((key, n) => appAt(n).get(key === 'first' ? '/drop/first' : `/put/${key}`, cookie))
      await Promise.all(keys.map((key, n) => appAt(n).barriers.reached(key)))
      for (const [n, key] of keys.entries()) appAt(n).barriers.open(key)
      for (const { status, body } of await Promise.all(responses)) expect([status, body]).toEqual([200, 'true'])
      const kept = ['cookie', ...keys.filter((key) => key !== 'first')].sort()
      for (const app of apps) expect(JSON.parse((await app.get('/keys', cookie)).body).sort()).toEqual(kept)
    }))

  test('P4, P5: an end, and a login, in one process holds for a request in flight in another', () =>
    opened(async (layout) => {
      if (!isAtomic || layout.otherProcess === undefined) {
        // README says so: between processes, the time of one round trip is left, or there is one process alone.
        expect(isAtomic && layout.otherProcess !== undefined).toBe(false)
        return
      }
      for (const path of ['/destroy', '/login']) {
        const slow: CompatHandler = async (req) => {
          await app.barriers.pass(path)
          req.session.late = true
          return true
        }
        const late: CompatHandler = (req) => req.session.late ?? null
        const app = await startCompatApp({
          options: { ...layout.options, rolling: true },
          routes: { ...routes, slow, late },
        })
        const other = await startCompatApp({ options: layout.otherProcess(), routes: { ...routes, late } })
        const browser = new Browser(other)
        await browser.json('/set/before')
        const before = browser.cookie
        const response = app.get('/slow', before)
        await app.barriers.reached(path)
        await browser.json(path)
        app.barriers.open(path)
        expect((await response).cookies).toEqual([])
        for (const one of [app, other]) {
          expect([path, (await one.get('/show', before)).body]).toEqual([path, 'null'])
          expect((await one.get('/late', browser.cookie)).body).toBe('null')
        }
        if (path === '/login') expect(sidOf(browser.cookie)).not.toBe(sidOf(before))
      }
    }))

  test('P4: deleteAll holds for a request in flight, where the layout has lists of sessions', () =>
    opened(async (layout) => {
      const { store } = layout.options
      if (!isSessionStore(store) || jsonRecordsOf(store) !== undefined) {
        const subject = () => 'ada'
        const isMoving = layout.options['upcoming'] !== undefined || layout.options['records'] === 'hashed'
        const make = () => startCompatApp({ options: { ...layout.options, subject }, routes })
        if (!isMoving) await expect(make()).rejects.toMatchObject({ code: 'INVALID_OPTION' })
        else expect(await make()).toBeDefined()
        return
      }
      const slow: CompatHandler = async (req) => {
        await app.barriers.pass('slow')
        req.session.late = true
        return true
      }
      const subject = (session: { user?: string }) => session.user
      const app = await startCompatApp({
        options: { ...layout.options, subject, rolling: true },
        routes: { ...routes, slow },
      })
      const browser = new Browser(app)
      await browser.json('/set/ada')
      const response = app.get('/slow', browser.cookie)
      await app.barriers.reached('slow')
      expect(await new SessionManager({ store }).users.deleteAll('ada')).toBe(1)
      app.barriers.open('slow')
      expect((await response).cookies).toEqual([])
      expect(await browser.json('/show')).toBeNull()
    }))
})
