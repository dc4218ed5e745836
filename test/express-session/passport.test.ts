import flash from 'connect-flash'
import express from 'express'
import express4 from 'express4'
import { Passport } from 'passport'
import { get } from '../support/http-client'
import { listen, stopApps } from '../support/app'
import { bothSessions, Browser, type SessionFactory, usualOptions } from '../support/express-session-app'

afterEach(stopApps)

/** Signs in the user that the path names: what passport-local does, without a form. */
class PathStrategy {
  readonly name = 'path'
  declare success: (user: object) => void
  declare fail: () => void

  authenticate(req: { params: { user?: string } }): void {
    const { user } = req.params
    if (user === undefined || user === 'nobody') this.fail()
    else this.success({ id: user })
  }
}

interface Started {
  readonly visit: (path: string) => Promise<[status: number, body: unknown, location: string | undefined]>
  readonly browser: Browser
}

async function start(create: () => any, session: SessionFactory, options = {}): Promise<Started> {
  const passport = new Passport()
  passport.use('path', new PathStrategy() as never)
  passport.serializeUser((user, done) => done(null, (user as { id: string }).id))
  passport.deserializeUser((id, done) => done(null, { id }))
  const app = create()
  app.use(session({ ...usualOptions, ...options }))
  app.use(passport.session())
  app.use(flash())
  app.get('/cart/:item', (req: any, res: any) => {
    req.session.cart = [...((req.session.cart ?? []) as string[]), req.params.item]
    res.redirect('/show')
  })
  for (const keepSessionInfo of [false, true]) {
    const settings = {
      keepSessionInfo,
      successRedirect: '/show',
      failureRedirect: '/show',
      failureFlash: 'no such user',
    }
    app.get(keepSessionInfo ? '/keep/:user' : '/login/:user', passport.authenticate('path', settings))
  }
  app.get('/logout', (req: any, res: any, next: any) => {
    req.logout((error: unknown) => {
      if (error) return next(error)
      req.flash('info', 'see you')
      res.redirect('/show')
    })
  })
  app.get('/show', (req: any, res: any) => {
    res.json({ user: req.user?.id ?? null, cart: req.session.cart ?? null, flash: req.flash() })
  })
  const { port } = await listen(app)
  const browser = new Browser({ get: (path, cookie) => get(port, path, cookie) })
  return {
    browser,
    async visit(path) {
      const { status, body, headers } = await browser.get(path)
      return [status, status === 200 ? JSON.parse(body) : '', headers.location]
    },
  }
}

const servers = [
  { server: 'Express 5', create: express as () => any },
  { server: 'Express 4', create: express4 as () => any },
]

describe.each(bothSessions)('%s', (_name, session) => {
  describe.each(servers)('passport and connect-flash on $server', ({ create }) => {
    test('log in with a new id, keep the user, and log out', async () => {
      const { visit, browser } = await start(create, session)
      await visit('/cart/tea')
      const before = browser.cookie
      expect(await visit('/login/ada')).toEqual([302, '', '/show'])
      expect(browser.cookie).not.toBe(before)
      const during = browser.cookie
      expect(await visit('/show')).toEqual([200, { user: 'ada', cart: null, flash: {} }, undefined])
      browser.cookie = before
      expect(await visit('/show')).toEqual([200, { user: null, cart: null, flash: {} }, undefined])
      browser.cookie = during
      expect(await visit('/logout')).toEqual([302, '', '/show'])
      expect(await visit('/show')).toEqual([200, { user: null, cart: null, flash: { info: ['see you'] } }, undefined])
      browser.cookie = during
      expect(await visit('/show')).toEqual([200, { user: null, cart: null, flash: {} }, undefined])
    })

    test('keepSessionInfo carries the cart into the new session', async () => {
      const { visit, browser } = await start(create, session)
      await visit('/cart/tea')
      const before = browser.cookie
      await visit('/keep/ada')
      expect(browser.cookie).not.toBe(before)
      expect(await visit('/show')).toEqual([200, { user: 'ada', cart: ['tea'], flash: {} }, undefined])
    })

    test('a message is shown once', async () => {
      const { visit } = await start(create, session)
      expect(await visit('/login/nobody')).toEqual([302, '', '/show'])
      expect(await visit('/show')).toEqual([
        200,
        { user: null, cart: null, flash: { error: ['no such user'] } },
        undefined,
      ])
      expect(await visit('/show')).toEqual([200, { user: null, cart: null, flash: {} }, undefined])
    })
  })
})
