import { createSecretKey } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import ours from '../../lib/express-session'
import { MemoryStore } from '../../lib/stores/memory-store'
import { passTurns, stopApps } from '../support/app'
import { bothSessions, Browser, sidOf, startCompatApp, usualOptions } from '../support/express-session-app'
import { collectWarnings } from '../support/warnings'

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

const routes = {
  count: (req: any) => (req.session.count = ((req.session.count as number | undefined) ?? 0) + 1),
  read: (req: any) => req.session.count ?? null,
  nothing: () => true,
}
const setCookieOf = (response: { headers: Record<string, unknown> }) =>
  String((response.headers['set-cookie'] as string[] | undefined)?.[0])

describe.each(bothSessions)('%s', (_name, session) => {
  test.each([
    [{ genid: 'bogus' }, /genid option must be a function/],
    [{ unset: 'bogus' }, /unset option must be "destroy" or "keep"/],
    [{ secret: [] }, /secret option array must contain one or more strings/],
  ])('throws a TypeError for %j', (options, message) => {
    const make = () => session({ ...usualOptions, ...options } as never)
    expect(make).toThrow(TypeError)
    expect(make).toThrow(message)
  })

  test.each([
    ['the defaults', {}, /^connect\.sid=s%3A[\w%.-]+; Path=\/; HttpOnly$/],
    ['a name', { name: 'mine' }, /^mine=s%3A/],
    ['a key', { key: 'mine' }, /^mine=s%3A/],
    [
      'attributes',
      { cookie: { path: '/', httpOnly: false, sameSite: 'strict', domain: 'example.com', priority: 'high' } },
      /; Domain=example\.com; Path=\/; Priority=High; SameSite=Strict$/,
    ],
    ['sameSite: true', { cookie: { sameSite: true } }, /; HttpOnly; SameSite=Strict$/],
    ["secure: 'auto' without TLS", { cookie: { secure: 'auto' } }, /; Path=\/; HttpOnly$/],
    ['partitioned', { cookie: { partitioned: true } }, /; Partitioned/],
    ['a function', { cookie: () => ({ path: '/count' }) }, /; Path=\/count; HttpOnly$/],
    ['maxAge', { cookie: { maxAge: 60_000 } }, /; Expires=\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT; HttpOnly$/],
  ])('sends the cookie that the options say: %s', async (_case, options, expected) => {
    const app = await startCompatApp({ session, options, routes })
    expect(setCookieOf(await app.get('/count'))).toMatch(expected)
  })

  test('sends the cookie of a changed session again only where it has an end, and of any with rolling', async () => {
    const sent = async (options: Record<string, unknown>, path: string) => {
      const app = await startCompatApp({ session, options, routes })
      const browser = new Browser(app)
      await browser.get('/count')
      return (await browser.get(path)).cookies.length
    }
    const maxAge = { cookie: { maxAge: 60_000 } }
    expect(await sent({}, '/count')).toBe(0)
    expect(await sent(maxAge, '/count')).toBe(1)
    expect(await sent(maxAge, '/read')).toBe(0)
    expect(await sent({ rolling: true }, '/read')).toBe(1)
    expect(await sent({ rolling: true, ...maxAge }, '/nothing')).toBe(1)
  })

  test('stores and sends a session that nothing was done to with saveUninitialized alone', async () => {
    for (const saveUninitialized of [true, false]) {
      const store = new session.MemoryStore()
      const app = await startCompatApp({ session, options: { saveUninitialized, store }, routes })
      expect((await app.get('/nothing')).cookies).toHaveLength(saveUninitialized ? 1 : 0)
      expect(Object.keys((store as unknown as { sessions: object }).sessions)).toHaveLength(saveUninitialized ? 1 : 0)
    }
  })

  test('believes X-Forwarded-Proto with proxy: true alone', async () => {
    for (const [proxy, sent] of [
      [true, 1],
      [false, 0],
      [undefined, 0],
    ] as const) {
      collectWarnings()
      const https = (req: any, _res: unknown, next: () => void) => {
        req.headers['x-forwarded-proto'] = 'https, http'
        next()
      }
      const app = await startCompatApp({
        session,
        options: { proxy, cookie: { secure: true } },
        before: [https],
        routes,
      })
      expect((await app.get('/count')).cookies).toHaveLength(sent)
    }
  })

  test('signs with the first secret and verifies with all; a cookie of another secret is none', async () => {
    const store = new session.MemoryStore()
    const start = (secret: unknown) => startCompatApp({ session, options: { store, secret }, routes })
    const old = new Browser(await start('old secret of many characters'))
    await old.get('/count')
    const both = await start(['new secret of many characters', 'old secret of many characters'])
    expect((await both.get('/count', old.cookie)).body).toBe('2')
    const fresh = await start(Buffer.from('new secret of many characters'))
    expect((await fresh.get('/count', old.cookie)).body).toBe('1')
    const signed = new Browser(both)
    await signed.get('/count')
    expect((await fresh.get('/count', signed.cookie)).body).toBe('2')
  })

  test('takes the secret, and the cookies, of cookie-parser', async () => {
    const parsed = (req: any, _res: unknown, next: () => void) => {
      req.secret = 'of cookie-parser'
      const id = /sid=([\w-]+)/.exec(req.url as string)?.[1]
      if (id !== undefined) req.signedCookies = { 'connect.sid': id }
      next()
    }
    const app = await startCompatApp({
      session,
      options: { secret: undefined },
      before: [parsed],
      routes: { ...routes, id: (req) => [req.sessionID, req.session.count ?? null] },
    })
    const browser = new Browser(app)
    await browser.get('/count')
    const id = sidOf(browser.cookie)
    expect(JSON.parse((await app.get(`/id/sid=${id}`)).body)).toEqual([id, 1])
    const without = await startCompatApp({ session, options: { secret: undefined }, routes })
    expect((await without.get('/count')).status).toBe(500)
    expect(without.errors[0].message).toBe('secret option required for sessions')
  })

  test('serves no session outside cookie.path', async () => {
    const app = await startCompatApp({
      session,
      options: { cookie: { path: '/in' } },
      routes: { in: (req) => typeof req.session, out: (req) => typeof req.session },
    })
    const bodies = [(await app.get('/in/side?a')).body, (await app.get('/out')).body]
    expect(bodies).toEqual(['"object"', '"undefined"'])
  })

  test("unset: 'destroy' ends the session that req.session = null takes away, 'keep' drops its changes", async () => {
    for (const unset of ['destroy', 'keep']) {
      const store = new session.MemoryStore()
      const app = await startCompatApp({
        session,
        options: { unset, store },
        routes: {
          ...routes,
          unset(req) {
            req.session.count = 99
            req.session = null
            return String(req.session)
          },
        },
      })
      const browser = new Browser(app)
      await browser.get('/count')
      const { cookie } = browser
      expect((await browser.get('/unset')).body).toBe('"null"')
      expect(JSON.parse((await app.get('/read', cookie)).body)).toBe(unset === 'destroy' ? null : 1)
    }
  })
})

