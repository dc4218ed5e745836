import { SessionManager } from '../../lib'
import { MemoryStore } from '../../lib/stores/memory-store'
import { RedisStore } from '../../lib/redis'
import { stopApps } from '../support/app'
import { Browser, sidOf, startCompatApp } from '../support/express-session-app'
import { withRedis } from '../support/with-redis'
import { turnMachineClock } from '../support/turned-clock'

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

const redis = withRedis()
const stores = [
  { name: 'MemoryStore', newStore: () => new MemoryStore() },
  { name: 'RedisStore', newStore: () => new RedisStore({ client: redis.client }) },
]

describe.each(stores)('on $name', ({ newStore }) => {
  const routes = {
    login(req: any) {
      const user = (req.url as string).split('/')[2]
      return new Promise((resolve) =>
        req.session.regenerate(() => {
          req.session.passport = { user }
          resolve(req.sessionID)
        }),
      )
    },
    become(req: any) {
      req.session.passport = { user: (req.url as string).split('/')[2] }
      return true
    },
    leave: (req: any) => Reflect.deleteProperty(req.session, 'passport'),
    who: (req: any) => req.session.passport?.user ?? null,
  }
  const subject = (session: { passport?: { user?: string } }) => session.passport?.user

  test('subject: the sessions of a user are listed and ended by SessionManager.users', async () => {
    const store = newStore()
    const { users } = new SessionManager({ store })
    const app = await startCompatApp({ options: { store, subject }, routes })
    const [phone, laptop, other] = [new Browser(app), new Browser(app), new Browser(app)]
    await phone.json('/login/ada')
    await laptop.json('/login/ada')
    await other.json('/login/bob')
    const sessions = await users.readAll('ada')
    expect(sessions.size).toBe(2)
    expect([...sessions.values()]).toEqual([
      expect.objectContaining({ ip: '127.0.0.1' }),
      expect.objectContaining({ ip: '127.0.0.1' }),
    ])
    await users.delete('ada', [...sessions.keys()][0] ?? '')
    expect([await phone.json('/who'), await laptop.json('/who')].filter((user) => user === 'ada')).toHaveLength(1)
    expect(await users.deleteAll('ada')).toBe(1)
    expect([await phone.json('/who'), await laptop.json('/who'), await other.json('/who')]).toEqual([null, null, 'bob'])
  })

  test('subject: is asked too when code writes through req.sessionStore', async () => {
    const store = newStore()
    const { users } = new SessionManager({ store })
    const app = await startCompatApp({
      options: { store, subject },
      routes: {
        ...routes,
        // As Socket.IO recipes do, which have no response.
        byLoad: (req: any) =>
          new Promise((resolve) =>
            req.sessionStore.load(req.sessionID, (_error: unknown, session: any) => {
              session.passport = { user: 'eve' }
              session.save(resolve)
            }),
          ),
        bySet: (req: any) =>
          new Promise((resolve) => {
            const { cookie } = req.session
            req.sessionStore.set('an id of the app', { cookie, passport: { user: 'frank' } }, resolve)
          }),
        forget: (req: any) =>
          new Promise((resolve) => req.sessionStore.set(req.sessionID, { cookie: req.session.cookie }, resolve)),
      },
    })
    const browser = new Browser(app)
    await browser.json('/login/ada')
    const sizes = async (): Promise<number[]> =>
      Promise.all(['ada', 'eve', 'frank'].map(async (user) => (await users.readAll(user)).size))
    expect(await sizes()).toEqual([1, 0, 0])
    await browser.json('/byLoad')
    expect(await sizes()).toEqual([0, 1, 0])
    await browser.json('/bySet')
    expect(await sizes()).toEqual([0, 1, 1])
    await browser.json('/forget')
    expect(await sizes()).toEqual([0, 0, 1])
    expect(await users.deleteAll('frank')).toBe(1)
  })

  test('subject: null is no user, as after the logout that sets the user to null', async () => {
    const store = newStore()
    const { users } = new SessionManager({ store })
    const app = await startCompatApp({
      options: { store, subject: (session: { user?: string | null }) => session.user },
      routes: {
        login: (req: any) => (req.session.user = 'ada'),
        logout(req: any) {
          req.session.user = null
          return 'out'
        },
        who: (req: any) => req.session.user ?? 'a visitor',
      },
    })
    const browser = new Browser(app)
    await browser.json('/login')
    expect((await users.readAll('ada')).size).toBe(1)
    expect(await browser.json('/logout')).toBe('out')
    expect([await browser.json('/who'), (await users.readAll('ada')).size]).toEqual(['a visitor', 0])
  })

  test('subject: a login without a new id, another user and a logout move the session', async () => {
    const store = newStore()
    const { users } = new SessionManager({ store })
    const app = await startCompatApp({
      options: { store, subject },
      routes: { ...routes, start: (req) => (req.session.a = 1) },
    })
    const browser = new Browser(app)
    await browser.json('/start')
    const count = async (): Promise<number[]> => [(await users.readAll('ada')).size, (await users.readAll('bob')).size]
    expect(await count()).toEqual([0, 0])
    await browser.json('/become/ada')
    expect(await count()).toEqual([1, 0])
    await browser.json('/become/bob')
    expect(await count()).toEqual([0, 1])
    await browser.json('/leave')
    expect(await count()).toEqual([0, 0])
    expect(await browser.json('/who')).toBeNull()
  })

  test('context: the device is recorded at the login, once, and again when the session becomes the one of another user', async () => {
    const store = newStore()
    const { users } = new SessionManager({ store })
    const context = jest.fn((req: any) => ({
      ip: '192.0.2.1',
      device: { name: (req.url as string).split('/')[3] ?? 'nameless' },
      location: { country: 'NL' },
      password: 'never kept',
    }))
    const app = await startCompatApp({ options: { store, subject, context }, routes })
    const browser = new Browser(app)
    const seen = async (user: string) =>
      [...(await users.readAll(user)).values()].map(({ ip, device, location }) => ({ ip, device, location }))
    const from = (name: string) => [{ ip: '192.0.2.1', device: { name }, location: { country: 'NL' } }]
    await browser.json('/who')
    expect(context).not.toHaveBeenCalled()
    await browser.json('/login/ada/laptop')
    expect(await seen('ada')).toEqual(from('laptop'))
    await browser.json('/become/ada/other')
    await browser.json('/who')
    expect([await seen('ada'), context.mock.calls.length]).toEqual([from('laptop'), 1])
    await browser.json('/become/bob/phone')
    expect([await seen('ada'), await seen('bob'), context.mock.calls.length]).toEqual([[], from('phone'), 2])
  })

  test('context: a result that is none fails the login, with nothing stored and no cookie', async () => {
    const store = newStore()
    const app = await startCompatApp({ options: { store, subject, context: () => 'laptop' }, routes })
    const browser = new Browser(app)
    const { status, cookies } = await browser.get('/login/ada')
    expect([status, cookies]).toEqual([500, []])
    expect(app.errors).toEqual([expect.objectContaining({ code: 'INVALID_ARGUMENT' })])
    expect((await new SessionManager({ store }).users.readAll('ada')).size).toBe(0)
  })

  test('P9: neither the id nor a part of it is in the store', async () => {
    if (name(newStore) !== 'RedisStore') {
      expect(newStore()).toBeDefined()
      return
    }
    const app = await startCompatApp({ options: { store: newStore() }, routes })
    const browser = new Browser(app)
    await browser.json('/login/ada')
    const id = sidOf(browser.cookie)
    const keys = await redis.client.keys('*')
    const kept = JSON.stringify([keys, await Promise.all(keys.map((key) => redis.client.hGetAll(key)))])
    expect(keys.length).toBeGreaterThan(0)
    for (const part of [id, id.slice(0, 12), id.slice(-12)]) expect(kept).not.toContain(part)
    // P11: and what is there ends by itself.
    for (const key of keys) expect(await redis.client.ttl(key)).toBeGreaterThan(0)
  })

  test('an id is verified against the hash in the record, not by its handle alone', async () => {
    const store = newStore()
    const app = await startCompatApp({ options: { store, subject }, routes })
    const browser = new Browser(app)
    await browser.json('/login/ada')
    const [handle = ''] = (await new SessionManager({ store }).users.readAll('ada')).keys()
    const now = Date.now() / 1000
    expect(await store.change(handle, { replace: { hash: 'A'.repeat(43), issuedAt: now } }, now)).toBe('stored')
    expect(await browser.json('/who')).toBeNull()
  })

  test('req.sessionStore takes ids, for code that asks the store itself', async () => {
    const app = await startCompatApp({
      options: { store: newStore() },
      routes: {
        ...routes,
        async raw(req) {
          const store = req.sessionStore
          const ask = (method: string, ...args: unknown[]): Promise<any> =>
            new Promise((resolve, reject) =>
              store[method](...args, (error: Error | null, value: unknown) => {
                if (error) reject(error)
                else resolve(value)
              }),
            )
          const id = (req.url ?? '').split('/')[2]
          const before = await ask('get', id)
          await ask('set', id, { ...before, passport: { user: 'eve' }, extra: [1] })
          const after = await ask('get', id)
          const loaded = await ask('load', id)
          await ask('destroy', id)
          return [
            before.passport,
            before.cookie.path,
            after.passport,
            after.extra,
            loaded.extra,
            (await ask('get', id)) ?? null,
          ]
        },
      },
    })
    const browser = new Browser(app)
    await browser.json('/login/ada')
    const found = await new Browser(app).json(`/raw/${sidOf(browser.cookie)}`)
    expect(found).toEqual([{ user: 'ada' }, '/', { user: 'eve' }, [1], [1], null])
    expect(app.handler.store).toEqual(expect.objectContaining({ generate: expect.any(Function) }))
    expect(await browser.json('/who')).toBeNull()
  })

  test('sessionTtl ends a session however much it is used, ttl one that is not used', async () => {
    const turn = turnMachineClock()
    const app = await startCompatApp({ options: { store: newStore(), sessionTtl: 1000, ttl: 300 }, routes })
    const browser = new Browser(app)
    await browser.json('/login/ada')
    for (let i = 0; i < 4; i++) {
      turn(200)
      await browser.json('/become/ada')
      await browser.json(`/become/ada${i}`)
    }
    expect(await browser.json('/who')).toBe('ada3')
    turn(150)
    await browser.json('/become/ada')
    turn(60)
    expect(await browser.json('/who')).toBeNull()
    const idle = new Browser(app)
    await idle.json('/login/bob')
    turn(301)
    expect(await idle.json('/who')).toBeNull()
  })
})

function name(newStore: () => object): string {
  return newStore().constructor.name
}
