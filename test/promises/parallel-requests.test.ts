import { login, logout, Session } from '../../lib'
import { startApp, type TestApp } from '../support/app'
import { type ClientResponse, cookieOf, idOf } from '../support/http-client'
import { type Kept, storeKinds } from '../support/store-kinds'

const kinds = storeKinds()
afterAll(() => Promise.all(kinds.map((kind) => kind.stop())))

describe.each(kinds)('on $name', (kind) => {
  let kept: Kept
  let app: TestApp

  beforeEach(async () => {
    kept = await kind.open()
    app = await startApp({
      store: kept.store,
      routes: (routes, barriers) => {
        routes.get('/set/:key/:value', async (req, res) => {
          if (req.query['wait'] !== undefined) await barriers.pass('set')
          req.session.set(req.params.key, req.params.value)
          res.json('set')
        })
        routes.get('/unset/:key', (req, res) => {
          req.session.unset(req.params.key)
          res.json('unset')
        })
        routes.get('/push/:key/:value', async (req, res) => {
          const list = req.session.get(req.params.key) ?? []
          if (req.query['wait'] !== undefined) await barriers.pass('push')
          req.session.set(req.params.key, [...list, req.params.value])
          res.json('pushed')
        })
        routes.get('/all', (req, res) => {
          res.json({ values: req.session.data[0], subject: req.session.subject ?? null })
        })
        routes.get('/slow', async (req, res) => {
          req.session.set('mine', 1)
          await barriers.pass('slow')
          res.json('changed')
        })
        routes.get('/regenerate', (req, res) => {
          req.session.regenerateId()
          res.json('regenerated')
        })
        routes.get('/login/:subject', async (req, res) => {
          if (req.query['wait'] !== undefined) await barriers.pass('login')
          login(req, req.params.subject)
          if (req.query['set'] !== undefined) req.session.set('set', 'at login')
          res.json('in')
        })
        routes.get('/logout', async (req, res) => {
          if (req.query['wait'] !== undefined) await barriers.pass('logout')
          logout(req)
          if (req.query['farewell'] !== undefined) req.session.flash('notice', 'Bye')
          res.json('out')
        })
        routes.get('/destroy', async (req, res) => {
          if (req.query['wait'] !== undefined) await barriers.pass('logout')
          req.session.destroy()
          res.json('destroyed')
        })
      },
    })
  })

  afterEach(async () => {
    await app.close()
    await kept.close()
  })

  const all = async (cookie: string): Promise<{ values: object; subject: string | null }> =>
    JSON.parse((await app.get('/all', cookie)).body) as { values: object; subject: string | null }

  describe('P3: requests in parallel', () => {
    test('that set 50 different keys keep all 50', async () => {
      const cookie = cookieOf(await app.get('/set/first/0'))
      const slow = Array.from({ length: 50 }, (_, n) => app.get(`/set/k${n}/${n}?wait`, cookie))
      await app.barriers.reached('set')
      app.barriers.open('set')
      const responses = await Promise.all(slow)
      expect(responses.every(({ status, cookies }) => status === 200 && cookies.length === 0)).toBe(true)
      const expected = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, String(n)]))
      expect((await all(cookie)).values).toEqual({ first: '0', ...expected })
    })

    test('do not bring a removed key back', async () => {
      const cookie = cookieOf(await app.get('/set/secret/1'))
      const slow = app.get('/set/other/1?wait', cookie)
      await app.barriers.reached('set')
      await app.get('/unset/secret', cookie)
      app.barriers.open('set')
      await slow
      expect((await all(cookie)).values).toEqual({ other: '1' })
    })

    test('that set one key leave the whole value of the last, nothing merged', async () => {
      const cookie = cookieOf(await app.get('/push/list/a'))
      const slow = app.get('/push/list/slow?wait', cookie)
      await app.barriers.reached('push')
      await app.get('/push/list/quick', cookie)
      app.barriers.open('push')
      await slow
      expect((await all(cookie)).values).toEqual({ list: ['a', 'slow'] })
    })
  })

  describe('P4: a session that was ended is not written to, nor revived, by a request in flight', () => {
    const ends: [string, (cookie: string) => Promise<unknown>][] = [
      ['logout', (cookie) => app.get('/logout', cookie)],
      ['destroy', (cookie) => app.get('/destroy', cookie)],
      ['delete', (cookie) => app.sessions.delete(cookie.slice('sid='.length))],
      ['a new id', (cookie) => app.get('/regenerate', cookie)],
      ['a login', (cookie) => app.get('/login/bob', cookie)],
    ]
    test.each(ends)('by %s', async (_name, end) => {
      const cookie = cookieOf(await app.get('/set/cart/1'))
      const slow = app.get('/slow', cookie)
      await app.barriers.reached('slow')
      await end(cookie)
      const before = await kept.dump()
      app.barriers.open('slow')
      const response = await slow
      expect([response.status, response.cookies]).toEqual([200, []])
      if (kind.name !== 'memory') expect(await kept.dump()).toBe(before)
      expect(await all(cookie)).toEqual({ values: {}, subject: null })
    })
  })

  describe('P5: login', () => {
    test('gives a new id, keeps the data, and makes the id from before invalid', async () => {
      const visitor = cookieOf(await app.get('/set/cart/7'))
      const customer = cookieOf(await app.get('/login/bob', visitor))
      expect(customer).not.toBe(visitor)
      expect(await all(customer)).toEqual({ values: { cart: '7' }, subject: 'bob' })
      expect(await all(visitor)).toEqual({ values: {}, subject: null })
    })

    test('keeps nothing of what a request that began on the old id writes', async () => {
      const visitor = cookieOf(await app.get('/set/cart/7'))
      const slow = app.get('/set/planted/1?wait', visitor)
      await app.barriers.reached('set')
      const customer = cookieOf(await app.get('/login/bob', visitor))
      app.barriers.open('set')
      expect((await slow).cookies).toEqual([])
      expect((await all(customer)).values).toEqual({ cart: '7' })
    })

    test.each(['/logout?wait', '/logout?wait&farewell', '/destroy?wait'])(
      'is not ended by %s that began on the id from before, and keeps its cookie',
      async (path) => {
        const visitor = cookieOf(await app.get('/set/cart/7'))
        const slow = app.get(path, visitor)
        await app.barriers.reached('logout')
        const customer = cookieOf(await app.get('/login/bob', visitor))
        app.barriers.open('logout')
        const { status, cookies } = await slow
        expect([status, cookies]).toEqual([200, []])
        expect(await all(customer)).toEqual({ values: { cart: '7' }, subject: 'bob' })
      },
    )

    test('is ended by a logout in flight while another tab got a new id of the same login', async () => {
      const bob = cookieOf(await app.get('/login/bob'))
      const slow = app.get('/logout?wait', bob)
      await app.barriers.reached('logout')
      const again = cookieOf(await app.get('/regenerate', bob))
      app.barriers.open('logout')
      await slow
      expect(await all(again)).toEqual({ values: {}, subject: null })
    })

    test('is not ended by sessions.delete with the id from before', async () => {
      const visitor = idOf(await app.get('/set/cart/7'))
      const customer = cookieOf(await app.get('/login/bob', `sid=${visitor}`))
      await app.sessions.delete(visitor)
      expect(await all(customer)).toEqual({ values: { cart: '7' }, subject: 'bob' })
    })

    test('as another user starts from empty data, and ends the other login', async () => {
      const bob = cookieOf(await app.get('/login/bob', cookieOf(await app.get('/set/cart/7'))))
      const eve = cookieOf(await app.get('/login/eve?set', bob))
      expect(await all(eve)).toEqual({ values: { set: 'at login' }, subject: 'eve' })
      expect(await all(bob)).toEqual({ values: {}, subject: null })
      expect(eve.slice(4, 20)).not.toBe(bob.slice(4, 20))
    })

    test('again as the same keeps the data under a new id', async () => {
      const bob = cookieOf(await app.get('/login/bob', cookieOf(await app.get('/set/cart/7'))))
      const again = cookieOf(await app.get('/login/bob', bob))
      expect([await all(again), await all(bob)]).toEqual([
        { values: { cart: '7' }, subject: 'bob' },
        { values: {}, subject: null },
      ])
    })

    test('twice at once, as by a double click: both are logged in, each with an id of its own', async () => {
      const visitor = cookieOf(await app.get('/set/cart/7'))
      const second = app.get('/login/bob?wait&set', visitor)
      await app.barriers.reached('login')
      const first = cookieOf(await app.get('/login/bob', visitor))
      app.barriers.open('login')
      const late = cookieOf(await second)
      expect(await all(first)).toEqual({ values: { cart: '7' }, subject: 'bob' })
      // Nothing of the session that had ended is in the second one.
      expect(await all(late)).toEqual({ values: { set: 'at login' }, subject: 'bob' })
    })
  })

  describe('P9: ids', () => {
    test('that the store does not know are never adopted', async () => {
      const made = 'A'.repeat(48)
      const response = await app.get('/set/a/1', `sid=${made}`)
      expect(idOf(response)).not.toContain('A'.repeat(12))
      expect(await app.sessions.get(made)).toBeUndefined()
      const session = new Session<Record<string, number>>(made, [{ a: 1 }, {}])
      session.set('b', 2)
      const saved = await app.sessions.save(session)
      expect(saved).toHaveLength(48)
      expect(saved).not.toBe(made)
      expect(await app.sessions.get(saved ?? '')).toEqual({ a: 1, b: 2 })
    })

    test('cannot be read from the store: no text that is kept opens a session', async () => {
      const responses: ClientResponse[] = [await app.get('/set/a/1')]
      responses.push(await app.get('/login/bob', cookieOf(responses[0]!)))
      const dump = await kept.dump()
      const last = idOf(responses[1]!)
      expect(dump).toContain(last.slice(0, 16))
      for (const response of responses) expect(dump).not.toContain(idOf(response).slice(16))
      const words = new Set(dump.match(/[A-Za-z0-9_-]{20,}/g) ?? [])
      expect(words.size).toBeGreaterThan(0)
      for (const word of words) {
        for (const guess of [
          word,
          last.slice(0, 16) + word,
          word.slice(0, 48),
          last.slice(0, 16) + word.slice(0, 32),
        ]) {
          expect(await app.sessions.get(guess)).toBeUndefined()
        }
      }
    })
  })
})

test('P4: a session that has expired is not written to by a request in flight', async () => {
  let now = 1000
  const turned = await startApp({
    clock: () => now,
    sessionTtl: 60,
    routes: (routes, barriers) => {
      routes.get('/set', async (req, res) => {
        req.session.set('a', 1)
        if (req.query['wait'] !== undefined) await barriers.pass('set')
        res.json(req.session.get('a'))
      })
      routes.get('/get', (req, res) => void res.json(req.session.get('a') ?? null))
    },
  })
  try {
    const cookie = cookieOf(await turned.get('/set'))
    const slow = turned.get('/set?wait', cookie)
    await turned.barriers.reached('set')
    now += 60
    turned.barriers.open('set')
    expect((await slow).cookies).toEqual([])
    expect((await turned.get('/get', cookie)).body).toBe('null')
  } finally {
    await turned.close()
  }
})
