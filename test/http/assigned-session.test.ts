import { IncomingMessage } from 'node:http'
import { inspect } from 'node:util'
import cookieSession from 'cookie-session'
import express from 'express'
import expressSession from 'express-session'
import express4 from 'express4'
import { logout, Session, sessionMiddleware } from '../../lib'
import entryPoint from '../../lib/express-session'
import { listen, startApp, stopApps } from '../support/app'
import { fetchRaw, sessionCookie } from '../support/raw-client'
import { type Handler, serverKinds } from '../support/server-kinds'
// eslint-disable-next-line @typescript-eslint/no-require-imports -- sloppy mode is only to be had in a script
const habits = require('./sloppy-requests.cjs') as Record<string, (req: object) => unknown>

afterEach(stopApps)

const caught = (act: () => unknown): { code?: string; message?: string } => {
  try {
    act()
    return {}
  } catch (error) {
    const { code, message } = error as { code: string; message: string }
    return { code, message }
  }
}

describe.each(serverKinds)('on $name', (kind) => {
  test.each([
    ['req.session = null', /logout\(req\)/],
    ['req.session = undefined', /logout\(req\)/],
    ['req.session = {}', /req\.session\.set\(key, value\)/],
    ['req.session = new Session', /req\.session\.set\(key, value\)/],
    ['Object.assign(req, { session })', /req\.session\.set\(key, value\)/],
  ])('%s throws SESSION_MISUSE in sloppy mode and leaves the session', async (habit, remedy) => {
    const { port } = await startApp({
      kind,
      handler: (req, res) => {
        const { session } = req
        const { code, message } = caught(() => habits[habit]?.(req))
        res.end(JSON.stringify({ code, message, same: req.session === session }))
      },
    })
    const { body } = await fetchRaw(port, '/')
    expect(JSON.parse(body)).toEqual({
      code: 'SESSION_MISUSE',
      message: expect.stringMatching(remedy),
      same: true,
    })
  })

  test('the session that is there may be assigned to itself, also the one after a logout', async () => {
    const { port } = await startApp({
      kind,
      handler: (req, res) => {
        const before = req.session
        logout(req)
        req.session = req.session // eslint-disable-line no-self-assign
        res.end(String(req.session === before))
      },
    })
    expect((await fetchRaw(port, '/')).body).toBe('false')
  })

  test('a request can be copied and printed, and its session is an own property', async () => {
    const { port } = await startApp({
      kind,
      handler: (req, res) => {
        const copy = Object.assign({}, req)
        const text = inspect(req, { depth: 0 })
        res.end(JSON.stringify([copy.session === req.session, Object.keys(req).includes('session'), text.length > 0]))
      },
    })
    expect(JSON.parse((await fetchRaw(port, '/')).body)).toEqual([true, true, true])
  })
})

