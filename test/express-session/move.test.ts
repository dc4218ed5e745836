import { RedisStore as ConnectRedisStore } from 'connect-redis'
import original from 'express-session'
import { SessionManager } from '../../lib'
import ours from '../../lib/express-session'
import { RedisStore } from '../../lib/redis'
import { MemoryStore } from '../../lib/stores/memory-store'
import { stopApps } from '../support/app'
import { Browser, type CompatApp, sidOf, startCompatApp, usualOptions } from '../support/express-session-app'
import {
  forwardAndBack,
  type Generation,
  type MovePlaces,
  type MoveStores,
  optionsAt,
  processAt,
  read,
  startSession,
} from '../support/move-run'
import { collectWarnings } from '../support/warnings'
import { withRedis } from '../support/with-redis'
import { turnMachineClock } from '../support/turned-clock'

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

const redis = withRedis()
const pairs: { name: string; open: () => MoveStores & { theirs?: object } }[] = [
  { name: 'session.MemoryStore to MemoryStore', open: () => ({ old: new ours.MemoryStore(), own: new MemoryStore() }) },
  {
    name: "session.MemoryStore to another, with records: 'hashed'",
    open: () => ({ old: new ours.MemoryStore(), own: new ours.MemoryStore() }),
  },
  {
    name: 'connect-redis to RedisStore',
    open() {
      const old = new ConnectRedisStore({ client: redis.client })
      return { old, own: new RedisStore({ client: redis.client }), theirs: old }
    },
  },
  {
    name: "RedisStore with layout: 'express-session' to RedisStore",
    open: () => ({
      old: new RedisStore({ client: redis.client, layout: 'express-session' }),
      own: new RedisStore({ client: redis.client }),
      theirs: new ConnectRedisStore({ client: redis.client }),
    }),
  },
]

const routes: Record<string, (req: any) => any> = {
  set(req) {
    const [, , key = '', value = ''] = (req.url as string).split('/')
    req.session[key] = value
    return true
  },
  unset: (req) => Reflect.deleteProperty(req.session, (req.url as string).split('/')[2] ?? ''),
  show: (req) => ({ ...req.session, cookie: undefined }),
  age: (req) => [req.session.cookie.originalMaxAge, req.session.cookie.maxAge],
  remember(req) {
    req.session.cookie.maxAge = 3_600_000
    // express-session stores a changed cookie only with changed values, where the store has `touch`.
    req.session.remembered = '1'
    return true
  },
  forget(req) {
    req.session.cookie.expires = false
    req.session.user ??= 'ada'
    return true
  },
  id: (req) => req.sessionID,
  logout: (req) => new Promise((resolve) => req.session.destroy(() => resolve(true))),
  login: (req) =>
    new Promise((resolve) =>
      req.session.regenerate(() => {
        req.session.user = 'ada'
        resolve(req.sessionID)
      }),
    ),
  raw: (req) =>
    new Promise((resolve) =>
      req.sessionStore.get(req.sessionID, (_error: unknown, data: any) => resolve(data ?? null)),
    ),
}

/** An app of a deployment over these stores. `theirs`: express-session itself. */
function deploy(generation: Generation | 'theirs', stores: MoveStores & { theirs?: object }, options = {}) {
  const cookie = { maxAge: 600_000 }
  if (generation === 'theirs') {
    return startCompatApp({ session: original, options: { store: stores.theirs ?? stores.old, cookie }, routes })
  }
  const hashed = generation === 'take-over' && 'get' in stores.own ? { records: 'hashed' } : {}
  return startCompatApp({ options: { ...optionsAt(generation, stores), ...hashed, cookie, ...options }, routes })
}

const shownBy = async (app: CompatApp, cookie: string | undefined) => JSON.parse((await app.get('/show', cookie)).body)