describe.each(bothSessions)('%s', (_name, session) => {
  test.each([false, null])(
    'keeps the session in the default store when cookie.expires is set to %j',
    async (expires) => {
      const app = await startCompatApp({
        session,
        options: { cookie: { maxAge: 60_000 } },
        routes: {
          ...routes,
          login(req) {
            req.session.cookie.expires = expires
            return (req.session.count = 1)
          },
          cookie: ({ session: { cookie } }) => [cookie.expires, cookie.maxAge, cookie.originalMaxAge],
        },
      })
      const browser = new Browser(app)
      expect(setCookieOf(await browser.get('/login'))).not.toMatch(/Expires|Max-Age/)
      expect(await browser.json('/cookie')).toEqual([expires, expires, expires])
      const { now } = Date
      jest.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000)
      expect(await browser.json('/count')).toBe(2)
      expect(await browser.json('/cookie')).toEqual([expires, expires, expires])
    },
  )
})

describe('what is legal and does harm is warned of once', () => {
  test.each([
    ['HOLDFAST_SAVE_UNINITIALIZED', { saveUninitialized: undefined }],
    ['HOLDFAST_RESAVE', { resave: true }],
    ['HOLDFAST_RESAVE', { resave: undefined }],
    ['HOLDFAST_SAME_SITE_NONE', { cookie: { sameSite: 'none' } }],
    ['HOLDFAST_HOST_PREFIX', { name: '__Host-sid', cookie: { domain: 'example.com' } }],
    ['HOLDFAST_UNKNOWN_OPTION', { saveUnitialized: false }],
  ])('%s for %j', (code, options) => {
    const warnings = collectWarnings()
    for (let i = 0; i < 2; i++) ours({ ...usualOptions, ...options } as never)
    expect(warnings.map((one) => one.code)).toEqual([code])
    if (code === 'HOLDFAST_UNKNOWN_OPTION') expect(warnings[0]?.message).toMatch(/did you mean saveUninitialized/)
  })

  test('a secure cookie over plain HTTP, and the memory store in production', async () => {
    const warnings = collectWarnings()
    const app = await startCompatApp({ options: { cookie: { secure: true } }, routes })
    await app.get('/count')
    expect((await app.get('/count')).cookies).toEqual([])
    const environment = process.env['NODE_ENV']
    process.env['NODE_ENV'] = 'production'
    try {
      for (const store of [undefined, new ours.MemoryStore()]) ours({ ...usualOptions, store })
    } finally {
      process.env['NODE_ENV'] = environment
    }
    expect(warnings.map((one) => one.code)).toEqual(['HOLDFAST_SECURE_COOKIE_NOT_SENT', 'HOLDFAST_MEMORY_STORE'])
  })

  test('the MemoryStore of the main entry point in production', () => {
    const warnings = collectWarnings()
    const environment = process.env['NODE_ENV']
    process.env['NODE_ENV'] = 'production'
    try {
      ours({ ...usualOptions, store: new MemoryStore() })
    } finally {
      process.env['NODE_ENV'] = environment
    }
    expect(warnings.map((one) => one.code)).toEqual(['HOLDFAST_MEMORY_STORE'])
  })

  test.each([
    ['a stream that has begun, once, at a session that is changed too late', true, ['HOLDFAST_COOKIE_AFTER_HEADERS']],
    ['a client that left before there was a response, of nothing', false, []],
  ])('%s', async (_name, hasBegun, codes) => {
    const warnings = collectWarnings()
    let reach: (res: ServerResponse) => void
    const reached = new Promise<ServerResponse>((resolve) => (reach = resolve))
    const app = await startCompatApp({
      routes: {
        hang: (req, res) => {
          if (hasBegun) res.write('a')
          req.session.n = 1
          reach(res)
          return new Promise(() => undefined)
        },
      },
    })
    const client = connect(app.port, '127.0.0.1', () => client.write('GET /hang HTTP/1.1\r\nHost: a\r\n\r\n'))
    const res = await reached
    const closed = once(res, 'close')
    for (let i = 0; hasBegun && i < 2; i++) {
      res.write('b')
      await passTurns(2)
    }
    client.destroy()
    await closed
    await passTurns(3)
    expect(warnings.map((one) => one.code)).toEqual(codes)
  })

  test('nothing for the options that the documentation of express-session shows', () => {
    const warnings = collectWarnings()
    ours({ ...usualOptions, cookie: { maxAge: 60_000, secure: 'auto', httpOnly: true, sameSite: 'lax' } })
    expect(warnings).toEqual([])
  })
})

