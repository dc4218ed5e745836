import type { Server } from 'node:http'
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import { type createClient } from 'redis'
import request from 'supertest'
import { login, logout, MemoryStore, SessionManager, sessionMiddleware } from '../../lib'
import { RedisServer } from '../support/redis-server'
import { runBlock } from './app-of-blocks'
import { type CodeBlock, guide, type Page, readme } from './markdown'

const page = (name: string) => guide.find(({ path }) => path === `docs/guide/${name}.md`)!

/** The piece of a page that has this text. */
function block({ blocks, path }: Page, text: string): CodeBlock {
  const found = blocks.filter((one) => one.language === 'ts' && one.text.includes(text))
  if (found.length === 0) throw new Error(`no piece of code in ${path} has ${text}`)
  return found[0]!
}

const asModule = { 'app.listen(3000)': 'globalThis.appOfBlock = app' }

async function appOf(first: CodeBlock, replace: Readonly<Record<string, string>> = asModule): Promise<Express> {
  const { app } = await runBlock(first, {}, replace)
  return app as Express
}

interface Setting {
  readonly app: Express
  readonly sessions: SessionManager
  readonly passwords: Map<string, string>
  readonly names: Record<string, unknown>
}

/** An app with sessions and a user table, in which pieces of code can stand. */
function setting(store: MemoryStore = new MemoryStore()): Setting {
  const app = express()
  const sessions = new SessionManager({ store })
  app.use(express.urlencoded({ extended: false }), sessionMiddleware(sessions))
  app.get('/whoami', (req, res) => {
    res.json({ subject: req.session.subject ?? null, notice: req.session.get('notice') ?? null })
  })
  const passwords = new Map([['ann', 'secret']])
  const users = {
    check: async (name: string, password: string) => (passwords.get(name) === password ? { id: name } : undefined),
    setPassword: async (id: string, password: string) => void passwords.set(id, password),
  }
  const requireLogin: RequestHandler = (req, res, next) => {
    if (req.session.subject === undefined) res.redirect('/login')
    else next()
  }
  const names = { app, sessions, users, requireLogin, login, logout, sessionMiddleware, SessionManager, request }
  return { app, sessions, passwords, names }
}

const signIn = (agent: ReturnType<typeof request.agent>, path = '/login', more = '') =>
  agent.post(path).send(`name=ann&password=secret${more}`)

const cookieOf = (response: request.Response) =>
  (response.headers['set-cookie'] as unknown as string[] | undefined)?.[0]

