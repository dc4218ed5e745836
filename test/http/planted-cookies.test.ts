import { login, logout } from '../../lib'
import { startApp, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { bare, express5 } from '../support/server-kinds'
import { fetchRaw, sessionCookie, valuesOf } from '../support/raw-client'

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

/** What the app says of the request: whose it is, and what a visitor left. */
async function start(kind = bare, delay: number | undefined = 0) {
  const store = new ControlledStore()
  store.delay = delay
  const server = await startApp({
    kind,
    store,
    storeTimeout: 0.1,
    handler(req, res) {
      const [, verb, name = ''] = (req.url ?? '').split('/')
      if (verb === 'login') login(req, name)
      if (verb === 'leave') req.session.set('left', name)
      if (verb === 'logout') logout(req)
      if (verb === 'destroy') req.session.destroy()
      if (verb === 'late-login') {
        res.write('x')
        login(req, name)
      }
      res.end(`${req.session.subject ?? 'nobody'} ${String(req.session.get('left') ?? '-')}`)
    },
  })
  const get = (path: string, ...cookies: string[]) =>
    fetchRaw(server.port, path, { headers: { Cookie: cookies.join('; ') } })
  const session = async (path: string): Promise<string> => sessionCookie(await get(path)) ?? ''
  return { ...server, store, get, session }
}

const invalid = `sid=${'A'.repeat(48)}`

describe.each([
  ['a store that replies later', 0],
  ['a store that replies at once', undefined],
])('%s', (_store, delay) => {
  test.each([
    ['an anonymous session', ['/leave/trap']],
    ['two anonymous sessions', ['/leave/trap', '/leave/trap']],
    ['a login of another user', ['/login/mallory']],
    ['logins of two other users', ['/login/mallory', '/login/trudy']],
    ['a login of another user and an anonymous session', ['/login/mallory', '/leave/trap']],
    ['an older login of the same user', ['/login/ann']],
  ])('a login wins over planted cookies of %s', async (_planted, paths) => {
    for (const place of ['in front', 'behind', 'around']) {
      const { get, session, store } = await start(express5, delay)
      const planted: string[] = []
      for (const path of paths) planted.push(await session(path))
      const mine = await session('/leave/cart')
      const around = (own: string): string[] => {
        if (place === 'in front') return [...planted, own]
        return place === 'behind' ? [own, ...planted] : [...planted.slice(0, 1), own, ...planted.slice(1)]
      }
      const cookie = sessionCookie(await get('/login/ann', ...around(mine))) ?? ''
      expect(cookie).toMatch(/^sid=.{48}$/)
      expect((await get('/', ...around(cookie))).body).toMatch(/^ann /)
      // Neither the planted ones, nor the session from before, is left.
      for (const before of [...planted, mine]) expect((await get('/', before)).body).toBe('nobody -')
      expect(store.memory.size).toBe(1)
    }
  })
})

test('a login is served beside an anonymous session, in front of it and behind it', async () => {
  const { get, session } = await start()
  const [planted, mine] = [await session('/leave/trap'), await session('/login/ann')]
  expect((await get('/', planted, mine)).body).toBe('ann -')
  expect((await get('/', mine, planted)).body).toBe('ann -')
  expect((await get('/', invalid, planted, mine)).body).toBe('ann -')
})

test('of two logins of one user the newest is served, and a logout ends both', async () => {
  const clock = { now: 1_800_000_000 }
  const store = new ControlledStore()
  const { port } = await startApp({
    store,
    clock: () => clock.now,
    handler(req, res) {
      if (req.url === '/login') login(req, 'ann')
      if (req.url === '/logout') logout(req)
      res.end(`${req.session.subject ?? 'nobody'} ${req.session.createdAt}`)
    },
  })
  const get = (path: string, ...cookies: string[]) => fetchRaw(port, path, { headers: { Cookie: cookies.join('; ') } })
  const older = sessionCookie(await get('/login')) ?? ''
  clock.now += 10
  const newer = sessionCookie(await get('/login')) ?? ''
  for (const cookies of [
    [older, newer],
    [newer, older],
  ]) {
    expect((await get('/', ...cookies)).body).toBe('ann 1800000010')
  }
  expect((await get('/logout', older, newer)).body).toBe('nobody 1800000010')
  expect((await get('/', older, newer)).body).toBe('nobody 1800000010')
  expect(store.memory.size).toBe(0)
})

test.each(['/logout', '/destroy'])('%s ends every live session that the cookies name', async (path) => {
  const { get, session, store } = await start()
  const cookies = [await session('/login/ann'), await session('/login/mallory'), await session('/leave/cart')]
  const response = await get(path, ...cookies)
  expect(response.status).toBe(200)
  expect(valuesOf(response, 'Set-Cookie')).toEqual([expect.stringMatching(/^sid=; /)])
  expect(store.memory.size).toBe(0)
})

test('logins of two users are served to neither', async () => {
  const { get, session } = await start()
  const [ann, mallory] = [await session('/login/ann'), await session('/login/mallory')]
  expect((await get('/', ann, mallory)).body).toBe('nobody -')
  expect((await get('/', mallory, ann)).body).toBe('nobody -')
  expect((await get('/', ann)).body).toBe('ann -')
})

test('a request that does not log in or out ends no other session', async () => {
  const { get, session, store } = await start()
  const cookies = [await session('/login/ann'), await session('/leave/trap')]
  expect((await get('/leave/more', ...cookies)).body).toBe('ann more')
  expect((await get('/late-login/ann', ...cookies)).status).toBe(200)
  expect((await get('/', cookies[0] ?? '')).body).toBe('ann more')
  expect((await get('/', cookies[1] ?? '')).body).toBe('nobody trap')
  expect(store.memory.size).toBe(2)
})

test('a login that cannot end a planted session fails, and leaves what was', async () => {
  const { get, session, store } = await start()
  const [planted, mine] = [await session('/leave/trap'), await session('/login/ann')]
  store.fail('delete', 'reject')
  const response = await get('/login/ann', planted, mine)
  expect(response.status).toBe(503)
  expect(valuesOf(response, 'Set-Cookie')).toEqual([])
  store.mend()
  expect((await get('/', planted, mine)).body).toBe('ann -')
})