test.each([
  { ttl: 1_800_000 },
  { sessionTtl: 1_800_000, records: 'hashed' },
  { storeTimeout: 250 },
  { takeoverWindow: 3_600_000, upcoming: new MemoryStore() },
])('a warning names %j, which is more likely meant in milliseconds', (options) => {
  const warnings = collectWarnings()
  ours({ ...usualOptions, store: new ours.MemoryStore(), ...options } as never)
  expect(warnings).toEqual([
    {
      code: 'HOLDFAST_LOOKS_LIKE_MILLISECONDS',
      message: expect.stringContaining(`${Object.keys(options)[0]} is ${Object.values(options)[0]} seconds`),
    },
  ])
})

test.each([
  [{ store: {} }, /store/],
  [{ store: 'redis' }, /store/],
  [{ store: ours.MemoryStore }, /store/],
  [{ ttl: 0 }, /ttl/],
  [{ ttl: 86_400_000 }, /ttl is 86400000; .* divide milliseconds by 1000/],
  [{ ttl: Infinity }, /ttl/],
  [{ storeTimeout: -1 }, /storeTimeout/],
  [{ storeTimeout: 5000 }, /storeTimeout is 5000; .* divide milliseconds by 1000/],
  [{ sessionTtl: 86_400_000, records: 'hashed' }, /sessionTtl is 86400000; .* divide milliseconds by 1000/],
  [{ sessionTtl: 60 }, /sessionTtl needs records of our own/],
  [{ subject: (): string => 'ada' }, /subject needs records of our own/],
  [{ subject: 'ada', store: new MemoryStore() }, /subject/],
  [{ context: () => ({ ip: '' }), store: new MemoryStore() }, /context needs subject/],
  [{ context: 'laptop', subject: (): string => 'ada', store: new MemoryStore() }, /context/],
  [{ records: 'plain' }, /records/],
])('what is new is checked while the app is built: %j', (options, message) => {
  expect(() => ours({ ...usualOptions, ...options } as never)).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) }),
  )
})

