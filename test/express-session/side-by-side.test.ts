import original from 'express-session'
import ours from '../../lib/express-session'
import { stopApps } from '../support/app'
import { inParallel } from '../support/http-client'
import { Browser, type CompatApp, type SessionFactory, sidOf, startCompatApp } from '../support/express-session-app'
import { storesOfOthers } from '../support/express-session-stores'
import { layouts } from '../support/session-layouts'
import { passTurns } from '../support/app'

afterEach(stopApps)

const routes: Record<string, (req: any) => any> & { set: (req: any) => any } = {
  set(req: any) {
    const [, , key = '', value = ''] = (req.url as string).split('/')
    req.session[key] = value
    return true
  },
  show: (req: any) => ({ ...req.session, cookie: undefined, __lastAccess: undefined }),
  age: (req: any) => [req.session.cookie.originalMaxAge, req.session.cookie.path, req.session.cookie.httpOnly],
  remember(req: any) {
    req.session.cookie.maxAge = 3_600_000
    // express-session stores a changed cookie only with changed values, where the store has `touch`.
    return routes.set(req)
  },
  logout: (req: any) => new Promise((resolve) => req.session.destroy(() => resolve(true))),
  login: (req: any) =>
    new Promise((resolve) =>
      req.session.regenerate(() => {
        req.session.user = 'ada'
        req.session.save(() => resolve(true))
      }),
    ),
}

describe.each(storesOfOthers)('express-session and this package, side by side on $name', ({ open }) => {
  let home: Awaited<ReturnType<typeof open>>
  beforeAll(async () => {
    home = await open()
  })
  afterAll(() => home.close())

  const start = (session: SessionFactory): Promise<CompatApp> =>
    startCompatApp({ session, options: { store: home.newStore(), cookie: { maxAge: 600_000 } }, routes })

  test('one browser is at home in both, in either order', async () => {
    const [theirs, mine] = [await start(original), await start(ours)]
    for (const [first, second] of [
      [theirs, mine],
      [mine, theirs],
    ] as const) {
      const browser = new Browser(first)
      const other = new Browser(second)
      await browser.json('/login')
      await browser.json('/set/a/1')
      other.cookie = browser.cookie
      expect(await other.json('/show')).toEqual({ user: 'ada', a: '1' })
      await other.json('/set/b/2')
      expect(sidOf(other.cookie)).toBe(sidOf(browser.cookie))
      expect(await browser.json('/show')).toEqual({ user: 'ada', a: '1', b: '2' })
      await other.json('/remember/c/3')
      expect(await browser.json('/age')).toEqual([expect.closeTo(3_600_000, -3), '/', true])
      const { cookie } = browser
      await browser.json('/logout')
      expect(JSON.parse((await second.get('/show', cookie)).body)).toEqual({})
    }
  })

  test('a record that this package wrote is what express-session would have written', async () => {
    const [theirs, mine] = [await start(original), await start(ours)]
    const records = []
    for (const app of [theirs, mine]) {
      const browser = new Browser(app)
      await browser.json('/login')
      await browser.json('/set/a/1')
      const record = JSON.parse((await home.read(sidOf(browser.cookie))) ?? '{}')
      expect(Date.parse(record.cookie.expires) - Date.now()).toBeGreaterThan(590_000)
      // express-session computes it from the clock, and loses a millisecond where that passes meanwhile.
      const originalMaxAge = Math.ceil(record.cookie.originalMaxAge / 1000) * 1000
      const cookie = { ...record.cookie, expires: undefined, originalMaxAge }
      records.push({ ...record, __lastAccess: undefined, cookie })
    }
    expect(records[1]).toEqual(records[0])
    expect(Object.keys(records[1] ?? {}).sort()).toEqual(['__lastAccess', 'a', 'cookie', 'user'])
  })
})

test.each(layouts)('a changed cookie alone is stored exactly: $name', async ({ open }) => {
  const layout = await open()
  try {
    const app = await startCompatApp({
      options: layout.options,
      routes: { ...routes, extend: (req) => (req.session.cookie.maxAge = 3_600_000) },
    })
    const browser = new Browser(app)
    await browser.json('/set/a/1')
    await browser.json('/extend')
    expect(await browser.json('/age')).toEqual([expect.closeTo(3_600_000, -3), '/', true])
  } finally {
    await layout.close()
  }
})

describe.each(layouts.filter(({ isAtomic }) => isAtomic))('two processes on $name', ({ open }) => {
  test('keep all of the parallel writes of each other', async () => {
    const layout = await open()
    try {
      const one = await startCompatApp({ options: layout.options, routes })
      const other = await startCompatApp({ options: layout.otherProcess?.() ?? layout.options, routes })
      const browser = new Browser(one)
      await browser.json('/set/first/1')
      const { cookie } = browser
      await inParallel(50, (n) => (n % 2 === 0 ? one : other).get(`/set/k${n}/1`, cookie))
      await passTurns()
      expect(Object.keys(await browser.json('/show'))).toHaveLength(51)
    } finally {
      await layout.close()
    }
  })
})
