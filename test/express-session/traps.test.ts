import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import express from 'express'
import express4 from 'express4'
import sessionFileStore from 'session-file-store'
import original from 'express-session'
import ours from '../../lib/express-session'
import { MemoryStore } from '../../lib/stores/memory-store'
import { listen, stopApps } from '../support/app'
import { get } from '../support/http-client'
import { bothSessions, Browser, sidOf, startCompatApp, usualOptions } from '../support/express-session-app'
import { serverKinds } from '../support/server-kinds'
import { withRedis } from '../support/with-redis'
import { RedisStore as ConnectRedisStore } from 'connect-redis'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

afterEach(stopApps)

const counting = {
  count: (req: any) => (req.session.count = ((req.session.count as number | undefined) ?? 0) + 1),
  id: (req: any) => req.sessionID,
}

describe('an id of genid may have any form', () => {
  const hex = randomBytes(32).toString('hex')
  const forms: Record<string, (n: number) => string> = {
    '64 hex digits': (n) => hex.slice(0, 60) + String(1000 + n),
    'a name in front': (n) => `production-server-1-${n}`,
    unicode: (n) => `séance-💥-${n}`,
    '300 characters': (n) => 'x'.repeat(299) + String(n),
    'a path': (n) => `../../etc/passwd?${n}#%2e`,
  }

  test.each(Object.keys(forms))('%s: two sessions are two, on a store of ours', async (form) => {
    const store = new MemoryStore()
    let made = 0
    const genid = () => forms[form]?.(made++) ?? ''
    const app = await startCompatApp({ options: { store, genid }, routes: counting })
    const [one, other] = [new Browser(app), new Browser(app)]
    expect(await one.json('/count')).toBe(1)
    expect(await other.json('/count')).toBe(1)
    expect(await one.json('/count')).toBe(2)
    expect(await other.json('/count')).toBe(2)
    expect(await one.json('/id')).toBe(forms[form]?.(0))
    expect(store.size).toBe(2)
  })

  test('an id that another session has is an error, not its session', async () => {
    for (const store of [new MemoryStore(), new ours.MemoryStore()]) {
      const app = await startCompatApp({ options: { store, genid: () => 'always the same' }, routes: counting })
      expect(await new Browser(app).json('/count')).toBe(1)
      const second = await app.get('/count')
      expect([second.status, second.cookies]).toEqual([500, []])
      expect(app.errors).toEqual([
        expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(/genid/) }),
      ])
    }
  })
})

test.each(bothSessions)(
  '%s: an ended session stays readable, so that keepSessionInfo can merge from it',
  async (_name, session) => {
    const app = await startCompatApp({
      session,
      routes: {
        ...counting,
        login(req) {
          const before = req.session
          return new Promise((resolve) =>
            before.regenerate(() => {
              const { cookie: _, ...kept } = { ...before }
              Object.assign(req.session, kept)
              resolve([before === req.session, before.count, req.session.count, Object.keys(kept)])
            }),
          )
        },
      },
    })
    const browser = new Browser(app)
    await browser.json('/count')
    expect(await browser.json('/login')).toEqual([false, 1, 1, ['count']])
    expect(await browser.json('/count')).toBe(2)
  },
)

describe("keys that are not the app's", () => {
  test('what a store adds to a record of its own stays there', async () => {
    const path = mkdtempSync(join(tmpdir(), 'holdfast-traps-'))
    try {
      const FileStore = sessionFileStore(original)
      const store = new FileStore({ path, retries: 0, reapInterval: -1, logFn: () => {} })
      const app = await startCompatApp({ options: { store }, routes: counting })
      const browser = new Browser(app)
      await browser.json('/count')
      const file = join(path, `${sidOf(browser.cookie)}.json`)
      const before = JSON.parse(readFileSync(file, 'utf8'))
      expect(before.__lastAccess).toEqual(expect.any(Number))
      writeFileSync(file, JSON.stringify({ ...before, __other: 1 }))
      await browser.json('/count')
      expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
        count: 2,
        __other: 1,
        __lastAccess: expect.any(Number),
      })
    } finally {
      rmSync(path, { recursive: true, force: true })
    }
  })

  test('names of methods and of Object.prototype in a record are not loaded, and not removed', async () => {
    const store = new ours.MemoryStore()
    const app = await startCompatApp({
      options: { store },
      routes: {
        ...counting,
        show: (req) => [typeof req.session.save, typeof req.session.toString, Object.keys(req.session)],
      },
    })
    const browser = new Browser(app)
    await browser.json('/count')
    const id = sidOf(browser.cookie)
    const { sessions } = store as unknown as { sessions: Record<string, string> }
    const reserved = '"save":"nope","toString":"nope","id":"nope","req":"nope","__proto__":{"isAdmin":true}'
    sessions[id] = (sessions[id] ?? '').replace(/}$/, `,${reserved}}`)
    expect(await browser.json('/show')).toEqual(['function', 'function', ['cookie', 'count']])
    expect(await browser.json('/count')).toBe(2)
    expect(sessions[id]).toContain('"save":"nope"')
    expect(sessions[id]).toContain('"__proto__":{"isAdmin":true}')
  })
})

