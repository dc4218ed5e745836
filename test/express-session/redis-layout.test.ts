import { RedisStore as ConnectRedisStore } from 'connect-redis'
import original from 'express-session'
import { SessionManager, sessionMiddleware, UserSessionManager } from '../../lib'
import ours from '../../lib/express-session'
import { RedisStore } from '../../lib/redis'
import { passTurns, stopApps } from '../support/app'
import { Browser, type CompatApp, sidOf, startCompatApp, usualOptions } from '../support/express-session-app'
import { inParallel } from '../support/http-client'
import { RedisServer } from '../support/redis-server'
import { withRedis } from '../support/with-redis'

afterEach(stopApps)

const redis = withRedis()
const layout = 'express-session'
const newStore = (client = redis.client) => new RedisStore({ client, prefix: 'sess:', layout })

/** What two processes share in a rolling deployment: the one with express-session and connect-redis, the other with this
 * package. */
async function startBoth(options = {}) {
  const theirs = await start({ store: new ConnectRedisStore({ client: redis.client }), ...options }, original)
  const mine = await start({ store: newStore(), ...options }, ours)
  return { theirs, mine }
}

async function start(
  options: Record<string, unknown> = { store: newStore() },
  session: any = ours,
): Promise<CompatApp> {
  const app: CompatApp = await startCompatApp({
    session,
    options,
    routes: {
      set(req) {
        const [, , key = '', value = ''] = (req.url ?? '').split('/')
        req.session[key] = value
        return true
      },
      unset: (req) => Reflect.deleteProperty(req.session, (req.url ?? '').split('/')[2] ?? ''),
      show: (req) => ({ ...req.session, cookie: undefined }),
      async slow(req) {
        const { length } = Object.keys(req.session)
        await app.barriers.pass('slow')
        req.session.late = length
        return true
      },
      age: (req) => req.session.cookie.originalMaxAge,
      remember: (req) => (req.session.cookie.maxAge = 3_600_000),
      forget: (req) => (req.session.cookie.expires = false),
      expire: (req) => (req.session.cookie.maxAge = -1),
      logout: (req) => new Promise((resolve) => req.session.destroy(() => resolve(true))),
      login: (req) =>
        new Promise((resolve) =>
          req.session.regenerate(() => {
            req.session.user = 'ada'
            resolve(true)
          }),
        ),
      extend(req) {
        req.session.touch()
        return true
      },
      inherited: (req) =>
        new Promise((resolve) =>
          req.sessionStore.get(req.sessionID, (_error: unknown, data: any) => resolve([data.isAdmin, data.user])),
        ),
      stored: (req, _res) =>
        new Promise((resolve) =>
          req.sessionStore.get(req.sessionID, (_error: unknown, data: any) => resolve({ ...data, cookie: undefined })),
        ),
    },
  })
  return app
}

const keyOf = (browser: Browser) => `sess:${sidOf(browser.cookie)}`
const record = async (key: string) => JSON.parse((await redis.client.get(key)) ?? 'null')

test.each([
  ['a rolling deployment', 'theirs', 'mine'],
  ['a roll-back', 'mine', 'theirs'],
] as const)('%s keeps the sessions, the writes and the logouts', async (_name, first, second) => {
  const apps = await startBoth({ cookie: { maxAge: 600_000 } })
  const [one, two] = [new Browser(apps[first]), new Browser(apps[second])]
  await one.json('/login')
  await one.json('/set/a/1')
  two.cookie = one.cookie
  expect(await two.json('/show')).toEqual({ user: 'ada', a: '1' })
  await two.json('/set/b/2')
  await two.json('/unset/a')
  expect(await one.json('/show')).toEqual({ user: 'ada', b: '2' })
  const { cookie } = one
  await two.json('/logout')
  expect(JSON.parse((await apps[first].get('/show', cookie)).body)).toEqual({})
  expect(await redis.client.exists(`sess:${sidOf(cookie)}`)).toBe(0)
})

test('a record and its key are what connect-redis would have written', async () => {
  for (const options of [{ cookie: { maxAge: 600_000 } }, {}]) {
    const apps = await startBoth(options)
    const kept = []
    for (const app of [apps.theirs, apps.mine]) {
      const browser = new Browser(app)
      await browser.json('/set/a/1')
      await browser.json('/set/b/2')
      const { cookie, ...values } = await record(keyOf(browser))
      const ttl = await redis.client.ttl(keyOf(browser))
      // express-session takes what is left of the lifetime for the lifetime, some ms less at each write.
      const lifetime = cookie.originalMaxAge === null ? null : Math.round(cookie.originalMaxAge / 10_000)
      const attributes = { ...cookie, expires: undefined, originalMaxAge: lifetime }
      kept.push({ keys: Object.keys(await record(keyOf(browser))), attributes, values })
      expect(ttl).toBeGreaterThan(('cookie' in options ? 600 : 86_400) - 10)
      expect(ttl).toBeLessThanOrEqual('cookie' in options ? 600 : 86_400)
    }
    expect(kept[1]).toEqual(kept[0])
    await stopApps()
  }
})