describe.each(pairs)('$name', ({ open }) => {
  test('a browser stays signed in at each step forward and back, with its values, its ID and its end', async () => {
    const stores = open()
    const turn = turnMachineClock()
    const apps: CompatApp[] = []
    for (const generation of forwardAndBack) apps.push(await deploy(generation, stores))
    const browser = new Browser({ get: (path, cookie) => apps[0]!.get(path, cookie) })
    const id = await browser.json('/login')
    await browser.json('/remember')
    const expected: Record<string, string> = { user: 'ada', remembered: '1' }
    for (const [step, app] of apps.entries()) {
      apps[0] = app
      expect(await browser.json('/show')).toEqual(expected)
      expect(await browser.json(`/set/step${step}/${step}`)).toBe(true)
      expected[`step${step}`] = String(step)
      expect(await browser.json('/id')).toBe(id)
      expect(await browser.json('/age')).toEqual([expect.closeTo(3_600_000, -3), expect.closeTo(3_600_000, -3)])
      turn(5)
    }
    expect(await browser.json('/show')).toEqual(expected)
  })

  test.each([
    ['upcoming', 'take-over'],
    ['take-over', 'upcoming'],
    ['take-over', 'take-over'],
    ['take-over', 'give-back'],
    ['give-back', 'upcoming'],
    ['upcoming', 'in place'],
  ] as const)('a logout on %s holds on %s', async (one, other) => {
    const stores = open()
    const turn = turnMachineClock()
    const apps = { one: await deploy(one, stores), other: await deploy(other, stores) }
    for (const [start, end] of [
      ['one', 'other'],
      ['other', 'one'],
    ] as const) {
      if (other === 'in place' && end === 'other') continue
      const browser = new Browser(apps[start])
      await browser.json('/login')
      turn(5)
      const { cookie } = browser
      expect(await shownBy(apps[end], cookie)).toEqual({ user: 'ada' })
      expect((await apps[end].get('/logout', cookie)).status).toBe(200)
      expect(await shownBy(apps[start], cookie)).toEqual({})
      expect(await shownBy(apps[end], cookie)).toEqual({})
    }
  })

  test('a session that has moved is in the new place alone, and one that has moved back in the old place alone', async () => {
    const stores = open()
    const turn = turnMachineClock()
    const [before, mover, back] = [
      await deploy('in place', stores),
      await deploy('take-over', stores),
      await deploy('give-back', stores),
    ]
    const browser = new Browser(before)
    const id = await browser.json('/login')
    expect(await shownBy(mover, browser.cookie)).toEqual({ user: 'ada' })
    expect(await shownBy(before, browser.cookie)).toEqual({})
    turn(5)
    expect(await shownBy(back, browser.cookie)).toEqual({ user: 'ada' })
    expect(await shownBy(before, browser.cookie)).toEqual({ user: 'ada' })
    expect(sidOf(browser.cookie)).toBe(id)
  })

  test('a late write of express-session does not revive an ended session within the window', async () => {
    const stores = open()
    const [upcoming, mover, theirs] = [
      await deploy('upcoming', stores, { takeoverWindow: 60 }),
      await deploy('take-over', stores, { takeoverWindow: 60 }),
      await deploy('theirs', stores),
    ]
    for (const app of [upcoming, mover]) {
      const late = new Browser(theirs)
      await late.json('/login')
      const { cookie } = late
      await app.get('/show', cookie)
      await app.get('/logout', cookie)
      const id = sidOf(cookie)
      const raw = (stores.theirs ?? stores.old) as { set: (id: string, data: object, done: () => void) => void }
      await new Promise<void>((done) => raw.set(id, { cookie: { originalMaxAge: 600_000 }, user: 'ada' }, done))
      // The first read removes what was written, so that it is not there when the window is over either.
      expect(await shownBy(app, cookie)).toEqual({})
      expect(await shownBy(theirs, cookie)).toEqual({})
    }
  })

  test('req.sessionStore finds a session by its ID wherever it is', async () => {
    const stores = open()
    const before = new Browser(await deploy('in place', stores))
    await before.json('/login')
    for (const generation of ['upcoming', 'take-over', 'upcoming'] as const) {
      const app = await deploy(generation, stores)
      const raw = JSON.parse((await app.get('/raw', before.cookie)).body)
      expect(raw).toEqual(expect.objectContaining({ user: 'ada', cookie: expect.objectContaining({ path: '/' }) }))
    }
  })

  test('a session of the browser alone moves as one', async () => {
    const stores = open()
    const before = new Browser(await deploy('in place', stores))
    await before.json('/forget')
    const app = await deploy('take-over', stores)
    expect(await shownBy(app, before.cookie)).toEqual({ user: 'ada' })
    expect(JSON.parse((await app.get('/age', before.cookie)).body)).toEqual([false, false])
  })

  test('damaged records and foreign cookies are no session in any stage', async () => {
    const stores = open()
    for (const generation of ['upcoming', 'take-over', 'give-back'] as const) {
      const app = await deploy(generation, stores)
      const browser = new Browser(await deploy('in place', stores))
      const id = await browser.json('/login')
      if ('sessions' in stores.old) (stores.old as any).sessions[id] = '{"cookie":5}'
      else await redis.client.set(`sess:${id}`, '{"cookie":5}')
      expect(await shownBy(app, browser.cookie)).toEqual({})
    }
  })
})

