import { jsonRecordsOf } from '../../lib/stores/json-records'
import { stopApps } from '../support/app'
import { inParallel } from '../support/http-client'
import { Browser, type CompatApp, type CompatHandler, sidOf, startCompatApp } from '../support/express-session-app'
import { layouts, type OpenLayout } from '../support/session-layouts'

afterEach(stopApps)

const tail = (url: string | undefined) => (url ?? '').split('/')[2] ?? ''

const routesOfAll: Record<string, CompatHandler> = {
  set(req) {
    req.session[tail(req.url)] = { at: tail(req.url) }
    return true
  },
  // Without what session-file-store adds to each record, and shows.
  show: (req) => ({ ...req.session, cookie: undefined, __lastAccess: undefined }),
}

const maxAgeTitle = 'maxAge: a session ends that long after its last write, in milliseconds'
const maxAge = 2000

/** What a browser finds before and after its session's `maxAge` is over. */
async function lifeOf(browser: Browser, pass: (milliseconds: number) => unknown): Promise<unknown> {
  await browser.json('/set/a')
  await pass(maxAge * 0.6)
  await browser.json('/set/b')
  await pass(maxAge * 0.6)
  const during = await browser.json('/show')
  // Redis counts in milliseconds, connect-redis in whole seconds.
  await pass(maxAge + 1100)
  return [during, await browser.json('/show')]
}
const wholeLife = [{ a: { at: 'a' }, b: { at: 'b' } }, {}]

describe('on a clock that cannot be turned', () => {
  const waiting = layouts.filter(({ hasOwnClock }) => hasOwnClock)
  const lives = new Map<string, PromiseSettledResult<unknown>>()

  // All wait at the same time.
  beforeAll(async () => {
    const opened = await Promise.all(waiting.map(({ open }) => open()))
    const results = await Promise.allSettled(
      opened.map(async ({ options }) => {
        const app = await startCompatApp({ options: { ...options, cookie: { maxAge } }, routes: routesOfAll })
        return lifeOf(new Browser(app), (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)))
      }),
    )
    for (const [index, { name }] of waiting.entries()) lives.set(name, results[index]!)
    await stopApps()
    await Promise.all(opened.map(({ close }) => close()))
  })

  test.each(waiting)(`$name, ${maxAgeTitle}`, ({ name }) => {
    expect(lives.get(name)).toEqual({ status: 'fulfilled', value: wholeLife })
  })
})

