import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { before, test } from 'node:test'
import { promisify } from 'node:util'
import {
  atTheEnd,
  Browser,
  checkBesideBare,
  change,
  delays,
  listen,
  login,
  logout,
  type Make,
  RawClient,
  send,
  sessionsOf,
} from './company.mts'

/** Next.js as a custom server, behind Express: pages of the app router, streamed ones too, with Next's own compression. */

const require = createRequire(import.meta.url)
const dir = fileURLToPath(new URL('next-app', import.meta.url))
let handle: (req: unknown, res: unknown) => Promise<void>

before(async () => {
  process.env['NEXT_TELEMETRY_DISABLED'] = '1'
  const env = { ...process.env, NODE_ENV: 'production' as const }
  await promisify(execFile)(process.execPath, [require.resolve('next/dist/bin/next'), 'build', dir], { env })
  const app = require('next')({ dev: false, dir })
  await app.prepare()
  handle = app.getRequestHandler()
  atTheEnd(() => app.close())
})

/** Where React cuts the data that it sends along differs from one response to the next. */
const compared = (body: string): string => body.replace(/<script[^]*?<\/script>/g, '')

const versions = ['express', 'express4'] as const

const behind =
  (version: string): Make =>
  (middleware) => {
    const app = require(version)()
    app.disable('x-powered-by')
    // Errors are not logged.
    app.set('env', 'test')
    for (const one of middleware) app.use(one)
    app.use((req: unknown, res: unknown) => handle(req, res))
    return app
  }

for (const version of versions) {
  checkBesideBare(`Next.js behind ${version}`, behind(version), [
    { path: '/' },
    { path: '/', method: 'HEAD' },
    { path: '/', headers: { 'Accept-Encoding': 'gzip' } },
    { path: '/streamed', compared },
    { path: '/streamed', headers: { 'Accept-Encoding': 'gzip' }, compared },
    { path: '/static' },
    { path: '/static', headers: { 'Accept-Encoding': 'gzip' } },
    { path: '/moved' },
    { path: '/api/count' },
    { path: '/api/count', method: 'POST', body: 'some text' },
    { path: '/no-such-page', headers: { 'Accept-Encoding': 'gzip' } },
    { path: '/favicon.ico' },
  ])
}

void test('Next.js streams a page: its early part is there before the late ones are made', async () => {
  const port = await listen(await behind('express')([sessionsOf(5).sessions, change]))
  const client = await RawClient.open(port)
  client.get('/streamed', { Connection: 'close' })
  assert.doesNotMatch(await client.until((received) => received.includes('early')), /late after[^]{0,20}60/)
  assert.match(await client.untilClosed(), /late after[^]{0,20}60/)
})

for (const [speed, delay] of delays) {
  void test(`Next.js shows what the request before has stored, with ${speed}`, async () => {
    const { sessions } = sessionsOf(delay)
    const port = await listen(
      await behind('express')([
        sessions,
        (req: any, res: any, next) => {
          const { session } = req
          if (req.url.startsWith('/login')) {
            login(req, 'ada')
            return res.redirect('/')
          }
          if (req.url.startsWith('/logout')) {
            logout(req)
            return res.redirect('/')
          }
          session.set('visits', Number(session.get('visits') ?? 0) + 1)
          req.headers['x-visits'] = `${session.get('visits')} ${session.subject ?? 'nobody'}`
          next()
        },
      ]),
    )
    const browser = new Browser(port)
    const visits = async (): Promise<string> => JSON.parse((await browser.send({ path: '/api/count' })).body).visits
    assert.deepEqual([await visits(), await visits()], ['1 nobody', '2 nobody'])
    const before = browser.cookie
    assert.equal((await browser.send({ path: '/login' })).status, 302)
    assert.notEqual(browser.cookie, before)
    assert.equal(await visits(), '3 ada')
    assert.match((await browser.send({ path: '/' })).body, /visits: (<!-- -->)?4 ada/)
    const during = browser.cookie
    assert.equal((await browser.send({ path: '/logout' })).status, 302)
    assert.equal(await visits(), '1 nobody')
    assert.equal(JSON.parse((await send(port, { path: '/api/count' }, during)).body).visits, '1 nobody')
  })
}
