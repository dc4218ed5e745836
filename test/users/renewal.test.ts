import { storeKinds, type Kept } from '../support/store-kinds'
import { type ClientResponse, cookieOf, idOf, inParallel } from '../support/http-client'
import { startUserApp, type UserApp } from './user-app'

const kinds = storeKinds()
afterAll(() => Promise.all(kinds.map((kind) => kind.stop())))

const timeouts = { renewal: 100, oldSessionAvailabilityAfterRenewal: 10 }

describe.each(kinds)('P6 on $name', (kind) => {
  let kept: Kept
  let app: UserApp
  let hookCalls: string[]
  let cookie: string

  beforeEach(async () => {
    hookCalls = []
    kept = await kind.open()
    app = await startUserApp(kept, {
      timeouts,
      renewSessionHooks: {
        onRenewMadeAlreadyFromCurrentProcess: (handle) => void hookCalls.push(`current ${handle}`),
        onRenewMadeAlreadyFromAnotherProcess: (handle) => void hookCalls.push(`another ${handle}`),
      },
    })
    cookie = cookieOf(await app.get('/login/ann'))
  })
  afterEach(async () => {
    await app.close()
    await kept.close()
  })

  const stateOf = async (of: string): Promise<{ subject: string | null; values: object; handle: string }> =>
    JSON.parse((await app.get('/get', of)).body)
  const withCookie = (responses: readonly ClientResponse[]): ClientResponse[] =>
    responses.filter(({ cookies }) => cookies.length > 0)
  const renew = async (): Promise<string> => {
    app.clock.now += 100
    return cookieOf(await app.get('/get', cookie))
  }

  test('an id is replaced when it is old enough, at one step before not', async () => {
    app.clock.now += 99.999
    expect((await app.get('/get', cookie)).cookies).toEqual([])
    app.clock.now += 0.001
    const next = await app.get('/get', cookie)
    expect(cookieOf(next)).not.toBe(cookie)
    expect((await app.get('/get', cookieOf(next))).cookies).toEqual([])
    expect(await stateOf(cookieOf(next))).toMatchObject({ subject: 'ann', handle: JSON.parse(next.body).handle })
  })

  test('of 50 requests in parallel exactly one response has the new id, and every write is kept', async () => {
    app.clock.now += 100
    const responses = await inParallel(50, (index) => app.get(`/set/k${index}/1`, cookie))
    expect(withCookie(responses)).toHaveLength(1)
    expect(responses.every(({ status }) => status === 200)).toBe(true)
    const next = cookieOf(withCookie(responses)[0]!)
    expect(Object.keys((await stateOf(next)).values)).toHaveLength(50)
    expect(hookCalls).toHaveLength(49)
    expect(new Set(hookCalls)).toEqual(new Set([`current ${idOf(withCookie(responses)[0]!).slice(0, 16)}`]))
  })

  test('of 50 requests that only read exactly one response has the new id, and the store is asked to renew at most once', async () => {
    app.clock.now += 100
    app.calls.length = 0
    const responses = await inParallel(50, () => app.get('/get', cookie))
    expect(withCookie(responses)).toHaveLength(1)
    expect(app.calls.filter((call) => call === 'change' || call === 'set').length).toBeLessThanOrEqual(1)
  })

  test('the old id works for the overlap and not longer; what is written on it is kept', async () => {
    const next = await renew()
    expect((await stateOf(next)).subject).toBe('ann')
    app.clock.now += 9.999
    expect(await app.get('/set/late/1', cookie)).toMatchObject({ status: 200, cookies: [] })
    expect((await stateOf(cookie)).subject).toBe('ann')
    app.clock.now += 0.001
    expect((await stateOf(cookie)).subject).toBeNull()
    expect(await stateOf(next)).toMatchObject({ subject: 'ann', values: { late: '1' } })
  })

  test('a request that began on the old id before the renewal, and is written after its overlap, is kept too', async () => {
    const slow = app.get('/set/slow/1?wait=slow', cookie)
    await app.barriers.reached('slow')
    const next = await renew()
    app.clock.now += 50
    app.barriers.open('slow')
    expect(await slow).toMatchObject({ status: 200, cookies: [] })
    expect((await stateOf(next)).values).toEqual({ slow: '1' })
  })

  describe('when the response with the new id is lost', () => {
    test('the old id opens, also after the overlap, and is given a new one half an overlap later', async () => {
      await renew()
      app.clock.now += 4.999
      expect((await app.get('/get', cookie)).cookies).toEqual([])
      app.clock.now += 0.001
      const second = cookieOf(await app.get('/get', cookie))
      app.clock.now += 300
      expect((await app.get('/set/a/1', cookie)).cookies).toHaveLength(1)
      expect(await stateOf(second)).toMatchObject({ subject: 'ann', values: { a: '1' } })
    })

    test('of 50 requests in parallel exactly one gives the next one', async () => {
      await renew()
      app.clock.now += 5
      expect(withCookie(await inParallel(50, (index) => app.get(`/set/k${index}/1`, cookie)))).toHaveLength(1)
    })

    test('and a later one too, the first one opens: a tab may have received it', async () => {
      const first = await renew()
      app.clock.now += 5
      const second = cookieOf(await app.get('/get', cookie))
      expect(second).not.toBe(first)
      app.clock.now += 90
      for (const id of [first, first, second]) expect((await stateOf(id)).subject).toBe('ann')
      // The client has sent the second one since.
      expect([(await stateOf(first)).subject, (await stateOf(cookie)).subject]).toEqual([null, null])
    })

    test('a thief who has the old id gets nothing new once the client has sent the new one, and is out after the overlap', async () => {
      const next = await renew()
      expect((await app.get('/get', next)).cookies).toEqual([])
      app.clock.now += 5
      expect(await app.get('/get', cookie)).toMatchObject({ status: 200, cookies: [] })
      app.clock.now += 5
      expect(await app.get('/get', cookie)).toMatchObject({ cookies: [] })
      expect((await stateOf(cookie)).subject).toBeNull()
      expect((await stateOf(next)).subject).toBe('ann')
    })

    test('a user who comes back hours later with the new id is signed in, and gets the next one at once', async () => {
      const next = await renew()
      app.clock.now += 500
      const later = await app.get('/get', next)
      expect(JSON.parse(later.body).subject).toBe('ann')
      expect((await stateOf(cookieOf(later))).subject).toBe('ann')
    })

    test('30 users who lose every third response stay signed in', async () => {
      const jars = await Promise.all(Array.from({ length: 30 }, async () => cookieOf(await app.get('/login/ann'))))
      let count = 0
      for (let step = 0; step < 12; step++) {
        app.clock.now += step % 2 === 0 ? 60 : 7
        for (const [index, jar] of jars.entries()) {
          const response = await app.get('/get', jar)
          expect(JSON.parse(response.body).subject).toBe('ann')
          const isLost = ++count % 3 === 0
          if (!isLost && response.cookies.length > 0) jars[index] = cookieOf(response)
        }
      }
      expect(new Set(jars).size).toBe(30)
    })
  })

  test('a job that reads and saves a session takes neither the renewal nor a flash message', async () => {
    await app.get('/flash/notice/hello', cookie)
    app.clock.now += 100
    const id = cookie.slice('sid='.length)
    const session = await app.sessions.read(id)
    expect(session.get('notice')).toBe('hello')
    expect(await app.sessions.save(session)).toBeNull()
    session.set('by', 'job')
    expect(await app.sessions.save(session)).toBe(id)
    const response = await app.get('/value/notice', cookie)
    expect([response.body, response.cookies.length]).toEqual(['"hello"', 1])
    expect((await app.get('/value/notice', cookieOf(response))).body).toBe('null')
    expect((await stateOf(cookieOf(response))).values).toEqual({ by: 'job' })
  })

  test('a login during the overlap ends the old id, and the renewed one, at once', async () => {
    const next = await renew()
    const loggedIn = cookieOf(await app.get('/login/ann', cookie))
    expect((await stateOf(cookie)).subject).toBeNull()
    expect((await stateOf(next)).subject).toBeNull()
    expect((await stateOf(loggedIn)).subject).toBe('ann')
  })

  test('a logout on the old id ends the session of the new one', async () => {
    const next = await renew()
    await app.get('/logout', cookie)
    expect((await stateOf(next)).subject).toBeNull()
  })

  test('a client that sends the old and the new id is served as the new one', async () => {
    const next = await renew()
    for (const both of [`${cookie}; ${next}`, `${next}; ${cookie}`]) expect((await stateOf(both)).subject).toBe('ann')
  })

  test('while the overlap lasts no id is renewed again', async () => {
    await app.close()
    await kept.close()
    kept = await kind.open()
    app = await startUserApp(kept, { timeouts: { renewal: 10, oldSessionAvailabilityAfterRenewal: 30 } })
    const first = cookieOf(await app.get('/login/ann'))
    app.clock.now += 10
    const second = cookieOf(await app.get('/get', first))
    app.clock.now += 29.9
    expect((await app.get('/get', second)).cookies).toEqual([])
    expect((await stateOf(first)).subject).toBe('ann')
    app.clock.now += 0.1
    expect((await app.get('/get', second)).cookies).toHaveLength(1)
  })
})
