import { RandomPool } from '../../lib/id/random-pool'
import { login, logout } from '../../lib'
import { startApp, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { bare, type Handler, type ServerKind, serverKinds } from '../support/server-kinds'
import { fetchRaw, type RawResponse, sessionCookie, valuesOf } from '../support/raw-client'

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

const now = { value: 1_000_000 }
const clock = (): number => now.value

const routes: Record<string, Handler> = {
  '/nothing': () => undefined,
  '/show': (req) => [
    req.session.get('n'),
    req.session.has('n'),
    req.session.size,
    req.session.dirty,
    req.session.data,
    req.session.subject,
  ],
  '/set': (req) => req.session.set('n', 1),
  '/set-object': (req) => req.session.set('cart', { items: [1] }),
  '/read-object': (req) => req.session.get('cart'),
  '/set-equal': (req) => req.session.set('cart', { items: [1] }),
  '/mutate': (req) => (req.session.get('cart') as { items: number[] }).items.push(2),
  '/unset': (req) => req.session.unset('n'),
  '/unset-absent': (req) => req.session.unset('absent'),
  '/set-null': (req) => req.session.set('absent', null),
  '/set-and-unset': (req) => {
    req.session.set('absent', 1)
    req.session.unset('absent')
  },
  '/flash': (req) => req.session.flash('hello', 1),
  '/regenerate': (req) => req.session.regenerateId(),
  '/login': (req) => login(req, 'ada'),
  '/login-other': (req) => login(req, 'bob'),
  '/logout': (req) => logout(req),
  '/logout-flash': (req) => {
    logout(req)
    req.session.flash('bye', 1)
  },
  '/destroy': (req) => req.session.destroy(),
  '/stream': async (req, res) => {
    for (let i = 0; i < 5; i++) {
      req.session.get('cart')
      res.write('x')
    }
  },
}

interface Cost {
  readonly commands: readonly string[]
  readonly cookie: 'none' | 'new' | 'cleared'
}

async function start(
  kind: ServerKind,
): Promise<(path: string, cookie?: string) => Promise<{ response: RawResponse; cost: Cost }>> {
  const store = new ControlledStore()
  const { port } = await startApp({
    kind,
    store,
    clock,
    sessionTtl: 100,
    async handler(req, res, next) {
      await routes[req.url ?? '']?.(req, res, next)
      res.end('done')
    },
  })
  return async (path, cookie) => {
    store.log.length = 0
    const response = await fetchRaw(port, path, { headers: cookie === undefined ? {} : { Cookie: cookie } })
    expect(response).toMatchObject({ status: 200, whole: true })
    const [set] = valuesOf(response, 'Set-Cookie')
    expect(valuesOf(response, 'Set-Cookie').length).toBeLessThanOrEqual(1)
    const state = set === undefined ? 'none' : set.startsWith('sid=;') ? 'cleared' : 'new'
    expect(valuesOf(response, 'Cache-Control')).toEqual(set === undefined ? [] : ['no-store'])
    return { response, cost: { commands: [...store.calls], cookie: state } }
  }
}

describe.each(serverKinds)('what a request costs: $name', (kind) => {
  test.each([
    '/nothing',
    '/show',
    '/read-object',
    '/unset',
    '/unset-absent',
    '/set-null',
    '/set-and-unset',
    '/stream',
    '/destroy',
    '/logout',
  ])('nothing, without a cookie and a change: %s', async (path) => {
    const random = jest.spyOn(RandomPool.prototype, 'take')
    const get = await start(kind)
    expect((await get(path)).cost).toEqual({ commands: [], cookie: 'none' })
    expect(random).not.toHaveBeenCalled()
  })

  test.each(['/set', '/flash', '/login', '/regenerate', '/logout-flash'])(
    'one command and a cookie for a session that begins: %s',
    async (path) => {
      const get = await start(kind)
      expect((await get(path)).cost).toEqual({ commands: ['insert'], cookie: 'new' })
    },
  )

  const begun: readonly (readonly [path: string, commands: string[], cookie: Cost['cookie']])[] = [
    ['/nothing', ['load'], 'none'],
    ['/show', ['load'], 'none'],
    ['/read-object', ['load'], 'none'],
    ['/set-equal', ['load'], 'none'],
    ['/unset-absent', ['load'], 'none'],
    ['/set-and-unset', ['load'], 'none'],
    ['/stream', ['load'], 'none'],
    ['/set', ['load', 'change'], 'none'],
    ['/mutate', ['load', 'change'], 'none'],
    ['/flash', ['load', 'change'], 'none'],
    ['/regenerate', ['load', 'change'], 'new'],
    ['/login', ['load', 'change'], 'new'],
    ['/login-other', ['load', 'change'], 'new'],
    ['/logout', ['load', 'delete'], 'cleared'],
    ['/destroy', ['load', 'delete'], 'cleared'],
    ['/logout-flash', ['load', 'delete', 'insert'], 'new'],
  ]
  test.each(begun)('a session that has begun: %s costs %j, cookie: %s', async (path, commands, cookie) => {
    const get = await start(kind)
    const { response } = await get('/set-object')
    const random = jest.spyOn(RandomPool.prototype, 'take')
    expect((await get(path, sessionCookie(response))).cost).toEqual({ commands, cookie })
    expect(random).toHaveBeenCalledTimes(cookie === 'new' ? 1 : 0)
  })

  test('a login over that of another user: one command more, for the session that it ends', async () => {
    const get = await start(kind)
    const { response } = await get('/login')
    expect((await get('/login-other', sessionCookie(response))).cost).toEqual({
      commands: ['load', 'insert', 'delete'],
      cookie: 'new',
    })
  })

  test('a flash message costs one change where it is left, and one where it can be read', async () => {
    const get = await start(kind)
    const { response } = await get('/set')
    const cookie = sessionCookie(response)
    expect((await get('/flash', cookie)).cost).toEqual({ commands: ['load', 'change'], cookie: 'none' })
    expect((await get('/nothing', cookie)).cost).toEqual({ commands: ['load', 'change'], cookie: 'none' })
    expect((await get('/nothing', cookie)).cost).toEqual({ commands: ['load'], cookie: 'none' })
  })

  test('a cookie that can name no session costs no command; one with an invalid id costs one, and is left as it is', async () => {
    const get = await start(kind)
    for (const cookie of ['sid=', 'sid=short', `sid=${'x'.repeat(5000)}`, 'other=1', `sid=${'!'.repeat(48)}`]) {
      expect((await get('/show', cookie)).cost).toEqual({ commands: [], cookie: 'none' })
    }
    const dead = `sid=${'A'.repeat(48)}`
    expect((await get('/show', dead)).cost).toEqual({ commands: ['load'], cookie: 'none' })
    expect((await get('/logout', dead)).cost).toEqual({ commands: ['load'], cookie: 'cleared' })
    expect((await get('/set', dead)).cost).toEqual({ commands: ['load', 'insert'], cookie: 'new' })
  })
})

test('the cookie ends with the session: only a login, which moves the deadline, sends it again', async () => {
  const get = await start(bare)
  const maxAge = (response: RawResponse): string | undefined =>
    /Max-Age=(\d+)/.exec(valuesOf(response, 'Set-Cookie')[0] ?? '')?.[1]
  now.value = 1_000_000
  const { response } = await get('/set')
  expect(maxAge(response)).toBe('100')
  now.value += 40
  const first = sessionCookie(response)
  expect((await get('/flash', first)).cost.cookie).toBe('none')
  const renewed = await get('/regenerate', first)
  expect(maxAge(renewed.response)).toBe('60')
  const login = await get('/login', sessionCookie(renewed.response))
  expect(maxAge(login.response)).toBe('100')
})