test('subject: a session that moves is listed, and ended for good by its list', async () => {
  const [old, own] = [new ours.MemoryStore(), new MemoryStore()]
  const subject = (session: { user?: string }) => session.user
  const context = (req: any) => ({ ip: '192.0.2.1', device: { name: req.url } })
  const { users } = new SessionManager({ store: own })
  const before = new Browser(await deploy('in place', { old, own }))
  await before.json('/login')
  const mover = await deploy('take-over', { old, own }, { subject, context })
  expect((await users.readAll('ada')).size).toBe(0)
  expect(await shownBy(mover, before.cookie)).toEqual({ user: 'ada' })
  expect([...(await users.readAll('ada')).values()]).toEqual([
    expect.objectContaining({ ip: '192.0.2.1', device: { name: '/show' } }),
  ])
  // The deployment before leaves it listed, whether it says whose sessions are or not.
  await (await deploy('upcoming', { old, own }, { subject })).get('/set/a/1', before.cookie)
  await (await deploy('upcoming', { old, own })).get('/set/b/1', before.cookie)
  expect((await users.readAll('ada')).size).toBe(1)
  expect(await users.deleteAll('ada')).toBe(1)
  expect(await shownBy(mover, before.cookie)).toEqual({})
})

test('context is not asked where code of the app, and no request, has a session moved', async () => {
  const [old, own] = [new ours.MemoryStore(), new MemoryStore()]
  const before = new Browser(await deploy('in place', { old, own }))
  const id = await before.json('/login')
  const context = jest.fn(() => ({ ip: '192.0.2.1' }))
  const subject = (session: { user?: string }) => session.user
  const mover = await deploy('take-over', { old, own }, { subject, context })
  const data = await new Promise<any>((resolve) =>
    mover.handler.store.get(id, (_error: unknown, got: any) => resolve(got)),
  )
  expect([data.user, context.mock.calls.length]).toEqual(['ada', 0])
  const listed = [...(await new SessionManager({ store: own }).users.readAll('ada')).values()]
  expect(listed).toEqual([expect.objectContaining({ ip: '' })])
})

test('a step that was reported as failed, and was carried out all the same, loses nothing', async () => {
  const [old, kept] = [new ours.MemoryStore(), new MemoryStore()]
  const late = { on: false, done: Promise.resolve<unknown>(undefined) }
  // Carries the change out at once, and replies when the caller waits no longer.
  const own = Object.assign(Object.create(kept) as MemoryStore, {
    ...Object.fromEntries(
      (['load', 'insert', 'claim', 'delete'] as const).map((name) => [name, (kept[name] as any).bind(kept)]),
    ),
    change(...args: Parameters<MemoryStore['change']>) {
      const result = kept.change(...args)
      if (!late.on) return result
      const reply = new Promise((resolve) => setTimeout(resolve, 200, result))
      late.done = reply
      return reply
    },
  })
  const turn = turnMachineClock()
  const stores = { old, own }
  const browser = new Browser(await deploy('take-over', stores))
  await browser.json('/login')
  turn(5)
  const back = await deploy('give-back', stores, { storeTimeout: 0.05 })
  late.on = true
  expect((await back.get('/show', browser.cookie)).status).toBe(503)
  late.on = false
  await late.done
  await new Promise((resolve) => setImmediate(resolve))
  expect(await shownBy(back, browser.cookie)).toEqual({ user: 'ada' })
  expect(await shownBy(await deploy('in place', stores), browser.cookie)).toEqual({ user: 'ada' })
})

test('a session that express-session ends between the claim and the removal of its record is ended', async () => {
  const stores = { old: new ours.MemoryStore(), own: new MemoryStore() }
  const places = { newProcess: () => stores } as MovePlaces
  const id = await startSession(processAt('in place', places), { user: 'ada' })
  const claim = stores.own.claim.bind(stores.own)
  jest.spyOn(stores.own, 'claim').mockImplementation((...given) => {
    const isClaimed = claim(...given)
    stores.old.destroy(id)
    return isClaimed
  })
  const moving = processAt('take-over', places)
  expect(await read(moving, id)).toBeUndefined()
  expect(stores.own.claim).toHaveReturnedWith(true)
})

