import { storeKinds, type Kept } from '../support/store-kinds'
import { cookieOf, idOf, inParallel } from '../support/http-client'
import { startUserApp, type UserApp } from './user-app'

const kinds = storeKinds().filter(({ lists }) => lists)
afterAll(() => Promise.all(kinds.map((kind) => kind.stop())))

const timeouts = { idle: 500, renewal: 100, oldSessionAvailabilityAfterRenewal: 10 }

describe.each(kinds)('P7 on $name', (kind) => {
  let kept: Kept
  let app: UserApp

  beforeEach(async () => {
    kept = await kind.open()
    app = await startUserApp(kept, { sessionTtl: 1000, timeouts })
  })
  afterEach(async () => {
    await app.close()
    await kept.close()
  })

  const json = async (path: string, cookie?: string): Promise<any> => JSON.parse((await app.get(path, cookie)).body)
  const subjectOf = async (cookie: string): Promise<unknown> => (await json('/get', cookie)).subject
  const handles = async (subject = 'ann'): Promise<string[]> =>
    [...(await app.sessions.users.readAll(subject)).keys()].sort()
  const handleIn = (cookie: string): string => cookie.slice('sid='.length, 'sid='.length + 16)

  test('60 logins in parallel are 60 entries, and each of them is a signed-in session', async () => {
    const logins = await inParallel(60, () => app.get('/login/ann'))
    const cookies = logins.map(cookieOf)
    expect(await handles()).toEqual(cookies.map(handleIn).sort())
    expect(await Promise.all(cookies.map(subjectOf))).toEqual(Array(60).fill('ann'))
  })

  test('a listing has the context of the login, and instants in whole seconds', async () => {
    app.clock.now += 0.5
    const born = Math.floor(app.clock.now)
    const cookie = cookieOf(await app.get('/login/ann'))
    expect(await json('/list/ann')).toEqual([
      [handleIn(cookie), { ip: '127.0.0.1', createdAt: born, accessedAt: born, expiresAt: born + 1000 }],
    ])
  })

  test('nothing in a listing opens a session: no string of it does, as a cookie or as an id', async () => {
    const { users } = app.sessions
    const ids = [idOf(await app.get('/login/ann')), idOf(await app.get('/login/ann'))]
    await users.create('ann', {
      ip: '10.0.0.1',
      device: { name: 'Pixel', type: 'phone', token: 'abc' },
      location: { city: 'Iași' },
    })
    app.clock.now += 100
    await app.get('/get', `sid=${ids[0]}`)
    const texts = everyText([...(await users.readAll('ann'))])
    expect(texts.length).toBeGreaterThan(10)
    for (const text of texts) {
      expect(await subjectOf(`sid=${encodeURIComponent(text)}`)).toBeNull()
      expect(await app.sessions.get(text)).toBeUndefined()
      await expect(users.read('ann', text, { ip: '' })).rejects.toMatchObject({ code: 'USER_SESSION_NOT_FOUND' })
    }
    expect(JSON.stringify(texts)).not.toContain(ids[1]?.slice(16))
  })

  test('one device is signed out by its handle, and not by another user who names it', async () => {
    const [one = '', two = ''] = (await inParallel(2, () => app.get('/login/ann'))).map(cookieOf)
    await app.get(`/end/bob/${handleIn(one)}`)
    expect(await subjectOf(one)).toBe('ann')
    await app.get(`/end/ann/${handleIn(one)}`)
    expect([await subjectOf(one), await subjectOf(two)]).toEqual([null, 'ann'])
    expect(await handles()).toEqual([handleIn(two)])
  })

  test('sign out everywhere else', async () => {
    const cookies = (await inParallel(5, () => app.get('/login/ann'))).map(cookieOf)
    const [here = ''] = cookies
    expect(await json('/end-others/ann', here)).toBe(4)
    expect(await handles()).toEqual([handleIn(here)])
    expect((await Promise.all(cookies.map(subjectOf))).sort()).toEqual(['ann', null, null, null, null].sort())
  })

  test('an entry does not outlive its session: ended, logged out, idle, expired, logged in as another user', async () => {
    const [ended = '', out = '', other = ''] = (await inParallel(3, () => app.get('/login/ann'))).map(cookieOf)
    await app.get(`/end/ann/${handleIn(ended)}`)
    await app.get('/logout', out)
    const bob = cookieOf(await app.get('/login/bob', other))
    expect(await handles()).toEqual([])
    expect(await handles('bob')).toEqual([handleIn(bob)])
    app.clock.now += 499.9
    expect(await handles('bob')).toHaveLength(1)
    app.clock.now += 0.1
    expect(await handles('bob')).toEqual([])
    expect(await json('/end-all/bob')).toBe(0)
    await app.get('/login/eve?ttl=10')
    app.clock.now += 10
    expect(await handles('eve')).toEqual([])
  })

  test('a session that is used, renewed and changed is one entry all along', async () => {
    let cookie = cookieOf(await app.get('/login/ann'))
    const [handle] = await handles()
    for (let i = 0; i < 9; i++) {
      app.clock.now += 100
      const response = await app.get(`/set/k/${i}`, cookie)
      expect(await handles()).toEqual([handle])
      cookie = cookieOf(response)
    }
    cookie = cookieOf(await app.get('/login/ann', cookie))
    expect(await handles()).toEqual([handleIn(cookie)])
  })

  test.each(['/set/a/1', '/get', '/logout'])(
    'a request in flight across deleteAll (%s) revives nothing and sets no cookie',
    async (path) => {
      const cookie = cookieOf(await app.get('/login/ann'))
      app.clock.now += 100
      const slow = app.get(`${path}?wait=slow`, cookie)
      await app.barriers.reached('slow')
      expect(await json('/end-all/ann')).toBe(1)
      app.barriers.open('slow')
      const response = await slow
      expect(response.status).toBe(200)
      expect(response.cookies.filter((text) => !text.endsWith('='))).toEqual([])
      expect(await handles()).toEqual([])
      expect(await subjectOf(cookie)).toBeNull()
    },
  )

  test('deleteAll that races with logins and renewals leaves a listing that is true', async () => {
    for (let round = 0; round < 5; round++) {
      const before = (await inParallel(15, () => app.get('/login/ann'))).map(cookieOf)
      app.clock.now += 100
      const [during, , renewed] = await Promise.all([
        inParallel(15, () => app.get('/login/ann')),
        app.sessions.users.deleteAll('ann'),
        inParallel(15, (index) => app.get(`/set/k/${index}`, before[index])),
      ])
      const after = [...during, ...renewed].flatMap(({ cookies }) => cookies.filter((text) => !text.endsWith('=')))
      const live = []
      for (const cookie of [...before, ...after]) if ((await subjectOf(cookie)) === 'ann') live.push(handleIn(cookie))
      expect(await handles()).toEqual([...new Set(live)].sort())
      for (const cookie of before) expect(await subjectOf(cookie)).toBeNull()
      await app.sessions.users.deleteAll('ann')
    }
  })

  test('a login that begins after deleteAll has resolved stays', async () => {
    await inParallel(3, () => app.get('/login/ann'))
    expect(await json('/end-all/ann')).toBe(3)
    const cookie = cookieOf(await app.get('/login/ann'))
    expect(await subjectOf(cookie)).toBe('ann')
  })

  test('a role that changes is there at the next request of each device, and only of that user', async () => {
    const cookies = (await inParallel(3, () => app.get('/login/ann'))).map(cookieOf)
    const bob = cookieOf(await app.get('/login/bob'))
    await app.get('/set/cart/apples', cookies[0])
    expect(await json('/update-all/ann/role/editor')).toBe(3)
    expect(await Promise.all(cookies.map(async (cookie) => (await json('/get', cookie)).values))).toEqual([
      { cart: 'apples', role: 'editor' },
      { role: 'editor' },
      { role: 'editor' },
    ])
    expect((await json('/get', bob)).values).toEqual({})
  })

  test('a request in flight across a change of role does not take it back', async () => {
    const cookie = cookieOf(await app.get('/login/ann'))
    await app.get('/set/role/viewer', cookie)
    const slow = app.get('/set/cart/apples?wait=slow', cookie)
    await app.barriers.reached('slow')
    await app.get('/update-all/ann/role/editor')
    app.barriers.open('slow')
    await slow
    expect((await json('/get', cookie)).values).toEqual({ role: 'editor', cart: 'apples' })
  })

  test('an id from create is a cookie that the middleware accepts, and the same session', async () => {
    const { users } = app.sessions
    const id = await users.create('ann', { ip: '10.0.0.1' }, 50)
    await app.get('/set/from/http', `sid=${id}`)
    expect(await json('/get', `sid=${id}`)).toMatchObject({
      subject: 'ann',
      values: { from: 'http' },
      expiresAt: app.clock.now + 50,
    })
    expect(await handles()).toEqual([id.slice(0, 16)])
    expect((await users.read('ann', idOf(await app.get('/login/ann')), { ip: '127.0.0.1' }))[0].ip).toBe('127.0.0.1')
  })

  test.each(['a', 'a:b', 'a*', '__proto__', 'ș漢😀', 'x'.repeat(2000), 'ann\ttab', '%00'])(
    'subject %j',
    async (subject) => {
      const cookie = cookieOf(await app.get(`/login/${encodeURIComponent(subject)}`))
      for (const other of [`${subject}:`, `${subject}*`, '*', 'u:', subject.slice(0, -1) || 'b']) {
        expect(await handles(other)).toEqual([])
        expect(await app.sessions.users.deleteAll(other)).toBe(0)
        await app.sessions.users.delete(other, handleIn(cookie))
      }
      expect(await subjectOf(cookie)).toBe(subject)
      expect(await handles(subject)).toEqual([handleIn(cookie)])
      expect(await app.sessions.users.deleteAll(subject)).toBe(1)
      expect(await subjectOf(cookie)).toBeNull()
    },
  )
})

/** Every string in a value, every number as text, and every key. */
function everyText(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [String(value)]
  return Object.entries(value).flatMap(([key, inner]) => [key, ...everyText(inner)])
}