test('every key has a deadline after each kind of write, and ttl decides it without maxAge', async () => {
  const app = await start({ store: newStore(), ttl: 300 })
  const browser = new Browser(app)
  for (const path of ['/set/a/1', '/set/b/2', '/unset/a', '/extend', '/login', '/set/c/3']) {
    await browser.json(path)
    const ttl = await redis.client.ttl(keyOf(browser))
    expect([path, ttl > 290 && ttl <= 300]).toEqual([path, true])
  }
  await browser.json('/remember')
  expect(await redis.client.ttl(keyOf(browser))).toBeGreaterThan(3590)
  for (const path of ['/forget', '/set/d/4']) {
    await browser.json(path)
    const ttl = await redis.client.ttl(keyOf(browser))
    expect([path, ttl > 290 && ttl <= 300]).toEqual([path, true])
  }
})

test('a session whose cookie has expired is removed, as connect-redis removes it', async () => {
  const browser = new Browser(await start())
  await browser.json('/set/a/1')
  const key = keyOf(browser)
  await browser.json('/expire')
  expect(await redis.client.exists(key)).toBe(0)
})

test('two processes with a connection each keep 50 of 50 parallel writes', async () => {
  const one = await start()
  const other = await start({ store: newStore(await redis.server.connect()) })
  const browser = new Browser(one)
  await browser.json('/set/first/1')
  const { cookie } = browser
  await inParallel(50, (n) => (n % 2 === 0 ? one : other).get(`/set/k${n}/1`, cookie))
  await passTurns()
  expect(Object.keys(await browser.json('/show'))).toHaveLength(51)
  expect([...one.errors, ...other.errors]).toEqual([])
})

test.each(['theirs', 'mine'] as const)(
  'a request in flight does not revive a session that another process ended (%s)',
  async (ending) => {
    const { theirs, mine } = await startBoth()
    const other = ending === 'theirs' ? theirs : await start({ store: newStore(await redis.server.connect()) })
    const browser = new Browser(mine)
    await browser.json('/set/a/1')
    const { cookie } = browser
    const key = keyOf(browser)
    const slow = mine.get('/slow', cookie)
    await mine.barriers.reached('slow')
    await other.get('/logout', cookie)
    mine.barriers.open('slow')
    const late = await slow
    expect([late.status, late.cookies]).toEqual([200, []])
    expect(await redis.client.exists(key)).toBe(0)
  },
)

test('a write of express-session during a request is kept', async () => {
  const { theirs, mine } = await startBoth()
  const browser = new Browser(mine)
  await browser.json('/set/a/1')
  const slow = mine.get('/slow', browser.cookie)
  await mine.barriers.reached('slow')
  await theirs.get('/set/b/2', browser.cookie)
  mine.barriers.open('slow')
  await slow
  expect(await browser.json('/show')).toEqual({ a: '1', b: '2', late: 2 })
})

test('a use of the session moves the deadline and leaves the record', async () => {
  const browser = new Browser(await start({ store: newStore(), cookie: { maxAge: 600_000 } }))
  await browser.json('/set/a/1')
  const key = keyOf(browser)
  const before = await redis.client.get(key)
  await redis.client.expire(key, 100)
  // Another process has not recorded an access of its own.
  const other = new Browser(await start({ store: newStore(), cookie: { maxAge: 600_000 } }))
  other.cookie = browser.cookie
  await other.json('/extend')
  expect(await redis.client.ttl(key)).toBeGreaterThan(590)
  expect(await redis.client.get(key)).toBe(before)
})

test('a damaged record, and a key of another type, are no session and stay as they are', async () => {
  const app = await start()
  const damaged = [
    '',
    'no json',
    '5',
    'null',
    '[]',
    '{}',
    '{"cookie":5}',
    '{"cookie":{"expires":"x"}}',
    '{"cookie":null}',
  ]
  for (const text of damaged) {
    const browser = new Browser(app)
    await browser.json('/set/a/1')
    const key = keyOf(browser)
    await redis.client.set(key, text)
    expect([text, await browser.json('/show')]).toEqual([text, {}])
    expect(await redis.client.get(key)).toBe(text)
  }
  const browser = new Browser(app)
  await browser.json('/set/a/1')
  const { cookie } = browser
  const key = keyOf(browser)
  const slow = app.get('/slow', cookie)
  await app.barriers.reached('slow')
  await redis.client.del(key)
  await redis.client.hSet(key, 'field', 'value')
  app.barriers.open('slow')
  expect((await slow).status).toBe(200)
  expect(JSON.parse((await app.get('/show', cookie)).body)).toEqual({})
  await app.get('/logout', cookie)
  expect(await redis.client.hGetAll(key)).toEqual({ field: 'value' })
  expect(app.errors).toEqual([])
})

