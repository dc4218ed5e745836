import { storeKinds, type Kept } from '../support/store-kinds'
import { cookieOf, inParallel, maxAgeOf } from '../support/http-client'
import { startUserApp, type UserApp } from './user-app'

const kinds = storeKinds().filter(({ name }) => name !== 'express-session MemoryStore')
afterAll(() => Promise.all(kinds.map((kind) => kind.stop())))

describe.each(kinds)('on $name', (kind) => {
  let kept: Kept
  let app: UserApp
  /** Other processes over the same store. */
  let others: UserApp[] = []
  const startOther = async (options: Parameters<typeof startUserApp>[1]): Promise<UserApp> => {
    const other = await startUserApp(kept, options)
    others.push(other)
    return other
  }
  const start = async (options: Parameters<typeof startUserApp>[1]): Promise<void> => {
    kept = await kind.open()
    app = await startUserApp(kept, options)
  }
  afterEach(async () => {
    for (const one of [app, ...others]) await one.close()
    others = []
    await kept.close()
  })

  const subjectOf = async (cookie: string): Promise<unknown> => JSON.parse((await app.get('/get', cookie)).body).subject

  test('absolute: live at one step before the deadline, whatever was done, and not at it', async () => {
    await start({ sessionTtl: 1000 })
    const cookie = cookieOf(await app.get('/login/ann'))
    const born = app.clock.now
    for (let at = 100; at < 1000; at += 100) {
      app.clock.now = born + at
      await app.get(`/set/at/${at}`, cookie)
    }
    app.clock.now = born + 999.999
    expect(JSON.parse((await app.get('/get', cookie)).body)).toMatchObject({
      subject: 'ann',
      createdAt: born,
      expiresAt: born + 1000,
    })
    app.clock.now = born + 1000
    expect(await subjectOf(cookie)).toBeNull()
    expect((await app.sessions.users.readAll('ann')).size).toBe(0)
  })

  test('nothing but a login moves the absolute deadline: not a change, a new id, an access, a renewal, a change of all', async () => {
    await start({ sessionTtl: 1000, timeouts: { idle: 500, renewal: 100, oldSessionAvailabilityAfterRenewal: 10 } })
    let cookie = cookieOf(await app.get('/login/ann'))
    const { expiresAt } = JSON.parse((await app.get('/get', cookie)).body)
    for (const path of ['/set/a/1', '/get', '/update-all/ann/b/2', '/set/c/3', '/get']) {
      app.clock.now += 120
      const response = await app.get(path, cookie)
      if (response.cookies.length > 0) cookie = cookieOf(response)
      const [, listed] = JSON.parse((await app.get('/list/ann', cookie)).body)[0]
      expect(listed.expiresAt).toBe(expiresAt)
    }
    const again = await app.get('/login/ann', cookie)
    expect(maxAgeOf(again)).toBe(1000)
    expect(JSON.parse((await app.get('/get', cookieOf(again))).body).expiresAt).toBe(app.clock.now + 1000)
  })

  test('idle: each request keeps a session alive, and its end is counted from the last one', async () => {
    await start({ timeouts: { idle: 100 } })
    const cookie = cookieOf(await app.get('/login/ann'))
    for (let i = 0; i < 20; i++) {
      app.clock.now += 94.9
      expect(await subjectOf(cookie)).toBe('ann')
    }
    app.clock.now += 100
    expect(await subjectOf(cookie)).toBeNull()
    expect((await app.get('/set/a/1', cookie)).cookies).toHaveLength(1)
  })

  test('idle: a request that changes nothing records its access at most once each twentieth', async () => {
    await start({ timeouts: { idle: 1000 } })
    const cookie = cookieOf(await app.get('/login/ann'))
    app.calls.length = 0
    const changes = () => app.calls.filter((call) => call === 'change').length
    for (let second = 1; second <= 1000; second += 7) {
      app.clock.now += 7
      await app.get('/get', cookie)
    }
    expect(changes()).toBeLessThanOrEqual(20)
    expect(changes()).toBeGreaterThan(15)
    expect(app.calls.filter((call) => call === 'load')).toHaveLength(143)
    app.clock.now += 50
    const before = changes()
    await inParallel(50, () => app.get('/get', cookie))
    expect(changes() - before).toBe(1)
  })

  test('idle: a change records the access on its way', async () => {
    await start({ timeouts: { idle: 1000 } })
    const cookie = cookieOf(await app.get('/login/ann'))
    app.clock.now += 49
    await app.get('/set/a/1', cookie)
    app.calls.length = 0
    app.clock.now += 49
    await app.get('/get', cookie)
    expect(app.calls).toEqual(['load'])
  })

  test("without an idle timeout a user's last access is recorded each five minutes, a visitor's never", async () => {
    await start({})
    const visitor = cookieOf(await app.get('/set/a/1'))
    const user = cookieOf(await app.get('/login/ann'))
    app.clock.now += 299
    app.calls.length = 0
    await app.get('/get', user)
    expect(app.calls).toEqual(['load'])
    app.clock.now += 1
    await app.get('/get', user)
    await app.get('/get', visitor)
    expect(app.calls).toEqual(['load', 'load', 'change', 'load'])
    expect([...(await app.sessions.users.readAll('ann')).values()][0]?.accessedAt).toBe(app.clock.now)
  })

  test('a ttl of its own for one login, long or short, and Max-Age follows', async () => {
    await start({ sessionTtl: 1000 })
    const visitor = await app.get('/set/cart/1')
    expect(maxAgeOf(visitor)).toBe(1000)
    app.clock.now += 400
    const long = await app.get('/login/ann?ttl=5000', cookieOf(visitor))
    const short = await app.get('/login/ann?ttl=10')
    expect([maxAgeOf(long), maxAgeOf(short)]).toEqual([5000, 10])
    app.clock.now += 9
    expect([await subjectOf(cookieOf(long)), await subjectOf(cookieOf(short))]).toEqual(['ann', 'ann'])
    app.clock.now += 1
    expect([await subjectOf(cookieOf(long)), await subjectOf(cookieOf(short))]).toEqual(['ann', null])
    app.clock.now += 4989
    expect(JSON.parse((await app.get('/get', cookieOf(long))).body)).toMatchObject({
      subject: 'ann',
      values: { cart: '1' },
    })
    app.clock.now += 1
    expect(await subjectOf(cookieOf(long))).toBeNull()
  })

  test('Max-Age of a renewed id is what is left, to the second and never short of it', async () => {
    await start({ sessionTtl: 1000, timeouts: { renewal: 100, oldSessionAvailabilityAfterRenewal: 10 } })
    const cookie = cookieOf(await app.get('/login/ann'))
    app.clock.now += 300.4
    expect(maxAgeOf(await app.get('/get', cookie))).toBe(700)
  })

  test('a cookie is sent only with a new id', async () => {
    await start({ timeouts: { idle: 100 } })
    const cookie = cookieOf(await app.get('/login/ann'))
    for (const path of ['/get', '/set/a/1', '/update-all/ann/b/2', '/get']) {
      app.clock.now += 50
      expect((await app.get(path, cookie)).cookies).toEqual([])
    }
  })

  test('the record decides, not the cookie: a tightened rule holds for sessions from before', async () => {
    await start({ sessionTtl: 1000 })
    const cookie = cookieOf(await app.get('/login/ann'))
    const strict = await startOther({ timeouts: { idle: 60 }, clock: app.clock })
    app.clock.now += 59
    expect(JSON.parse((await strict.get('/get', cookie)).body).subject).toBe('ann')
    app.clock.now += 60
    expect(JSON.parse((await strict.get('/get', cookie)).body).subject).toBeNull()
    expect(JSON.parse((await strict.get('/list/ann')).body)).toEqual([])
  })

  test('two processes whose clocks differ by some seconds change deadlines by no more than that', async () => {
    await start({ sessionTtl: 1000, timeouts: { idle: 100, renewal: 200, oldSessionAvailabilityAfterRenewal: 20 } })
    const skewed = await startOther({
      sessionTtl: 1000,
      timeouts: { idle: 100, renewal: 200, oldSessionAvailabilityAfterRenewal: 20 },
      clock: () => app.clock.now + 4,
    })
    const first = cookieOf(await app.get('/login/ann'))
    const born = app.clock.now
    for (const at of [50, 100, 145]) {
      app.clock.now = born + at
      await skewed.get('/get', first)
      await app.get('/get', first)
    }
    // By the clock that is ahead the id is old enough four seconds early, and its overlap ends as much later by the other.
    app.clock.now = born + 195.9
    expect((await app.get('/get', first)).cookies).toEqual([])
    expect((await skewed.get('/get', first)).cookies).toEqual([])
    app.clock.now = born + 196
    expect((await app.get('/get', first)).cookies).toEqual([])
    const renewed = await skewed.get('/get', first)
    expect(await subjectOf(cookieOf(renewed))).toBe('ann')
    app.clock.now = born + 219.9
    expect(await subjectOf(first)).toBe('ann')
    app.clock.now = born + 220
    expect(await subjectOf(first)).toBeNull()
    // The last access counts as that of the clock that is ahead.
    const second = cookieOf(renewed)
    app.clock.now = born + 290
    await skewed.get('/get', second)
    await app.get('/get', second)
    app.clock.now = born + 393.9
    expect(JSON.parse((await app.get('/get', second)).body)).toMatchObject({ subject: 'ann', expiresAt: born + 1000 })
  })
})
