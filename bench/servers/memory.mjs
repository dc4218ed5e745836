import cookieSession from 'cookie-session'
import expressSession from 'express-session'
import { filling, largest, nextView, serve } from './serve.mjs'

const { sessionMiddleware } = await import(process.env.BENCH_PACKAGE ?? 'holdfast')
const secret = 'no secret at all, but long enough'

/** For the two that keep values as properties of `req.session`. */
const asProperties = {
  read: (req, res) => {
    res.json({ views: req.session.views })
  },
  write: (req, res) => {
    req.session.views = nextView()
    res.json({ views: req.session.views })
  },
  fill: (req, res) => {
    Object.assign(req.session, { views: nextView() }, Object.fromEntries(filling(req)))
    res.json({})
  },
}

const servers = {
  bare: () => ({
    read: (req, res) => {
      res.json({ views: 1 })
    },
    write: (req, res) => {
      res.json({ views: nextView() })
    },
  }),
  'express-session': () => ({
    middleware: expressSession({ secret, resave: false, saveUninitialized: false }),
    ...asProperties,
  }),
  'cookie-session': () => ({ middleware: cookieSession({ secret }), ...asProperties }),
  holdfast: () => ({
    middleware: sessionMiddleware({ maxBytes: largest }),
    read: (req, res) => {
      res.json({ views: req.session.get('views') })
    },
    write: (req, res) => {
      req.session.set('views', nextView())
      res.json({ views: req.session.get('views') })
    },
    fill: (req, res) => {
      req.session.set('views', nextView())
      for (const [key, value] of filling(req)) req.session.set(key, value)
      res.json({})
    },
  }),
}

serve(servers[process.argv[2]]())
