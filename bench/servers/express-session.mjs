import original from 'express-session'
import ours from 'holdfast/express-session'
import { MemoryStore } from 'holdfast'
import { nextView, serve } from './serve.mjs'

const usual = { secret: 'no secret at all, but long enough', resave: false, saveUninitialized: false }
/** Bytes of values in each session, in keys of 1000 bytes, beside the one that is read and written. */
const bytes = Number(process.env.BENCH_SESSION_BYTES ?? 0)
const ballast = Object.fromEntries(
  Array.from({ length: Math.ceil(bytes / 1000) }, (_, n) => [`key${n}`, { text: 'x'.repeat(980) }]),
)

const routes = {
  read: (req, res) => {
    res.json({ views: req.session.views })
  },
  write: (req, res) => {
    if (req.session.views === undefined) Object.assign(req.session, ballast)
    req.session.views = nextView()
    res.json({ views: req.session.views })
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
  'express-session': () => ({ middleware: original(usual), ...routes }),
  'in place': () => ({ middleware: ours({ ...usual, store: new original.MemoryStore() }), ...routes }),
  ours: () => ({ middleware: ours({ ...usual, store: new MemoryStore({ maxTotalBytes: 2 ** 31 }) }), ...routes }),
}

serve(servers[process.argv[2]]())