describe.each([
  ['Express 5', express],
  ['Express 4', express4 as unknown as typeof express],
])('%s', (_, create) => {
  async function run(handler: Handler): Promise<any> {
    const app = create()
    app.use(sessionMiddleware())
    app.use(handler as unknown as express.RequestHandler)
    const { port } = await listen(app)
    return JSON.parse((await fetchRaw(port, '/')).body)
  }

  test.each([
    ['sessionID', /req\.session\.handle.*req\.session\.subject \?\? req\.ip/],
    ['sessionStore', /sessionMiddleware\(options\)\.sessions/],
  ])('req.%s explains itself when it is read', async (name, remedy) => {
    const said = await run((req, res) => res['json'](caught(() => req[name])))
    expect(said).toEqual({ code: 'SESSION_MISUSE', message: expect.stringMatching(remedy) })
  })

  test('what prints, copies or lists a request does not read them', async () => {
    const seen = await run((req, res) => {
      inspect(req, { showHidden: true, depth: 1 })
      const names: string[] = []
      for (const name in req) names.push(name)
      res['json']([Object.keys(Object.assign({}, req)), names].map((all) => all.includes('sessionID')))
    })
    expect(seen).toEqual([false, false])
  })

  test('an app without our sessions reads undefined, and sets what it likes', async () => {
    await run((req, res) => res['json'](req.session instanceof Session))
    const app = create()
    app.use((req, res) => {
      const before = [(req as any).sessionID, (req as any).session]
      Object.assign(req, { sessionID: 'mine', session: 5 })
      res.json([before, (req as any).sessionID, (req as any).session, Object.hasOwn(req, 'sessionID')])
    })
    const { port } = await listen(app)
    expect(JSON.parse((await fetchRaw(port, '/')).body)).toEqual([[null, null], 'mine', 5, true])
  })

  test('express-session on another path has its own session, sessionID and sessionStore', async () => {
    const app = create()
    app.use('/old', expressSession({ secret: 'x', resave: false, saveUninitialized: true }))
    app.use('/new', sessionMiddleware())
    app.use((req, res) => {
      const { session, sessionID, sessionStore } = req as any
      res.json([session instanceof Session, typeof sessionID, typeof sessionStore])
    })
    app.use((error: Error, _req: any, res: express.Response, _next: any) => res.json(error.message))
    const { port } = await listen(app)
    expect(JSON.parse((await fetchRaw(port, '/new')).body)).toContain('req.sessionID')
    expect(JSON.parse((await fetchRaw(port, '/old')).body)).toEqual([false, 'string', 'object'])
  })

  test('holdfast/express-session on another path has its own sessionID and sessionStore, also once both were used', async () => {
    const app = create()
    app.use('/old', entryPoint({ secret: 'x', resave: false, saveUninitialized: true }) as express.RequestHandler)
    app.use('/new', sessionMiddleware())
    app.use((req, res) => {
      const { sessionID, sessionStore } = req as any
      res.json([typeof sessionID, typeof sessionStore])
    })
    app.use((error: Error, _req: any, res: express.Response, _next: any) => res.json(error.message))
    const { port } = await listen(app)
    for (let i = 0; i < 2; i++) {
      expect(JSON.parse((await fetchRaw(port, '/old')).body)).toEqual(['string', 'object'])
      expect(JSON.parse((await fetchRaw(port, '/new')).body)).toContain('req.sessionID')
    }
  })

  test('cookie-session, mounted behind, takes over', async () => {
    const seen = await (async () => {
      const app = create()
      app.use(sessionMiddleware(), cookieSession({ keys: ['k'] }))
      app.use((req, res) => {
        const { session } = req as any
        ;(req as any).session = null
        res.json([session instanceof Session, (req as any).session])
      })
      const { port } = await listen(app)
      return JSON.parse((await fetchRaw(port, '/')).body) as unknown
    })()
    expect(seen).toEqual([false, null])
  })
})

test("Node's own requests stay as they are", async () => {
  const own = (): object => Object.getOwnPropertyDescriptors(IncomingMessage.prototype)
  const before = own()
  const { port } = await listen(express().use(sessionMiddleware(), (_req, res) => res.end('x')))
  await fetchRaw(port, '/')
  expect(own()).toEqual(before)
})

test('req.session = null in a route reaches the error handler, and the user stays signed in', async () => {
  const app = express()
  app.use(sessionMiddleware())
  app.get('/set', (req, res) => {
    req.session.set('name', 'ann')
    res.end()
  })
  app.get('/logout', (req, res) => {
    habits['req.session = null']?.(req)
    res.end('bye')
  })
  app.get('/', (req, res) => res.end(req.session.get('name')))
  app.use((error: any, _req: any, res: express.Response, _next: any) => res.status(500).end(error.code))
  const { port } = await listen(app)
  const cookie = sessionCookie(await fetchRaw(port, '/set')) ?? ''
  const headers = { Cookie: cookie }
  expect(await fetchRaw(port, '/logout', { headers })).toMatchObject({ status: 500, body: 'SESSION_MISUSE' })
  expect((await fetchRaw(port, '/', { headers })).body).toBe('ann')
})
