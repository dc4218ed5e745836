import { EventEmitter } from 'node:events'
import { ServerResponse } from 'node:http'
import express, { type ErrorRequestHandler } from 'express'
import { login, logout, Session, SessionError, SessionManager, sessionMiddleware } from '../../lib'
import { listen, stopApps } from '../support/app'
import { fetchRaw } from '../support/raw-client'

afterEach(stopApps)

test('app.use(sessionMiddleware), without the call, says so at the first request', async () => {
  const app = express()
  app.use(sessionMiddleware as unknown as express.RequestHandler)
  const onError: ErrorRequestHandler = (error: { code: string; message: string }, _req, res, _next) => {
    res.json([error.code, error.message])
  }
  app.use(onError)
  const { port } = await listen(app)
  expect(JSON.parse((await fetchRaw(port, '/')).body)).toEqual([
    'SESSION_MISUSE',
    expect.stringContaining('app.use(sessionMiddleware())'),
  ])
})

describe.each(['create', 'update', 'updateAll'] as const)('%s', (call) => {
  class Basket {
    readonly #items = ['apple']
    get count(): number {
      return this.#items.length
    }
  }
  class Row {
    constructor(readonly name: string) {}
  }
  async function give(data: unknown): Promise<{ code: string | undefined; message: string; values: unknown }> {
    const sessions = new SessionManager()
    let id = await sessions.users.create('ann', { ip: '' })
    let error: { code?: string; message?: string } = {}
    try {
      if (call === 'create') id = await sessions.create(data as object)
      else if (call === 'update') await sessions.update(id, data as object)
      else await sessions.users.updateAll('ann', data as object)
    } catch (thrown) {
      error = thrown as Error
    }
    const values = await sessions.get(id)
    await sessions.close()
    return { code: error.code, message: error.message ?? '', values }
  }

  test.each<[string, unknown, string]>([
    ['null', null, 'data is null'],
    ['text', 'theme', 'data is a string'],
    ['a number', 5, 'data is 5'],
    ['an array', [1], 'data is an array'],
    ['a Map', new Map([['a', 1]]), 'data is a Map or a Set'],
    ['a promise that was not awaited', Promise.resolve({ a: 1 }), 'data is a promise'],
    ['a session', new Session(undefined, [{ a: 1 }, {}]), 'data is an instance of Session'],
    ['an instance that shows no property', new Basket(), 'data is an instance of Basket'],
    ['a Buffer', Buffer.from('a'), 'data is a Buffer'],
    ['an empty key', { '': 1 }, 'has an empty string as a key'],
  ])('refuses %s, of which nothing could be read again', async (_name, data, message) => {
    const { code, message: given, values } = await give(data)
    expect(code).toBe('INVALID_ARGUMENT')
    expect(given).toContain(`${call}: data`)
    expect(given).toContain(message)
    expect(values).toEqual({})
  })

  test.each<[string, object]>([
    ['an object without a prototype', Object.assign(Object.create(null) as object, { name: 'a' })],
    ['a row of a database', new Row('a')],
  ])('keeps %s', async (_name, data) => {
    expect(await give(data)).toEqual({ code: undefined, message: '', values: { name: 'a' } })
  })
})

describe.each([undefined, null, 'text', 5])('%p', (given) => {
  const wrong = given as never
  const socket = Object.assign(new EventEmitter(), { close: () => {} })
  test.each<[string, (sessions: SessionManager, id: string) => unknown, string]>([
    ['fromRequest', (sessions) => sessions.fromRequest(wrong), 'the request'],
    ['fromWebSocket', (sessions) => sessions.fromWebSocket(wrong), 'the request of a handshake'],
    ['openChannel', (sessions) => sessions.openChannel(wrong), 'a socket of "ws", or of Socket.IO'],
    ['openChannel', (sessions) => sessions.openChannel(wrong, { headers: {} }), 'a socket of "ws", or of Socket.IO'],
    ['openChannel', (sessions) => sessions.openChannel(socket, wrong), 'request'],
    ['setCookie', (sessions, id) => sessions.setCookie(wrong, id), 'the response'],
    ['delete', (sessions, id) => sessions.delete(id, given === undefined ? (null as never) : wrong), 'the response'],
    ['login', () => login(wrong, 'ann'), 'the request'],
    ['logout', () => logout(wrong), 'the request'],
  ])('as a request, response or socket is refused by %s', async (call, act, accepts) => {
    const sessions = new SessionManager()
    const id = await sessions.create({ name: 'a' })
    const error = await rejectionOf(async () => act(sessions, id))
    expect(error).toBeInstanceOf(SessionError)
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(accepts) })
    expect((error as Error).message).toMatch(new RegExp(`^${call}: `))
    expect(await sessions.get(id)).toEqual({ name: 'a' })
    await sessions.close()
  })
})