describe('README', () => {
  test('the first app serves a form, refuses a wrong password and knows who logged in', async () => {
    const browser = request.agent(await appOf(block(readme, 'app.listen(3000)')))
    await browser.get('/login').expect(200, /<form method="post">/)
    await browser.post('/login').send('password=guess').expect(302)
    await browser.get('/').expect(200, /Hello stranger/)
    await browser.post('/login').send('password=hold+fast').expect(302)
    await browser.get('/').expect(200, /Hello ann/)
  })

  test('its two lines of CommonJS give the same names', async () => {
    const commonJs = readme.blocks.find(({ language }) => language === 'js')!
    const [expressLine = '', ours = ''] = commonJs.text.split('\n')
    expect(expressLine).toBe("const express = require('express')")
    expect(ours).toMatch(/^const \{ login, logout, sessionMiddleware \} = require\('holdfast'\)$/)
  })

  test('the guard sends strangers to the login and lets users in', async () => {
    const { app, names } = setting()
    await runBlock(block(readme, 'const requireLogin'), names)
    await runBlock(block(readme, "app.post('/sign-in'"), names)
    const browser = request.agent(app)
    await browser.get('/account').expect(302).expect('Location', '/login')
    await browser.post('/sign-in').send('name=ann&password=guess').expect(401)
    const response = await signIn(browser, '/sign-in', '&remember=on').expect(302)
    expect(cookieOf(response)).toContain('Max-Age=2592000')
    await browser.get('/account').expect(200, 'Your account, ann')
  })

  test('a logout ends the session and leaves a message', async () => {
    const { app, names, sessions } = setting()
    await runBlock(block(readme, "app.post('/logout'"), names)
    const browser = request.agent(app)
    await signIn(browser, '/sign-in').expect(302)
    await browser.post('/logout').expect(302)
    await browser.get('/whoami').expect({ subject: null, notice: 'You are signed out' })
    await browser.get('/whoami').expect({ subject: null, notice: null })
    expect((await sessions.users.readAll('ann')).size).toBe(0)
  })

  test('a new password signs out the other devices', async () => {
    const { app, names, passwords } = setting()
    await runBlock(block(readme, "app.post('/sign-in'"), names)
    await runBlock(block(readme, "app.post('/password'"), names)
    const [here, there] = [request.agent(app), request.agent(app)]
    await signIn(here, '/sign-in').expect(302)
    await signIn(there, '/sign-in').expect(302)
    await here.post('/password').send('password=better').expect(302)
    expect(passwords.get('ann')).toBe('better')
    await here.get('/whoami').expect({ subject: 'ann', notice: null })
    await there.get('/whoami').expect({ subject: null, notice: null })
  })

  test('a cart is kept, and a flash message is read once', async () => {
    const { app, names } = setting()
    await runBlock(block(readme, "app.post('/cart'"), names)
    const browser = request.agent(app)
    await browser.post('/cart').send('sku=book').expect(302)
    await browser.post('/cart').send('sku=pen').expect(302)
    await browser.get('/cart').expect({ notice: 'Added to your cart', cart: ['book', 'pen'] })
    await browser.get('/cart').expect({ cart: ['book', 'pen'] })
  })

  test('a test signs a user in without the form', async () => {
    const createApp = (handler: RequestHandler) => {
      const app = express()
      app.use(handler)
      app.get('/account', (req, res) => {
        if (req.session.subject === undefined) res.redirect('/login')
        else res.send(req.session.subject)
      })
      return app
    }
    const piece = block(readme, 'users.create')
    const { id } = await runBlock(piece, { ...setting().names, createApp })
    expect(id).toMatch(/^[\w-]{48}$/)
    await expect(runBlock(piece, { ...setting().names, createApp: () => express() })).rejects.toThrow('expected 200')
  })

  test('sessions on Redis outlive their process', async () => {
    const redis = await RedisServer.start()
    const before = process.env['REDIS_URL']
    process.env['REDIS_URL'] = redis.url
    try {
      const visit = async (cookie: string) => {
        const app = express()
        const { client } = await runBlock(block(readme, 'RedisStore({ client })'), { app, sessionMiddleware })
        const connection = client as ReturnType<typeof createClient>
        if (!connection.isReady) await new Promise((resolve) => connection.once('ready', resolve))
        app.get('/', (req, res) => {
          req.session.set('visits', Number(req.session.get('visits') ?? 0) + 1)
          res.send(String(req.session.get('visits')))
        })
        const response = await request(app).get('/').set('Cookie', cookie)
        connection.destroy()
        return response
      }
      const first = await visit('')
      const second = await visit((cookieOf(first) ?? '').split(';')[0] ?? '')
      expect([first.text, second.text]).toEqual(['1', '2'])
    } finally {
      if (before === undefined) delete process.env['REDIS_URL']
      else process.env['REDIS_URL'] = before
      await redis.stop()
    }
  })
})