describe('req.session may be another object', () => {
  test.each(bothSessions)(
    '%s: one that store.createSession made is stored and has its methods',
    async (_name, session) => {
      const store = new session.MemoryStore()
      const app = await startCompatApp({
        session,
        options: { store },
        routes: {
          ...counting,
          adopt(req) {
            req.sessionID = (req.url ?? '').split('/')[2]
            return new Promise((resolve) =>
              req.sessionStore.get(req.sessionID, (_error: unknown, data: any) => {
                req.sessionStore.createSession(req, data)
                req.session.adopted = true
                resolve([req.session.count, req.session.id === req.sessionID, typeof req.session.touch])
              }),
            )
          },
          show: (req) => ({ ...req.session, cookie: undefined }),
          save(req) {
            req.session.saved = true
            return new Promise((resolve) => req.session.save((error?: Error) => resolve(error?.message ?? 'no error')))
          },
        },
      })
      const owner = new Browser(app)
      await owner.json('/count')
      const guest = new Browser(app)
      expect(await guest.json(`/adopt/${sidOf(owner.cookie)}`)).toEqual([1, true, 'function'])
      expect(sidOf(guest.cookie)).toBe(sidOf(owner.cookie))
      expect(await owner.json('/show')).toEqual({ count: 1, adopted: true })
      expect(await owner.json('/save')).toBe('no error')
    },
  )

  test.each(bothSessions)(
    '%s: one that store.createSession made of data that no store has is stored, and its cookie sent',
    async (_name, session) => {
      const made = { cookie: { originalMaxAge: 60_000, httpOnly: true, path: '/' }, cart: ['imported'] }
      const app = await startCompatApp({
        session,
        options: { store: new session.MemoryStore() },
        routes: {
          import(req) {
            req.sessionStore.createSession(req, made)
            req.session.user = 'ann'
            return req.session.id === req.sessionID
          },
          replace(req) {
            req.sessionStore.generate(req)
            req.session = req.sessionStore.createSession(req, made)
            return true
          },
          show: (req) => ({ ...req.session, cookie: undefined }),
        },
      })
      const browser = new Browser(app)
      expect(await browser.json('/import')).toBe(true)
      expect(await browser.json('/show')).toEqual({ cart: ['imported'], user: 'ann' })
      expect(await browser.json('/replace')).toBe(true)
      expect(await browser.json('/show')).toEqual({ cart: ['imported'] })
    },
  )

  test('a bare Session asks req.sessionStore itself', async () => {
    const app = await startCompatApp({
      routes: {
        ...counting,
        async bare(req) {
          const store = req.sessionStore
          const loaded: any = await new Promise((resolve) =>
            store.load(req.sessionID, (_e: unknown, s: unknown) => resolve(s)),
          )
          loaded.count = 41
          await new Promise((resolve) => loaded.save(resolve))
          await new Promise((resolve) => loaded.reload(resolve))
          return [loaded.req.session.count, loaded instanceof ours.Session]
        },
        async drop(req) {
          const store = req.sessionStore
          const loaded: any = await new Promise((resolve) =>
            store.load(req.sessionID, (_e: unknown, s: unknown) => resolve(s)),
          )
          await new Promise((resolve) => loaded.destroy(resolve))
          return 'dropped'
        },
      },
    })
    const browser = new Browser(app)
    await browser.json('/count')
    expect(await browser.json('/bare')).toEqual([41, true])
    expect(await browser.json('/count')).toBe(42)
    expect(await browser.json('/drop')).toBe('dropped')
    expect(await browser.json('/count')).toBe(1)
  })

  test.each(bothSessions)(
    '%s: the object of a session that was loaded replaces it key by key',
    async (_name, session) => {
      const app = await startCompatApp({
        session,
        routes: {
          store: (req) => Object.keys(Object.assign(req.session, { a: 1, b: { c: 2 } })),
          swap(req) {
            const { Session } = session as any
            const fresh = new Session(req, { cookie: req.session.cookie, b: { c: 3 }, d: 4 })
            req.session = fresh
            return Object.keys(req.session).sort()
          },
          show: (req) => ({ ...req.session, cookie: undefined }),
        },
      })
      const browser = new Browser(app)
      await browser.json('/store')
      expect(await browser.json('/swap')).toEqual(['b', 'cookie', 'd'])
      expect(await browser.json('/show')).toEqual({ b: { c: 3 }, d: 4 })
    },
  )
})