async function rejectionOf(act: () => Promise<unknown>): Promise<unknown> {
  try {
    return await act()
  } catch (error) {
    return error
  }
}

test.each([{}, null, undefined, 'id'])('save(%p) says what it accepts', async (given) => {
  const sessions = new SessionManager()
  await expect(sessions.save(given as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await sessions.close()
})

test.each<[string, () => unknown, string]>([
  [
    'sessionMiddleware({ secret: [undefined] })',
    () => sessionMiddleware({ secret: [undefined as never] }),
    'secret is undefined',
  ],
  ['get(5)', () => new Session().get(5 as never), 'the key is a number'],
  ['get()', () => new Session().get(undefined as never), 'the key is undefined'],
  ['set with an Error', () => new Session().set('a', new Error('x')), 'carry an Error'],
  ['set with a Uint8Array', () => new Session().set('a', new Uint8Array(1)), 'carry a Uint8Array'],
])('%s: the message is English', (_call, act, text) => {
  expect(act).toThrow(text)
})

describe('setCookie', () => {
  const code = async (id: unknown, options?: object): Promise<unknown> => {
    const sessions = new SessionManager()
    const given = id === 'a good one' ? await sessions.create() : id
    const res = new ServerResponse({ method: 'GET', headers: {}, socket: {} } as never)
    try {
      sessions.setCookie(res, given as string, options)
      return String(res.getHeader('Set-Cookie')).includes('sid=') ? 'sent' : 'not sent'
    } catch (error) {
      expect(res.getHeader('Set-Cookie')).toBeUndefined()
      return (error as { code?: string }).code
    } finally {
      await sessions.close()
    }
  }

  test.each<[string, unknown, object | undefined, string]>([
    ['a text that is no id', 'not an id at all', undefined, 'INVALID_ARGUMENT'],
    ['undefined', undefined, undefined, 'INVALID_ARGUMENT'],
    ['a misspelt option', 'a good one', { maxage: 5 }, 'INVALID_OPTION'],
    ['maxAge NaN', 'a good one', { maxAge: NaN }, 'INVALID_OPTION'],
    ['maxAge in milliseconds', 'a good one', { maxAge: 86_400_000 }, 'INVALID_OPTION'],
    ['maxAge 60', 'a good one', { maxAge: 60 }, 'sent'],
    ['no options', 'a good one', undefined, 'sent'],
  ])('%s', async (_, id, options, expected) => {
    expect(await code(id, options)).toBe(expected)
  })
})

test.each([86_400_000, Infinity, 1e300, 0])('login with ttl %d is refused', async (ttl) => {
  const app = express()
  app.use(sessionMiddleware())
  app.use((req, res) => {
    try {
      login(req, 'ann', { ttl })
      res.end('accepted')
    } catch (error) {
      res.end((error as { code: string }).code)
    }
  })
  const { port } = await listen(app)
  expect((await fetchRaw(port, '/')).body).toBe('INVALID_ARGUMENT')
})

test.each([86_400_000, Infinity, NaN])('users.create with sessionTtl %d is refused', async (ttl) => {
  const sessions = new SessionManager()
  await expect(sessions.users.create('ann', { ip: '' }, ttl)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  await sessions.close()
})