describe('the guide', () => {
  test('Getting started: a visitor is counted, logs in and out', async () => {
    const listen = "app.listen(3000, () => console.log('http://localhost:3000'))"
    const browser = request.agent(await appOf(block(page('getting-started'), 'app.listen'), { [listen]: '' }))
    await browser.get('/').expect(200, /^Visit 1\. <form/)
    await browser.post('/login').send('password=hold+fast').expect(302)
    await browser.get('/').expect(200, /^Visit 2, ann\./)
    await browser.post('/logout').expect(302)
    await browser.get('/').expect(200, /^Visit 1\. /)
  })

  test('Protect routes: a user comes back to where the login began, and a role opens a page', async () => {
    const { app, names, sessions } = setting()
    const guards = page('protect-routes')
    await runBlock(block(guards, 'const requireLogin'), names)
    await runBlock(block(guards, 'req.session.unset'), names)
    await runBlock(block(guards, 'const requireUser'), names)
    const roles = block(guards, 'function requireRole')
    await runBlock({ ...roles, text: roles.text.split('// Somewhere else')[0] ?? '' }, names)
    app.get('/api/me', (req, res) => res.json(req.session.subject))
    const browser = request.agent(app)
    await browser.get('/api/me').expect(401)
    await browser.get('/account?tab=2').expect(302).expect('Location', '/login')
    await signIn(browser).expect(302).expect('Location', '/account?tab=2')
    await browser.get('/api/me').expect(200, '"ann"')
    await browser.get('/admin').expect(403)
    await sessions.users.updateAll('ann', { role: 'admin' })
    await browser.get('/admin').expect(200, 'Administration')
  })

  test('Your devices: the device is shown, one session is ended, then all others', async () => {
    const devices = page('your-devices')
    const { names } = setting()
    const app = express()
    const { sessions } = await runBlock(block(devices, 'const handler'), { ...names, app })
    app.use(express.urlencoded({ extended: false }))
    const around = { ...names, app, sessions }
    await runBlock(block(readme, "app.post('/sign-in'"), around)
    await runBlock(block(devices, "app.get('/devices'"), around)
    await runBlock(block(devices, "app.post('/devices/:handle/end'"), around)
    await runBlock(block(devices, "app.post('/sign-out-everywhere'"), around)
    const [laptop, phone, tablet] = [request.agent(app), request.agent(app), request.agent(app)]
    await request(app).get('/devices').expect(302)
    await signIn(laptop, '/sign-in').set('User-Agent', 'Laptop').expect(302)
    await signIn(phone, '/sign-in').set('User-Agent', 'Phone').expect(302)
    await signIn(tablet, '/sign-in').set('User-Agent', 'Tablet').expect(302)
    interface Device {
      handle: string
      device: string
      isThisDevice: boolean
    }
    const listed = (await laptop.get('/devices').expect(200)).body as Device[]
    expect(listed.map(({ device, isThisDevice }) => [device, isThisDevice]).sort()).toEqual([
      ['Laptop', true],
      ['Phone', false],
      ['Tablet', false],
    ])
    const { handle = '' } = listed.find(({ device }) => device === 'Phone') ?? {}
    await laptop.post(`/devices/${handle}/end`).expect(302)
    await phone.get('/devices').expect(302)
    await laptop.post('/sign-out-everywhere').expect(302)
    await tablet.get('/devices').expect(302)
    expect((await laptop.get('/devices').expect(200)).body).toHaveLength(1)
  })

  test('Views and error pages: a failing store is a page with 503, another error one with 500', async () => {
    class FailingStore extends MemoryStore {
      override insert(): never {
        throw new Error('the disk is full')
      }
    }
    const { app, names } = setting(new FailingStore())
    app.get('/set', (req, res) => {
      req.session.set('a', 1)
      res.send('kept')
    })
    app.get('/throw', () => {
      throw new Error('a bug')
    })
    const printed = jest.spyOn(console, 'error').mockImplementation(() => undefined)
    const { showError } = await runBlock(block(page('views-and-errors'), 'const showError'), names)
    expect((showError as ErrorRequestHandler).length).toBe(4)
    const response = await request(app)
      .get('/set')
      .expect(503, /try again in a moment/)
    expect([cookieOf(response), response.headers['retry-after']]).toEqual([undefined, '5'])
    await request(app)
      .get('/throw')
      .expect(500, /Something went wrong/)
    expect(printed).toHaveBeenCalledTimes(1)
    printed.mockRestore()
  })

  test('CSRF: a post from another site is refused, one from here is not', async () => {
    const { app, names } = setting()
    await runBlock(block(page('csrf'), 'const refuseOtherSites'), names)
    app.post('/pay', (_req, res) => res.send('paid'))
    const postPayment = (headers: Record<string, string>) => request(app).post('/pay').set(headers)
    await postPayment({ 'Sec-Fetch-Site': 'same-origin', Origin: 'https://shop.example.com' }).expect(200)
    await postPayment({ Origin: 'https://shop.example.com' }).expect(200)
    await postPayment({}).expect(200)
    await postPayment({ 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' }).expect(403)
    await postPayment({ 'Sec-Fetch-Site': 'same-site', Origin: 'https://evil.example.com' }).expect(403)
    await postPayment({ 'Sec-Fetch-Site': 'cross-site' }).expect(403)
    await postPayment({ Origin: 'null' }).expect(403)
  })

  test('SPA and API: the page of the app is allowed with credentials, another is not', async () => {
    const app = express()
    await runBlock(block(page('spa-and-api'), 'const cors'), { ...setting().names, app })
    app.get('/me', (_req, res) => res.json('me'))
    const preflight = await request(app).options('/me').set('Origin', 'https://app.example.com').expect(204)
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example.com',
      'access-control-allow-credentials': 'true',
    })
    const { headers } = await request(app).get('/me').set('Origin', 'https://evil.example').expect(200)
    expect(headers['access-control-allow-origin']).toBeUndefined()
    expect(headers['vary']).toContain('Origin')
  })

  test('Graceful shutdown: a request that is running is saved before the store is closed', async () => {
    const { app, sessions, names } = setting()
    let release = () => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    let started = () => {}
    const running = new Promise<void>((resolve) => (started = resolve))
    app.get('/slow', async (req, res) => {
      started()
      await released
      req.session.set('a', 1)
      res.send('kept')
    })
    const server: Server = app.listen(0)
    const response = request(server)
      .get('/slow')
      .then((it) => it)
    await running
    const closed: string[] = []
    const around = {
      ...names,
      server,
      sessions: { close: async () => (closed.push('sessions'), sessions.close()) },
      client: { close: async () => closed.push('client') },
      process: { once: () => undefined },
    }
    const { shutDown } = await runBlock(block(page('deploying'), 'async function shutDown'), around)
    const done = (shutDown as () => Promise<void>)()
    release()
    expect((await response).status).toBe(200)
    await done
    expect(closed).toEqual(['sessions', 'client'])
  })

  test('Testing: every piece passes as a test of an app', async () => {
    const { blocks } = page('testing')
    const pieces = blocks.filter(({ language }) => language === 'ts')
    expect(pieces.length).toBeGreaterThan(3)
    const makeApp = (handler: RequestHandler) => {
      const app = express()
      app.use(handler)
      app.get('/account', (req, res) => {
        if (req.session.subject === undefined) res.sendStatus(401)
        else res.send(`Hello ${req.session.subject}`)
      })
      return app
    }
    const failed = jest.spyOn(console, 'assert')
    for (const piece of pieces) await runBlock(piece, { createApp: makeApp })
    expect(failed.mock.calls.filter(([holds]) => holds !== true)).toEqual([])
    failed.mockRestore()
  })

  test('Outside a request: a session of a user is made and read', async () => {
    const { app, sessions, names } = setting()
    const printed = jest.spyOn(console, 'log').mockImplementation(() => undefined)
    const { id, renewedId } = await runBlock(block(page('outside-a-request'), 'renewedId'), names)
    await request(app)
      .get('/whoami')
      .set('Cookie', `sid=${String(id)}`)
      .expect({ subject: 'user-17', notice: null })
    expect([renewedId, (await sessions.users.readAll('user-17')).size]).toEqual([null, 1])
    printed.mockRestore()
  })
})
