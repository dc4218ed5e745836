import { AsyncLocalStorage } from 'node:async_hooks'
import { promisify } from 'node:util'
import { stopApps } from '../support/app'
import { bothSessions, Browser, type CompatHandler, startCompatApp } from '../support/express-session-app'
import { express5 } from '../support/server-kinds'

/* What apps of express-session are in the habit of doing: the same requests to both, and the same responses. */

afterEach(stopApps)

const als = new AsyncLocalStorage<{ name: string }>()
const show: CompatHandler = (req) => ({ ...req.session, cookie: undefined })
const start: CompatHandler = (req) => {
  req.session.user = 'ada'
  return true
}

const habits: Record<string, { routes: Record<string, CompatHandler>; paths: readonly string[] }> = {
  'promises made of callbacks': {
    routes: {
      async save(req) {
        req.session.a = 1
        const result: unknown = await promisify(req.session.save).bind(req.session)()
        req.session.a = 2
        return [result === undefined, req.session.a]
      },
      async regenerate(req) {
        const { cookie: _cookie, ...rest } = req.session
        const { sessionID } = req
        await promisify(req.session.regenerate).call(req.session)
        Object.assign(req.session, rest)
        return [sessionID === req.sessionID, req.session.a]
      },
      async reload(req) {
        const before = req.session
        before.a = 99
        await promisify(before.reload).call(before)
        return [req.session.a, before.a, before === req.session]
      },
      async destroy(req) {
        await promisify(req.session.destroy).call(req.session)
        return typeof req.session
      },
    },
    paths: ['save', 'show', 'regenerate', 'show', 'reload', 'show', 'destroy', 'show'],
  },
  'instances of classes, which come back as JSON': {
    routes: {
      put(req) {
        Object.assign(req.session, {
          at: new Date(0),
          map: new Map([[1, 2]]),
          url: new URL('http://a/'),
          none: undefined,
        })
        return [req.session.at instanceof Date, req.session.map.get(1), 'none' in req.session]
      },
      change(req) {
        req.session.list ??= { items: [] }
        req.session.list.items.push(req.session.list.items.length)
        delete req.session.map
        return Object.keys(req.session)
      },
    },
    paths: ['put', 'show', 'change', 'change', 'show'],
  },
  'two new sessions and two ends in one request': {
    routes: {
      twice: (req) =>
        new Promise((resolve) =>
          req.session.regenerate(() => {
            req.session.first = 1
            req.session.regenerate(() => {
              req.session.second = 2
              resolve(req.session.first ?? null)
            })
          }),
        ),
      end(req) {
        const { session } = req
        return new Promise((resolve) =>
          session.destroy((one: unknown) => session.destroy((other: unknown) => resolve([one ?? null, other ?? null]))),
        )
      },
    },
    paths: ['start', 'twice', 'show', 'end', 'show'],
  },
  'AsyncLocalStorage in the callbacks': {
    routes: {
      all: (req) =>
        als.run({ name: 'mine' }, () => {
          const seen: unknown[] = []
          const see = () => seen.push(als.getStore()?.name)
          return new Promise((resolve) =>
            req.session.save(() => {
              see()
              req.session.reload(() => {
                see()
                req.session.regenerate(() => {
                  see()
                  req.session.destroy(() => {
                    see()
                    resolve(seen)
                  })
                })
              })
            }),
          )
        }),
    },
    paths: ['start', 'all', 'show'],
  },
  'a save after the response': {
    routes: {
      async later(req, res) {
        res.end('true')
        req.session.late = true
        await promisify(req.session.save).call(req.session)
      },
    },
    paths: ['start', 'later', 'show'],
  },
  'the cookie of one session for longer': {
    routes: {
      remember(req) {
        req.session.cookie.maxAge = 3_600_000
        req.session.user = 'ada'
        return Math.round(req.session.cookie.maxAge / 1000)
      },
      // express-session computes it from the clock, and loses a millisecond where that passes meanwhile.
      age: (req) => [Math.ceil(req.session.cookie.originalMaxAge / 1000) * 1000, req.session.user],
    },
    paths: ['remember', 'age', 'show'],
  },
}

test.each(Object.entries(habits))('an app behaves as on express-session: %s', async (_name, { routes, paths }) => {
  const seen: unknown[] = []
  for (const [, session] of bothSessions) {
    const app = await startCompatApp({ session, kind: express5, routes: { show, start, ...routes } })
    const browser = new Browser(app)
    const responses: unknown[] = []
    for (const path of paths) {
      const { status, body } = await browser.get(`/${path}`)
      responses.push([path, status, body])
    }
    seen.push(responses)
    expect(app.errors).toEqual([])
  }
  const [theirs, mine] = seen
  expect(mine).toEqual(theirs)
  expect(theirs).toEqual(paths.map((path) => [path, 200, expect.any(String)]))
})