test('a tombstone holds neither id nor value, and expires', async () => {
  const { client } = redis
  const stores = { old: new RedisStore({ client, layout: 'express-session' }), own: new RedisStore({ client }) }
  const browser = new Browser(await deploy('take-over', stores, { takeoverWindow: 100 }))
  await browser.json('/login')
  const id = sidOf(browser.cookie)
  await browser.json('/set/secret/value')
  await browser.json('/logout')
  const keys = await client.keys('*')
  expect(keys).toHaveLength(1)
  const kept = JSON.stringify([keys, await client.hGetAll(keys[0] ?? '')])
  for (const part of [id, 'secret', 'value', 'ada']) expect(kept).not.toContain(part)
  const ttl = await client.ttl(keys[0] ?? '')
  expect(ttl > 90 && ttl <= 100).toBe(true)
})

describe('options', () => {
  const { old, own, other } = { old: new ours.MemoryStore(), own: new MemoryStore(), other: new ours.MemoryStore() }
  const withoutClaim = { load() {}, insert() {}, change() {}, delete() {} }
  const layout = { sendCommand: async () => undefined, isOpen: true } as never
  test.each<[string, Record<string, unknown>, RegExp]>([
    ['upcoming with migrateFrom', { store: old, upcoming: own, migrateFrom: other }, /^upcoming .*give one of them/],
    ['moveBack without upcoming', { store: old, moveBack: true }, /^moveBack needs upcoming/],
    ['moveBack with migrateFrom', { store: own, migrateFrom: old, moveBack: true }, /^moveBack needs upcoming/],
    ['moveBack that is no boolean', { store: old, upcoming: own, moveBack: 'yes' }, /^moveBack is/],
    [
      'migrateFrom = store',
      { store: other, records: 'hashed', migrateFrom: other },
      /^migrateFrom is the same as store/,
    ],
    ['upcoming = store', { store: other, upcoming: other }, /^upcoming is the same as store/],
    [
      'upcoming with our records as store',
      { store: own, upcoming: other },
      /^upcoming needs a store with the records of/,
    ],
    ['upcoming with hashed records', { store: old, records: 'hashed', upcoming: own }, /^upcoming needs/],
    ['migrateFrom in place', { store: old, migrateFrom: other }, /^migrateFrom needs a store with records of our own/],
    [
      'migrateFrom a store of ours',
      { store: own, migrateFrom: new MemoryStore() },
      /^migrateFrom needs a store with the/,
    ],
    [
      'upcoming with the layout to move from',
      { store: old, upcoming: new RedisStore({ client: layout, layout: 'express-session' }) },
      /^upcoming has layout: 'express-session'/,
    ],
    ['upcoming that cannot claim', { store: old, upcoming: withoutClaim }, /^upcoming has no method claim/],
    ['store that cannot claim', { store: withoutClaim, migrateFrom: old }, /^store has no method claim/],
    ['upcoming that is no store', { store: old, upcoming: { get() {} } }, /^upcoming is an object; it accepts/],
    ['migrateFrom that is no store', { store: own, migrateFrom: 5 }, /^migrateFrom is 5; it accepts/],
    ['takeoverWindow alone', { store: old, takeoverWindow: 60 }, /^takeoverWindow has a meaning only with/],
    ['takeoverWindow that is no time', { store: old, upcoming: own, takeoverWindow: 0 }, /^takeoverWindow is 0/],
    [
      'takeoverWindow in milliseconds',
      { store: old, upcoming: own, takeoverWindow: 86_400_000 },
      /^takeoverWindow is 86400000; .* divide milliseconds by 1000/,
    ],
  ])('%s throws INVALID_OPTION', (_name, options, message) => {
    const make = () => ours({ ...usualOptions, ...options })
    expect(make).toThrow(message)
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })

  test('a migration warns of nothing', async () => {
    const warnings = collectWarnings()
    ours({ ...usualOptions, store: old, upcoming: own })
    ours({ ...usualOptions, store: own, migrateFrom: old })
    ours({ ...usualOptions, store: old, upcoming: own, moveBack: true, takeoverWindow: 10 })
    expect(warnings).toEqual([])
  })
})