describe('records that are none', () => {
  const redis = withRedis()
  const garbage: Record<string, string> = {
    'not JSON': '{"cookie":',
    'no cookie': '{"count":41}',
    'a cookie that is a number': '{"cookie":5,"count":41}',
    'a cookie with an impossible end': '{"cookie":{"expires":"never"},"count":41}',
    'an array': '[{"cookie":{}}]',
    null: 'null',
    'a number': '5',
  }

  test.each(Object.keys(garbage))('%s is no session, and no error', async (name) => {
    const app = await startCompatApp({
      options: { store: new ConnectRedisStore({ client: redis.client }) },
      routes: counting,
    })
    const browser = new Browser(app)
    await browser.json('/count')
    const id = sidOf(browser.cookie)
    await redis.client.set(`sess:${id}`, garbage[name] ?? '')
    expect(await browser.json('/count')).toBe(1)
    expect(sidOf(browser.cookie)).not.toBe(id)
    expect(app.errors).toEqual([])
  })

  test('a Redis key of another type is no session; a lost connection is 503', async () => {
    const client = redis.client.duplicate()
    client.on('error', () => {})
    await client.connect()
    const app = await startCompatApp({ options: { store: new ConnectRedisStore({ client }) }, routes: counting })
    const browser = new Browser(app)
    await browser.json('/count')
    await redis.client.del(`sess:${sidOf(browser.cookie)}`)
    await redis.client.hSet(`sess:${sidOf(browser.cookie)}`, 'cookie', '{}')
    expect(await browser.json('/count')).toBe(1)
    client.destroy()
    const { status, cookies } = await browser.get('/count')
    expect([status, cookies]).toEqual([503, []])
    expect(app.errors[0]).toMatchObject({ code: 'STORE_UNAVAILABLE', cause: expect.any(Error) })
  })
})

describe('session, sessionID and sessionStore', () => {
  test.each(serverKinds)('are three accessors, and one property of the request, on $name', async (kind) => {
    const app = await startCompatApp({
      kind,
      routes: {
        show: (req) => ({
          types: [typeof req.session, typeof req.sessionID, req.sessionStore === app.handler.store],
          own: Object.keys(req).filter((key) => key.startsWith('session')),
          symbols: Object.getOwnPropertySymbols(req).filter((key) => String(key).includes('holdfast')).length,
        }),
      },
    })
    expect(await new Browser(app).json('/show')).toEqual({ types: ['object', 'string', true], own: [], symbols: 1 })
  })

  test('reach into a sub-app of another copy of Express', async () => {
    const outer = express()
    const inner = express4()
    outer.use(ours({ ...usualOptions }))
    inner.get('/count', (req: any, res: any) => {
      req.session.count = ((req.session.count as number | undefined) ?? 0) + 1
      res.json([req.session.count, typeof req.sessionID])
    })
    outer.use('/inner', inner as never)
    const { port } = await listen(createServer(outer).listeners('request')[0] as never)
    const first = await get(port, '/inner/count')
    expect(first.body).toBe('[1,"string"]')
    expect((await get(port, '/inner/count', first.cookies[0])).body).toBe('[2,"string"]')
  })

  test('are ordinary properties of a request that the middleware has not seen', async () => {
    const app = await startCompatApp({
      before: [
        (req: any, _res: unknown, next: () => void) => {
          const seen = [req.session, req.sessionID, req.sessionStore]
          req.session = { mine: true }
          req.seen = [...seen, Object.hasOwn(req, 'session')]
          next()
        },
      ],
      routes: { show: (req) => [req['seen'], req.session] },
    })
    await startCompatApp({ routes: counting }).then((other) => other.get('/count'))
    expect(await new Browser(app).json('/show')).toEqual([[null, null, null, true], { mine: true }])
  })

  test('ids are minted when they are asked for, also by genid', async () => {
    const genid = jest.fn(() => randomBytes(8).toString('hex'))
    const app = await startCompatApp({
      options: { genid },
      routes: { ...counting, nothing: () => 1, read: (req) => [req.session.count ?? null, Object.keys(req.session)] },
    })
    await app.get('/nothing')
    await app.get('/read')
    expect(genid).toHaveBeenCalledTimes(0)
    await app.get('/id')
    expect(genid).toHaveBeenCalledTimes(1)
    await app.get('/count')
    expect(genid).toHaveBeenCalledTimes(2)
  })

  test("delete req.session destroys it with unset: 'destroy'", async () => {
    for (const kind of serverKinds) {
      const app = await startCompatApp({
        kind,
        options: { unset: 'destroy' },
        routes: { ...counting, leave: (req) => [delete (req as { session?: unknown }).session, typeof req.session] },
      })
      const browser = new Browser(app)
      await browser.json('/count')
      const { cookie } = browser
      expect(await browser.json('/leave')).toEqual([true, 'undefined'])
      expect(await new Browser({ get: (path) => app.get(path, cookie) }).json('/count')).toBe(1)
    }
  })
})
