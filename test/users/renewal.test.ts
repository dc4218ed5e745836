import { storeKinds, type Kept } from '../support/store-kinds'
import { type ClientResponse, cookieOf, idOf, inParallel } from '../support/http-client'
import { startUserApp, type UserApp } from './user-app'

const kinds = storeKinds()
afterAll(() => Promise.all(kinds.map((kind) => kind.stop())))

const timeouts = { renewal: 100, oldSessionAvailabilityAfterRenewal: 10 }

describe.each(kinds)('P6 on $name', (kind) => {
  let kept: Kept
  let app: UserApp
  let told: string[]
  let cookie: string

  beforeEach(async () => {
    told = []
    kept = await kind.open()
    app = await startUserApp(kept, {
      timeouts,
      renewSessionHooks: {
        onRenewMadeAlreadyFromCurrentProcess: (handle) => void told.push(`current ${handle}`),
        onRenewMadeAlreadyFromAnotherProcess: (handle) => void told.push(`another ${handle}`),
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
  const withCookie = (answers: readonly ClientResponse[]): ClientResponse[] =>
    answers.filter(({ cookies }) => cookies.length > 0)
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

  test('of 50 requests in parallel exactly one answer has the new id, and every write is kept', async () => {
    app.clock.now += 100
    const answers = await inParallel(50, (index) => app.get(`/set/k${index}/1`, cookie))
    expect(withCookie(answers)).toHaveLength(1)
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    const next = cookieOf(withCookie(answers)[0]!)
    expect(Object.keys((await stateOf(next)).values)).toHaveLength(50)
    expect(told).toHaveLength(49)
    expect(new Set(told)).toEqual(new Set([`current ${idOf(withCookie(answers)[0]!).slice(0, 16)}`]))
  })

  test('of 50 requests that only read exactly one answer has the new id, and the store is asked to renew once', async () => {
    app.clock.now += 100
    app.calls.length = 0
    const answers = await inParallel(50, () => app.get('/get', cookie))
    expect(withCookie(answers)).toHaveLength(1)
    expect(app.calls.filter((call) => call === 'change' || call === 'set').length).toBeLessThanOrEqual(1)
  })

  test('the old id works for the overlap and not longer; what is written on it is kept', async () => {
    const next = await renew()
    app.clock.now += 9.999
    expect(await app.get('/set/late/1', cookie)).toMatchObject({ status: 200, cookies: [] })
    expect((await stateOf(cookie)).subject).toBe('ann')
    app.clock.now += 0.001
    expect((await stateOf(cookie)).subject).toBeNull()
    expect(await stateOf(next)).toMatchObject({ subject: 'ann', values: { late: '1' } })
  })

  test('a request that began on the old id before the renewal, and is written after its overlap, is kept too', async () => {
    const slow = app.get('/set/slow/1?wait=slow', cookie)
    await app.gates.reached('slow')
    const next = await renew()
    app.clock.now += 50
    app.gates.open('slow')
    expect(await slow).toMatchObject({ status: 200, cookies: [] })
    expect((await stateOf(next)).values).toEqual({ slow: '1' })
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

  test('whoever shows old and new together is served as the new one', async () => {
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