describe('a secret that is no key is refused while the app is built, because it would sign with an empty key', () => {
  const good = 'a good secret of many characters'

  test.each([
    ['undefined in an array', [undefined], 'secret[0]'],
    ['null in an array', [null], 'secret[0]'],
    ['an empty string in an array', [''], 'secret[0]'],
    ['undefined before a good secret', [undefined, good], 'secret[0]'],
    ['an empty string after a good secret', [good, ''], 'secret[1]'],
    ['a number after a good secret', [good, 4711], 'secret[1]'],
    ['a hole before a good secret', Object.assign(new Array(2), { 1: good }), 'secret[0]'],
    ['an array in an array', [[good]], 'secret[0]'],
    ['an empty Buffer', Buffer.alloc(0), 'secret'],
    ['a number', 4711, 'secret'],
    ['an object', { secret: good }, 'secret'],
    ['true', true, 'secret'],
  ])('%s', (_case, secret, name) => {
    let thrown: any
    try {
      ours({ ...usualOptions, secret } as never)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ name: 'SessionError', code: 'INVALID_OPTION' })
    expect(thrown.message.startsWith(`${name} is not a key`)).toBe(true)
    expect(thrown.message).not.toContain('4711')
    expect(thrown.message).not.toContain(good)
  })

  test.each([
    ['strings', [good, 'another']],
    ['a Buffer and a string', [Buffer.from(good), good]],
    ['a KeyObject', createSecretKey(Buffer.from(good))],
  ])('%s are taken', async (_case, secret) => {
    const app = await startCompatApp({ options: { secret }, routes })
    const browser = new Browser(app)
    await browser.json('/count')
    expect(await browser.json('/count')).toBe(2)
  })

  test('req.secret that is no key counts as none', async () => {
    const before = [
      (req: any, _res: unknown, next: () => void) => {
        req.secret = Buffer.alloc(0)
        next()
      },
    ]
    const app = await startCompatApp({ options: { secret: undefined }, before, routes })
    const response = await app.get('/count')
    expect([response.status, response.cookies]).toEqual([500, []])
    expect(app.errors[0].message).toBe('secret option required for sessions')
  })
})
