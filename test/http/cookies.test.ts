import { once } from 'node:events'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import cookieParser from 'cookie-parser'
import express from 'express'
import {
  login,
  logout,
  type RequestHandler,
  type SessionManager,
  type SessionOptions,
  sessionMiddleware,
} from '../../lib'
import type { SetCookieOptions } from '../../lib/session-manager'
import { type AppSetup, listen, startApp, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { express5, type Next, type TestRequest, type TestResponse } from '../support/server-kinds'
import { fetchRaw, parseResponse, type RawResponse, sessionCookie, valuesOf } from '../support/raw-client'
import { collectWarnings } from '../support/warnings'

const secret = 'a secret of a length that will do'
let warnings: { code: string; message: string }[]
beforeEach(() => {
  warnings = collectWarnings()
})
afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

const act = (req: TestRequest): void => {
  if (req.url === '/set') req.session.set('n', Number(req.session.get('n') ?? 0) + 1)
  if (req.url === '/in') login(req, 'ada')
  if (req.url === '/out') logout(req)
  if (req.url === '/destroy') req.session.destroy()
}

describe('beside cookie-parser', () => {
  const parser = (...args: [secret?: string | string[]]): RequestHandler =>
    cookieParser(...args) as unknown as RequestHandler

  describe.each([
    ['no secrets', undefined],
    ['a secret', secret],
    ['secrets, of which the first signs', [secret, 'an older secret of some length']],
  ])('%s', (_secrets, ours) => {
    test.each([
      ['before', { before: [parser(secret)] }],
      ['after', { after: [parser(secret)] }],
      ['before, without a secret', { before: [parser()] }],
      ['after, without a secret', { after: [parser()] }],
    ] as readonly [string, Partial<AppSetup>][])('mounted %s', async (where, wiring) => {
      const { port } = await startApp({
        kind: express5,
        store: new ControlledStore(),
        ...(ours !== undefined && { secret: ours }),
        ...wiring,
        handler(req, res) {
          act(req)
          const { cookies, signedCookies } = req
          res['json']({ n: req.session.get('n'), id: req.session.id, cookies, signedCookies })
        },
      })
      const cookie = sessionCookie(await fetchRaw(port, '/set')) ?? ''
      const seen = JSON.parse((await fetchRaw(port, '/set', { headers: { Cookie: `other=1; ${cookie}` } })).body)
      expect(seen.n).toBe(2)
      expect(seen.cookies.other).toBe('1')
      const shown = ours === undefined || where.includes('without') ? seen.cookies.sid : seen.signedCookies.sid
      if (ours !== undefined && where.includes('without')) expect(shown.startsWith(`s:${seen.id}.`)).toBe(true)
      else expect(shown).toBe(seen.id)
    })
  })
})

describe('attributes and name follow the security of the request', () => {
  interface Case {
    readonly options: SessionOptions
    readonly plain?: string
    readonly tls?: string
  }
  const cases: Record<string, Case> = {
    'the defaults': {
      options: {},
      plain: 'sid=ID; Max-Age=86400; Path=/; HttpOnly; SameSite=Lax',
      tls: '__Host-sid=ID; Max-Age=86400; Path=/; HttpOnly; Secure; SameSite=Lax',
    },
    'a path': {
      options: { cookie: { path: '/app' } },
      plain: 'sid=ID; Max-Age=86400; Path=/app; HttpOnly; SameSite=Lax',
      tls: '__Secure-sid=ID; Max-Age=86400; Path=/app; HttpOnly; Secure; SameSite=Lax',
    },
    'a domain': {
      options: { cookie: { domain: 'example.com' } },
      plain: 'sid=ID; Max-Age=86400; Domain=example.com; Path=/; HttpOnly; SameSite=Lax',
      tls: '__Secure-sid=ID; Max-Age=86400; Domain=example.com; Path=/; HttpOnly; Secure; SameSite=Lax',
    },
    'a name, strict, not for scripts, with a priority': {
      options: { cookie: { name: 'app', sameSite: 'strict', httpOnly: false, priority: 'high' }, sessionTtl: 60 },
      plain: 'app=ID; Max-Age=60; Path=/; Priority=High; SameSite=Strict',
      tls: 'app=ID; Max-Age=60; Path=/; Secure; Priority=High; SameSite=Strict',
    },
    'never secure': {
      options: { cookie: { secure: false } },
      plain: 'sid=ID; Max-Age=86400; Path=/; HttpOnly; SameSite=Lax',
      tls: 'sid=ID; Max-Age=86400; Path=/; HttpOnly; SameSite=Lax',
    },
    'always secure, in frames of other sites': {
      options: { cookie: { secure: true, sameSite: 'none', partitioned: true } },
      tls: '__Host-sid=ID; Max-Age=86400; Path=/; HttpOnly; Secure; Partitioned; SameSite=None',
    },
    'a name that implies Secure': {
      options: { cookie: { name: '__Secure-app' } },
      tls: '__Secure-app=ID; Max-Age=86400; Path=/; HttpOnly; Secure; SameSite=Lax',
    },
    'until the browser closes': {
      options: { cookie: { persistent: false } },
      plain: 'sid=ID; Path=/; HttpOnly; SameSite=Lax',
      tls: '__Host-sid=ID; Path=/; HttpOnly; Secure; SameSite=Lax',
    },
  }

  test.each(Object.entries(cases))('%s', async (_name, { options, plain, tls }) => {
    const sessions = sessionMiddleware(options)
    const respond = (req: any, res: any): void => sessions(req, res, () => (act(req), res.end(req.session.id)))
    const { port } = await listen(respond)
    const secure = createTlsServer({ pskCallback: () => key, ciphers: 'PSK', maxVersion: 'TLSv1.2' }, respond)
    secure.listen(0, '127.0.0.1')
    await once(secure, 'listening')

    for (const [expected, ask] of [
      [plain, (path: string, cookie: string) => fetchRaw(port, path, { headers: { Cookie: cookie } })],
      [tls, (path: string, cookie: string) => fetchTls((secure.address() as AddressInfo).port, path, cookie)],
    ] as const) {
      const first = await ask('/in', '')
      expect(valuesOf(first, 'Set-Cookie')).toEqual(expected === undefined ? [] : [expected.replace('ID', first.body)])
      if (expected === undefined) continue
      const cookie = expected.replace('ID', first.body).split(';')[0] ?? ''
      // To delete it all the same is said once more.
      const cleared = expected
        .replace('ID', '')
        .replace(/Max-Age=\d+/, 'Max-Age=0')
        .replace('=; Path', '=; Max-Age=0; Path')
      const deletion = await ask('/destroy', cookie)
      expect(valuesOf(deletion, 'Set-Cookie')).toEqual([`${cleared}; Expires=Thu, 01 Jan 1970 00:00:00 GMT`])
    }
    secure.close()
  })
})

describe('behind a proxy that ends TLS', () => {
  async function start(
    trust: boolean,
    options: SessionOptions = {},
  ): Promise<(forwarded?: string) => Promise<RawResponse>> {
    const app = express()
    if (trust) app.set('trust proxy', 1)
    app.use(sessionMiddleware(options))
    app.use((req, res, _next: Next) => {
      act(req)
      ;(res as unknown as TestResponse).end()
    })
    const { port } = await listen(app)
    return (forwarded) =>
      fetchRaw(port, '/set', { headers: forwarded === undefined ? {} : { 'X-Forwarded-Proto': forwarded } })
  }

  test('that is trusted, the cookie is secure', async () => {
    const get = await start(true)
    expect(valuesOf(await get('https'), 'Set-Cookie')[0]).toMatch(/^__Host-sid=.*; Secure/)
    expect(valuesOf(await get('http'), 'Set-Cookie')[0]).toMatch(/^sid=/)
    expect(warnings).toEqual([])
  })

  test('that is not trusted, it is not, and one warning names the remedy', async () => {
    const get = await start(false)
    for (let i = 0; i < 3; i++) expect(valuesOf(await get('https'), 'Set-Cookie')[0]).not.toContain('Secure')
    expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_UNTRUSTED_PROXY'])
    expect(warnings[0]?.message).toContain("app.set('trust proxy', 1)")
  })

  test('a secure cookie that cannot be sent is warned of once, with the remedy that fits, and nothing is stored for it', async () => {
    const store = new ControlledStore()
    const get = await start(false, { store, cookie: { secure: true } })
    for (let i = 0; i < 3; i++) expect(valuesOf(await get('https'), 'Set-Cookie')).toEqual([])
    expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_SECURE_COOKIE_NOT_SENT'])
    expect(warnings[0]?.message).toContain('a proxy says that the client used TLS')
    expect(store.calls).toEqual([])
  })

  test('without a proxy the remedy is another one', async () => {
    const get = await start(true, { cookie: { secure: true } })
    expect(valuesOf(await get(), 'Set-Cookie')).toEqual([])
    expect(warnings[0]?.message).toContain('serve the app over TLS')
  })
})

describe('in production, behind a proxy that ends TLS and is not trusted', () => {
  const before = process.env['NODE_ENV']
  beforeEach(() => {
    process.env['NODE_ENV'] = 'production'
  })
  afterEach(() => {
    process.env['NODE_ENV'] = before
  })

  async function start(options: SessionOptions = {}, onSet?: (req: TestRequest, res: TestResponse) => void) {
    const store = new ControlledStore()
    const server = await startApp({
      kind: express5,
      store,
      ...options,
      handler(req, res) {
        if (onSet === undefined) act(req)
        else onSet(req, res)
        res.end(String(req.session.get('n')))
      },
    })
    const get = (path: string, headers: Record<string, string> = {}) => fetchRaw(server.port, path, { headers })
    return { ...server, store, get }
  }

  test.each([
    ['X-Forwarded-Proto', 'https'],
    ['Forwarded', 'for=10.0.0.1;proto=https'],
    ['CF-Visitor', '{"scheme":"https"}'],
    ['X-Forwarded-Ssl', 'on'],
  ])('a session that needs a cookie fails loudly, with the remedy, and stores nothing (%s)', async (name, value) => {
    const { get, store, errors } = await start()
    for (let i = 0; i < 50; i++) {
      const response = await get(i % 2 === 0 ? '/set' : '/in', { [name]: value })
      expect(response).toMatchObject({ status: 500, body: 'sorry: PROXY_NOT_TRUSTED' })
      expect(valuesOf(response, 'Set-Cookie')).toEqual([])
    }
    expect(errors).toHaveLength(50)
    expect(errors[0].message).toContain("app.set('trust proxy', 1)")
    expect(store.calls).toEqual([])
    expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_UNTRUSTED_PROXY'])
  })

  test('a response without a cookie, and a request without the header, are served as ever', async () => {
    const { get, errors } = await start()
    expect((await get('/', { 'X-Forwarded-Proto': 'https' })).status).toBe(200)
    const first = await get('/set')
    expect(valuesOf(first, 'Set-Cookie')).toEqual([expect.stringMatching(/^sid=/)])
    const cookie = sessionCookie(first) ?? ''
    const next = await get('/set', { 'X-Forwarded-Proto': 'https', Cookie: cookie })
    expect(next).toMatchObject({ status: 200, body: '2' })
    expect(valuesOf(await get('/set', { 'X-Forwarded-Proto': 'http' }), 'Set-Cookie')).toHaveLength(1)
    expect(errors).toEqual([])
    expect(warnings).toEqual([])
  })

  test('cookie.secure: false sends it all the same, and a session of an app that saves it itself is refused too', async () => {
    const unprotected = await start({ cookie: { secure: false } })
    expect(valuesOf(await unprotected.get('/set', { 'X-Forwarded-Proto': 'https' }), 'Set-Cookie')).toHaveLength(1)
    const { get, sessions, errors } = await start({}, (req, res) => sessions.setCookie(res, req.session.id))
    expect((await get('/', { 'X-Forwarded-Proto': 'https' })).status).toBe(500)
    expect(errors[0]).toMatchObject({ code: 'PROXY_NOT_TRUSTED' })
    expect(valuesOf(await get('/'), 'Set-Cookie')).toHaveLength(1)
  })
})

describe('one session cookie a response', () => {
  async function start(onRequest: (req: TestRequest, res: TestResponse, sessions: SessionManager) => unknown) {
    const server = await startApp({
      store: new ControlledStore(),
      async handler(req, res) {
        res.setHeader('Set-Cookie', 'a=1')
        await onRequest(req, res, server.sessions)
        res.end()
      },
    })
    const response = await fetchRaw(server.port, '/')
    const [other, ...cookies] = valuesOf(response, 'Set-Cookie')
    expect(other).toBe('a=1')
    expect(cookies).toHaveLength(1)
    return { cookie: cookies[0] ?? '', sessions: server.sessions }
  }

  test('setCookie, before a session that changes', async () => {
    const { cookie, sessions } = await start(async (req, res, manager) => {
      manager.setCookie(res, await manager.create({ given: true }))
      req.session.set('n', 1)
    })
    expect(await sessions.get(cookie.split(/[=;]/)[1] ?? '')).toEqual({ given: true })
  })

  test('setCookie, after one that ended', async () => {
    const { cookie, sessions } = await start(async (req, res, manager) => {
      req.session.destroy()
      manager.setCookie(res, await manager.create({ given: true }))
    })
    expect(await sessions.get(cookie.split(/[=;]/)[1] ?? '')).toEqual({ given: true })
  })

  test('setCookie twice: the last', async () => {
    const { cookie, sessions } = await start(async (_req, res, manager) => {
      manager.setCookie(res, await manager.create({ given: 1 }))
      manager.setCookie(res, await manager.create({ given: 2 }))
    })
    expect(await sessions.get(cookie.split(/[=;]/)[1] ?? '')).toEqual({ given: 2 })
  })

  test('setCookie, then delete: none', async () => {
    const { cookie } = await start(async (_req, res, manager) => {
      const id = await manager.create()
      manager.setCookie(res, id)
      await manager.delete(id, res)
    })
    expect(cookie).toMatch(/^sid=; Max-Age=0/)
  })

  test('delete, then a session that begins: the session', async () => {
    const { cookie, sessions } = await start(async (req, res, manager) => {
      await manager.delete(await manager.create(), res)
      req.session.set('n', 1)
    })
    expect(await sessions.get(cookie.split(/[=;]/)[1] ?? '')).toEqual({ n: 1 })
  })

  test.each([
    ['no id', 'x', {}],
    ['a handle', 'A'.repeat(16), {}],
    ['what is no text', 7, {}],
    ['a maxAge of NaN', 'A'.repeat(48), { maxAge: NaN }],
    ['a maxAge of 0', 'A'.repeat(48), { maxAge: 0 }],
    ['an infinite maxAge', 'A'.repeat(48), { maxAge: Infinity }],
    ['an unknown option', 'A'.repeat(48), { maxage: 1 }],
  ])('setCookie refuses %s and sets nothing', async (_what, id, options) => {
    let error: unknown
    const { port, sessions } = await startApp({
      handler(_req, res) {
        try {
          sessions.setCookie(res, id as string, options as SetCookieOptions)
        } catch (caught) {
          error = caught
        }
        res.end()
      },
    })
    expect(valuesOf(await fetchRaw(port), 'Set-Cookie')).toEqual([])
    expect(error).toMatchObject({ code: expect.stringMatching(/^INVALID_(ARGUMENT|OPTION)$/) })
  })
})

describe('an app that saves the session itself', () => {
  test('with sessions.save(req.session): the client still gets its cookie, and the clearing of it', async () => {
    const store = new ControlledStore()
    const { port, sessions } = await startApp({
      store,
      async handler(req, res) {
        act(req)
        res.setHeader('X-Saved', String(await sessions.save(req.session)))
        res.end()
      },
    })
    const first = await fetchRaw(port, '/set')
    const cookie = sessionCookie(first) ?? ''
    expect(cookie).toBe(`sid=${valuesOf(first, 'X-Saved')[0] ?? ''}`)
    expect(store.calls).toEqual(['insert'])
    const login = await fetchRaw(port, '/in', { headers: { Cookie: cookie } })
    expect(sessionCookie(login)).toBe(`sid=${valuesOf(login, 'X-Saved')[0] ?? ''}`)
    expect(sessionCookie(login)).not.toBe(cookie)
    const unchanged = await fetchRaw(port, '/', { headers: { Cookie: sessionCookie(login) ?? '' } })
    expect(valuesOf(unchanged, 'Set-Cookie')).toEqual([])
    const destroyed = await fetchRaw(port, '/destroy', { headers: { Cookie: sessionCookie(login) ?? '' } })
    expect(sessionCookie(destroyed)).toBe('sid=')
  })
})

/** TLS without certificates: both sides know the key. */
const key = Buffer.alloc(32, 7)

async function fetchTls(port: number, path: string, cookie: string): Promise<RawResponse> {
  const socket: TLSSocket = connectTls({
    port,
    host: '127.0.0.1',
    ciphers: 'PSK',
    maxVersion: 'TLSv1.2',
    pskCallback: () => ({ psk: key, identity: 'test' }),
    checkServerIdentity: () => undefined,
  })
  let received = ''
  socket.setEncoding('latin1').on('data', (text: string) => (received += text))
  socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nCookie: ${cookie}\r\n\r\n`)
  await once(socket, 'close')
  return parseResponse(received)
}