describe.each(layouts)('$name', ({ open, hasOwnClock }) => {
  let layout: OpenLayout

  beforeAll(async () => {
    layout = await open()
  })
  afterAll(() => layout.close())

  function start(routes: Record<string, CompatHandler> = {}, options = {}): Promise<CompatApp> {
    const app: Promise<CompatApp> = startCompatApp({
      options: { ...layout.options, ...options },
      routes: {
        ...routesOfAll,
        unset(req) {
          Reflect.deleteProperty(req.session, tail(req.url))
          return true
        },
        redirect(req, res) {
          req.session.seen = tail(req.url)
          res.statusCode = 302
          res.setHeader('Location', '/show')
          res.end()
        },
        async slow(req) {
          await app.then(({ barriers }) => barriers.pass('slow'))
          req.session.late = true
          return true
        },
        destroy: (req) => new Promise((resolve) => req.session.destroy(() => resolve(typeof req.session))),
        login: (req) =>
          new Promise((resolve) =>
            req.session.regenerate(() => {
              req.session.user = 'ada'
              resolve(true)
            }),
          ),
        ...routes,
      },
    })
    return app
  }

  test('P1: the page that a redirect leads to finds what was stored before it', async () => {
    const app = await start()
    const browser = new Browser(app)
    for (let i = 0; i < 10; i++) {
      expect((await browser.get(`/redirect/${i}`)).status).toBe(302)
      expect(await browser.json('/show')).toEqual({ seen: String(i) })
    }
  })

  test('P3: parallel requests that set different keys all keep their writes, and a removal stays one', async () => {
    const app = await start()
    const browser = new Browser(app)
    await browser.json('/set/first')
    const { cookie } = browser
    await inParallel(16, (n) => (n === 5 ? app.get('/unset/first', cookie) : app.get(`/set/k${n}`, cookie)))
    const keys = Object.keys(await browser.json('/show')).sort()
    expect(keys).toEqual(
      Array.from({ length: 16 }, (_, n) => `k${n}`)
        .filter((key) => key !== 'k5')
        .sort(),
    )
  })

  test('P4: a request in flight does not revive a session that was destroyed, and sets no cookie', async () => {
    const app = await start()
    const browser = new Browser(app)
    await browser.json('/set/a')
    const { cookie } = browser
    const slow = app.get('/slow', cookie)
    await app.barriers.reached('slow')
    const destroyed = await browser.get('/destroy')
    expect([destroyed.body, destroyed.cookies]).toEqual(['"undefined"', ['connect.sid=']])
    app.barriers.open('slow')
    const late = await slow
    expect([late.status, late.cookies]).toEqual([200, []])
    expect(JSON.parse((await app.get('/show', cookie)).body)).toEqual({})
  })

  test('P5: after a login the id from before is invalid, and a request in flight on it writes nothing', async () => {
    const app = await start()
    const browser = new Browser(app)
    await browser.json('/set/a')
    const before = browser.cookie
    const slow = app.get('/slow', before)
    await app.barriers.reached('slow')
    await browser.json('/login')
    expect(sidOf(browser.cookie)).not.toBe(sidOf(before))
    app.barriers.open('slow')
    expect((await slow).cookies).toEqual([])
    expect(await browser.json('/show')).toEqual({ user: 'ada' })
    expect(JSON.parse((await app.get('/show', before)).body)).toEqual({})
  })

  test('P9, P10: an id that the store does not know is not adopted, whatever the cookie says', async () => {
    const app = await start()
    const browser = new Browser(app)
    await browser.json('/set/a')
    const { cookie = '' } = browser
    await browser.get('/destroy')
    const stale = await app.get('/set/b', cookie)
    expect(stale.status).toBe(200)
    expect(sidOf(stale.cookies[0])).not.toBe(sidOf(cookie))
    const hostile = [
      'connect.sid=',
      'connect.sid=s:',
      'connect.sid=s:a.b',
      'connect.sid=%',
      `connect.sid=${'x'.repeat(8000)}`,
      'connect.sid="s%3A"; connect.sid=j:{}',
      cookie.slice(0, -1),
    ]
    for (const sent of hostile) {
      const response = await app.get('/show', sent)
      expect([response.status, response.body]).toEqual([200, '{}'])
    }
    expect(app.errors).toEqual([])
  })

  test('P8: without a cookie and without a change the response has no cookie; with one it is private', async () => {
    const app = await start()
    const nothing = await app.get('/show')
    expect([nothing.cookies, nothing.headers['cache-control']]).toEqual([[], undefined])
    const changed = await app.get('/set/a')
    expect([changed.cookies.length, changed.headers['cache-control']]).toEqual([1, 'private'])
  })

  test('P2: a store that fails gives 503 before the headers, with no cookie, and the next request works', async () => {
    const own = await open()
    try {
      const app = await startCompatApp({
        options: own.options,
        routes: {
          set: (req) => (req.session[tail(req.url)] = 1),
          show: (req) => ({ ...req.session, cookie: undefined, __lastAccess: undefined }),
        },
      })
      const browser = new Browser(app)
      await browser.json('/set/a')
      const mend = breakStores(own.options)
      const failed = [
        await app.get('/set/b'),
        await app.get('/set/b', browser.cookie),
        await app.get('/show', browser.cookie),
      ]
      expect(failed.map(({ status, cookies }) => [status, cookies])).toEqual(failed.map(() => [503, []]))
      expect(app.errors.map(({ status, cause }) => [status, cause?.message])).toEqual(failed.map(() => [503, 'away']))
      mend()
      expect(await browser.json('/show')).toEqual({ a: 1 })
    } finally {
      await own.close()
    }
  })

  test('P12: no shared cache may keep a response with the cookie, also one that clears it; others stay as they were', async () => {
    const cached = (res: any) => {
      res.setHeader('Cache-Control', 'public, s-maxage=60, max-age=30')
      res.setHeader('CDN-Cache-Control', 'max-age=60')
      res.setHeader('Set-Cookie', 'theme=dark')
      return true
    }
    const app = await start({
      set(req, res) {
        req.session.a = 1
        return cached(res)
      },
      show: (_req, res) => cached(res),
      destroy: (req, res) => new Promise((resolve) => req.session.destroy(() => resolve(cached(res)))),
    })
    const browser = new Browser(app)
    const kept = await browser.get('/show')
    expect([kept.headers['cache-control'], kept.headers['cdn-cache-control']]).toEqual([
      'public, s-maxage=60, max-age=30',
      'max-age=60',
    ])
    for (const path of ['/set', '/destroy']) {
      const { headers } = await app.get(path, browser.cookie)
      expect([headers['cache-control'], headers['cdn-cache-control']]).toEqual(['private, max-age=30', undefined])
      expect(headers['set-cookie']).toEqual(['theme=dark', expect.stringMatching(/^connect\.sid=/)])
      browser.cookie = headers['set-cookie']?.[1]?.split(';')[0]
    }
  })

  if (!hasOwnClock) {
    test(maxAgeTitle, async () => {
      let turned = 0
      const { now } = Date
      const spy = jest.spyOn(Date, 'now').mockImplementation(() => now() + turned)
      try {
        const app = await start({}, { cookie: { maxAge } })
        expect(await lifeOf(new Browser(app), (milliseconds) => void (turned += milliseconds))).toEqual(wholeLife)
      } finally {
        spy.mockRestore()
      }
    })
  }

  test.each([false, null])('cookie.expires = %j makes a session of the browser, which is kept', async (expires) => {
    const see = (req: any) => [req.session.cookie.expires, req.session.cookie.maxAge]
    const app = await start(
      {
        forget(req) {
          req.session.user = 'ada'
          req.session.cookie.expires = expires
          return see(req)
        },
        see,
      },
      { cookie: { maxAge: 60_000 }, rolling: true },
    )
    const browser = new Browser(app)
    await browser.json('/set/a')
    const { status, headers } = await browser.get('/forget')
    expect(status).toBe(200)
    expect(String(headers['set-cookie'])).not.toMatch(/Expires|Max-Age/)
    for (const path of ['/see', '/set/b', '/see']) {
      const seen = await browser.json(path)
      if (path === '/see') expect(seen).toEqual([expires, expires])
    }
    expect(await browser.json('/show')).toEqual({ user: 'ada', a: { at: 'a' }, b: { at: 'b' } })
  })
})

/** Makes each call of the stores fail, until what it returns is called. */
function breakStores(options: Record<string, unknown>): () => void {
  const broken: (() => void)[] = []
  for (const store of [options['store'], options['upcoming'], options['migrateFrom']]) {
    if (store === undefined) continue
    const records = (jsonRecordsOf(store) ?? store) as Record<string, unknown>
    for (const name of [
      'load',
      'insert',
      'claim',
      'change',
      'delete',
      'replace',
      'extend',
      'get',
      'set',
      'destroy',
      'touch',
    ]) {
      const method = records[name]
      if (typeof method !== 'function') continue
      records[name] = (...args: unknown[]) => {
        const callback = args.at(-1)
        if (typeof callback !== 'function') throw new Error('away')
        setImmediate(callback as (error: Error) => void, new Error('away'))
      }
      broken.push(() => (records[name] = method))
    }
  }
  return () => broken.forEach((mend) => mend())
}
