import { once } from 'node:events'
import ours from '../../lib/express-session'
import { stopApps } from '../support/app'
import { bothSessions, Browser, startCompatApp } from '../support/express-session-app'
import { express5, serverKinds } from '../support/server-kinds'

afterEach(stopApps)

const counting = {
  count: (req: any) => (req.session.count = ((req.session.count as number | undefined) ?? 0) + 1),
}

describe.each(bothSessions)('%s', (_name, session) => {
  /** What is called after the end, and what that returns. */
  const endings: Record<string, (res: any) => unknown[]> = {
    'end(x); end(y)': (res) => [(res.end('x'), res.end('y'))],
    'end(x); write(y)': (res) => [(res.end('x'), res.write('y'))],
    'end(x); end()': (res) => [(res.end('x'), res.end())],
    'write(x); end(); write(y); end(z)': (res) => [(res.write('x'), res.end(), res.write('y')), res.end('z')],
  }

  describe.each(serverKinds)('on $name', (kind) => {
    // A late write of express-session is sent with the body, or an error, as its store happens to reply.
    const same = Object.keys(endings).filter((ending) => session === ours || !ending.includes('write(y)'))

    test.each(same)('ignores what follows the end: %s', async (ending) => {
      for (const isChanged of [false, true]) {
        for (const isLater of [false, true]) {
          const seen: unknown[] = []
          const errors: unknown[] = []
          const app = await startCompatApp({
            session,
            kind,
            routes: {
              ...counting,
              async finish(req, res) {
                res.on('error', (error: any) => errors.push(error.code))
                if (isChanged) req.session.late = 1
                seen.push(...(endings[ending]?.(res) ?? []))
                if (!isLater) return
                await once(res, 'close')
                seen.push(res.end('later'))
                if (session === ours) seen.push(res.write('later'))
              },
            },
          })
          const browser = new Browser(app)
          await browser.json('/count')
          const { status, body } = await browser.get('/finish')
          expect([status, body]).toEqual([200, 'x'])
          // The server still runs, and errors have had their turn.
          expect(await browser.json('/count')).toBe(2)
          expect(errors).toEqual([])
          expect(seen.length).toBeGreaterThan(0)
          expect(seen).toEqual(seen.map(() => false))
        }
      }
    })
  })

  test('ignores what follows a redirect of Express, with and without a change of the session', async () => {
    const app = await startCompatApp({
      session,
      kind: express5,
      routes: {
        ...counting,
        leave(_req, res) {
          res['redirect']('/count')
          res.end('never mind')
        },
        login(req, res) {
          req.session.user = 'ada'
          res['redirect']('/count')
          res.end('never mind')
        },
      },
    })
    const browser = new Browser(app)
    for (const path of ['/leave', '/login', '/leave']) {
      const { status, body } = await browser.get(path)
      expect([status, body]).toEqual([302, 'Found. Redirecting to /count'])
    }
    expect(await browser.json('/count')).toBe(1)
    expect(app.errors).toEqual([])
  })

  test('req.sessionID stays what it was when the session is destroyed or taken away', async () => {
    const ended = (req: any, id: string) => [req.sessionID === id, typeof req.session]
    const app = await startCompatApp({
      session,
      routes: {
        ...counting,
        async callback(req) {
          const { sessionID } = req
          const within = await new Promise<unknown[]>((resolve) =>
            req.session.destroy(() => resolve(ended(req, sessionID))),
          )
          return [...within, ...ended(req, sessionID)]
        },
        bare(req) {
          const { sessionID } = req
          req.session.destroy()
          return ended(req, sessionID)
        },
        fresh(req) {
          req.session.destroy()
          return typeof req.sessionID
        },
        unset(req) {
          const { sessionID } = req
          delete req.session
          req.session = undefined
          return ended(req, sessionID)
        },
      },
    })
    for (const path of ['/callback', '/bare', '/unset']) {
      const browser = new Browser(app)
      await browser.json('/count')
      const expected = [true, 'undefined']
      expect(await browser.json(path)).toEqual(path === '/callback' ? [...expected, ...expected] : expected)
    }
    expect(await app.get('/fresh')).toMatchObject({ status: 200, body: '"string"' })
  })
})