test('a record with bytes that are not UTF-8 is not written over, and no request waits for it', async () => {
  const app = await start()
  const browser = new Browser(app)
  await browser.json('/set/a/1')
  const key = keyOf(browser)
  const bytes = Buffer.concat([Buffer.from('{"cookie":{"path":"/"},"a":"'), Buffer.from([0xff]), Buffer.from('"}')])
  await redis.client.set(key, bytes)
  const before = await redis.client.sendCommand(['STRLEN', key])
  expect((await browser.get('/set/b/2')).status).toBe(200)
  expect(await redis.client.sendCommand(['STRLEN', key])).toBe(before)
})

test('a key named __proto__ stays in the record and changes no prototype', async () => {
  const browser = new Browser(await start())
  await browser.json('/set/a/1')
  const { cookie } = await record(keyOf(browser))
  await redis.client.set(keyOf(browser), `{"cookie":${JSON.stringify(cookie)},"__proto__":{"admin":true}}`)
  await browser.json('/set/b/2')
  expect(await redis.client.get(keyOf(browser))).toContain('"__proto__":{"admin":true}')
  expect(({} as any).admin).toBeUndefined()
})

test('a request that changes its session costs three commands, a clean one costs one', async () => {
  const browser = new Browser(await start())
  // The second write sends the text of the script to a server that does not have it.
  for (const path of ['/set/a/1', '/set/a/2']) await browser.json(path)
  const count = async (path: string): Promise<Record<string, number>> => {
    await redis.client.configResetStat()
    await browser.json(path)
    const stats = await redis.client.info('commandstats')
    const calls = [...stats.matchAll(/^cmdstat_(get|set|evalsha|eval):calls=(\d+)/gm)]
    return Object.fromEntries(calls.map(([, name = '', n]) => [name, Number(n)]))
  }
  // One `get` more and the `set` are in the script.
  expect(await count('/set/b/2')).toEqual({ get: 3, evalsha: 1, set: 1 })
  expect(await count('/show')).toEqual({ get: 1 })
})

test('req.sessionStore takes ids', async () => {
  const browser = new Browser(await start())
  await browser.json('/set/a/1')
  expect(await browser.json('/stored')).toEqual({ a: '1' })
})

test('an id of genid that a session has is refused, and that session stays', async () => {
  const app = await start({ store: newStore(), genid: () => 'one' })
  const browser = new Browser(app)
  await browser.json('/set/a/1')
  expect((await app.get('/set/b/2')).status).toBe(500)
  expect(await browser.json('/show')).toEqual({ a: '1' })
  await redis.client.del('sess:one')
})

test('Redis that is away is a 503 without a cookie, and a closed store one of its own', async () => {
  const server = await RedisServer.start()
  try {
    const client = await server.connect()
    const store = newStore(client)
    const app = await start({ store, storeTimeout: 1 })
    const browser = new Browser(app)
    await browser.json('/set/a/1')
    await server.kill()
    const response = await app.get('/show', browser.cookie)
    expect([response.status, response.cookies]).toEqual([503, []])
    expect(app.errors[0].code).toMatch(/^STORE_(UNAVAILABLE|TIMEOUT)$/)
    store.close()
    await app.get('/show', browser.cookie)
    expect(app.errors[1].code).toBe('STORE_CLOSED')
  } finally {
    await server.stop()
  }
})

test('the layout is refused everywhere else, with the entry point that takes it', async () => {
  const store = newStore()
  const invalid = expect.objectContaining({
    code: 'INVALID_OPTION',
    message: expect.stringContaining('holdfast/express-session'),
  })
  const thrownBy = (act: () => unknown): unknown => {
    try {
      return act()
    } catch (error) {
      return error
    }
  }
  expect(thrownBy(() => sessionMiddleware({ store }))).toEqual(invalid)
  expect(thrownBy(() => new SessionManager({ store }))).toEqual(invalid)
  expect(thrownBy(() => new UserSessionManager({ storage: store }))).toEqual(invalid)
  expect(thrownBy(() => store.load('handle', 0))).toEqual(invalid)
  const contradictions: Record<string, unknown>[] = [{ records: 'hashed' }, { subject: () => 'a' }, { sessionTtl: 60 }]
  for (const options of contradictions) {
    expect(thrownBy(() => ours({ ...usualOptions, store, ...options }))).toMatchObject({
      code: 'INVALID_OPTION',
    })
  }
  for (const given of ['hashed', '', null, 5]) {
    expect(thrownBy(() => new RedisStore({ client: redis.client, layout: given as never }))).toMatchObject({
      code: 'INVALID_OPTION',
    })
  }
  expect(await redis.client.exists('sess:handle')).toBe(0)
})

test('req.sessionStore.get gives a value named __proto__ as no prototype, as connect-redis does', async () => {
  const { theirs, mine } = await startBoth()
  const browser = new Browser(theirs)
  await browser.json('/set/user/ada')
  const text = (await redis.client.get(keyOf(browser))) ?? ''
  for (const app of [theirs, mine]) {
    await redis.client.set(keyOf(browser), text.replace(/}$/, ',"__proto__":{"isAdmin":true}}'))
    expect(JSON.parse((await app.get('/inherited', browser.cookie)).body)).toEqual([null, 'ada'])
  }
})
