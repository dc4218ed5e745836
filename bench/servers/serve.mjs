import express from 'express'

/**
 * One Express app with three routes: one that leaves sessions alone, one that reads a value, one that writes it. It sends
 * its port, and its CPU time when asked, and runs until the process that forked it disconnects.
 */
export function serve({ middleware, read, write, fill }) {
  const app = express()
  if (middleware !== undefined) app.use(middleware)
  app.get('/', (req, res) => {
    res.json({ views: 0 })
  })
  app.get('/read', read)
  app.get('/write', write)
  if (fill !== undefined) app.get('/fill', fill)
  const server = app.listen(0, '127.0.0.1', () => process.send(server.address().port))
  // A connection that stands idle while other servers have their turn stays open.
  server.keepAliveTimeout = 0
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send(user + system)
  })
  process.on('disconnect', () => process.exit())
}

let views = 0

/** Another value each time, so that each write is a change. */
export function nextView() {
  return ++views
}

/** More than the largest session that a benchmark makes. */
export const largest = 1_000_000

/**
 * The rest of a session of `?bytes=` in `?keys=` values; without `keys` in values of a hundred bytes, or of a thousand in a
 * large session, as many as it takes.
 */
export function filling({ query }) {
  const bytes = Number(query.bytes)
  const keys = Number(query.keys ?? bytes / (bytes > 10_000 ? 1000 : 100))
  const size = Math.max(1, Math.floor(bytes / keys) - 14)
  return Array.from({ length: keys }, (_, index) => [`value${index}`, 'x'.repeat(size)])
}

/** A server without sessions: what all others are measured over. */
export const bare = {
  read: (req, res) => {
    res.json({ views: 1 })
  },
  write: (req, res) => {
    res.json({ views: nextView() })
  },
}

/** For middleware that keeps values as properties of `req.session`. */
export const asProperties = {
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

/** For ours. */
export const withGetAndSet = {
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
}
