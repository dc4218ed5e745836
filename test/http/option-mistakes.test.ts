import { ServerResponse } from 'node:http'
import express, { type ErrorRequestHandler } from 'express'
import { login, SessionManager, sessionMiddleware } from '../../lib'
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
