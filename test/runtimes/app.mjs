import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { login, logout, MemoryStore, sessionMiddleware } from '../../dist/index.mjs'
import expressSession from '../../dist/express-session.mjs'

// The app that each runtime serves: the same routes on Express 5, Express 4 and node:http. Plain JavaScript, on the built
// package, because that is what a runtime other than Node gets. Prints the runtime and the ports as JSON.

const require = createRequire(import.meta.url)
const compression = require('compression')

/** A memory store whose calls can be made slow, or fail, for all requests from then on. */
class Store {
  calls = []
  fault = undefined
  delay = undefined
  constructor(clock) {
    this.memory = new MemoryStore({ clock })
    for (const name of ['load', 'insert', 'change', 'delete']) {
      this[name] = (...args) => {
        this.calls.push(name)
        if (this.fault === `${name} throws`) throw new Error('out of order')
        if (this.fault === `${name} rejects`) return Promise.reject(new Error('out of order'))
        if (this.fault === `${name} hangs`) return new Promise(() => undefined)
        const reply = () => {
          const result = this.memory[name](...args)
          this.calls.push(`${name} done`)
          return result
        }
        if (this.delay === undefined) return reply()
        return new Promise((resolve) => setTimeout(() => resolve(reply()), this.delay))
      }
    }
    for (const name of ['list', 'deleteAll', 'changeAll', 'close']) {
      this[name] = (...args) => this.memory[name](...args)
    }
  }
}

const file = fileURLToPath(import.meta.url)

/** By the path of the request. What they return is sent as JSON. */
const routes = {
  quiet: () => 'quiet',
  set({ session, query }) {
    for (const [key, value] of query) session.set(key, value)
    return session.data[0]
  },
  get: ({ session }) => session.data[0],
  count({ session }) {
    session.set('count', (session.get('count') ?? 0) + 1)
    return session.get('count')
  },
  push({ session, query }) {
    if (!session.has('list')) session.set('list', [])
    session.get('list').push(query.get('item'))
    return session.get('list')
  },
  unset({ session }) {
    session.unset('a')
    return session.data[0]
  },
  redirect({ session, res }) {
    session.set('a', 'before the redirect')
    res.writeHead(302, { Location: '/get' }).end()
  },
  flash({ session }) {
    session.flash('message', 'saved')
    return 'flashed'
  },
  message: ({ session }) => session.get('message') ?? null,
  destroy({ session }) {
    session.destroy()
    return 'destroyed'
  },
  login({ req }) {
    login(req, 'ada')
    return 'welcome'
  },
  logout({ req }) {
    logout(req)
    return 'bye'
  },
  who: ({ session }) => [session.subject ?? null, session.get('a') ?? null],
  stream({ session, res }) {
    session.set('a', 'streamed')
    res.writeHead(200, { 'Content-Type': 'text/plain' })
    res.write('one ')
    setTimeout(() => {
      res.write('two ')
      res.end('three')
    }, 5)
  },
  headers({ session, res }) {
    session.set('a', 'with headers')
    res.writeHead(200, 'Fine', ['Content-Type', 'text/plain', 'X-One', '1', 'X-One', '2'])
    res.end('hello')
  },
  flushed({ session, res }) {
    session.set('a', 'flushed')
    res.setHeader('Content-Type', 'text/event-stream')
    res.flushHeaders()
    setTimeout(() => {
      res.write('data: one\n\n')
      res.end('data: two\n\n')
    }, 5)
  },
  piped({ session, res }) {
    session.set('a', 'piped')
    Readable.from(readFileSync(file, 'utf8').split(/(?<=\n)/)).pipe(res)
  },
  large({ session, res }) {
    session.set('a', 'large')
    const body = Buffer.alloc(1_000_000, 'x')
    res.setHeader('Content-Length', body.length)
    res.end(body)
  },
  unchanged({ session, res }) {
    session.set('a', 'not modified')
    res.writeHead(304, { ETag: '"one"' }).end()
  },
  empty({ session, res }) {
    session.set('a', 'no content')
    res.writeHead(204).end()
  },
  trailers({ session, res }) {
    session.set('a', 'trailers')
    res.writeHead(200, { Trailer: 'X-Sum' })
    res.write('hello')
    res.addTrailers({ 'X-Sum': '5' })
    res.end()
  },
  ended({ session, res }) {
    session.set('a', 'ended')
    const seen = [res.headersSent]
    res.end('hello', () => undefined)
    // The response is held here: what an app sees must be what it would see without that.
    seen.push(res.headersSent, res.writableEnded)
    try {
      res.setHeader('X-Late', '1')
      seen.push('set')
    } catch (error) {
      seen.push(error.code)
    }
    state.seen = seen
  },
  seen: () => state.seen,
  async echo({ req, session }) {
    let body = ''
    for await (const chunk of req) body += chunk
    session.set('a', body)
    return body
  },
  refused({ session }) {
    session.set('a', 10n)
  },
  misused({ session }) {
    session.user = 'ada'
  },
  fails({ session }) {
    session.set('a', 'before the error')
    throw new Error('a bug of the app')
  },
  abandoned({ session }) {
    session.destroy()
  },
  devices: async ({ session, sessions }) => [...(await sessions.users.readAll(session.subject)).keys()].length,
}

const state = {}

async function handle(req, res, next, sessions) {
  const url = new URL(req.url, 'http://test')
  try {
    const route = routes[url.pathname.slice(1)]
    const result = await route({ req, res, session: req.session, query: url.searchParams, sessions })
    if (result === undefined || res.headersSent) return
    res.setHeader('Content-Type', 'application/json')
    res.end(JSON.stringify(result))
  } catch (error) {
    next(error)
  }
}

function respondWithError(error, res) {
  if (res.headersSent) return void res.destroy()
  res.statusCode = error.status ?? 500
  res.setHeader('Content-Type', 'text/plain')
  res.end(`sorry: ${error.code ?? error.message}`)
}

/** `/test/...` is the test's own: it turns the clock, makes the store fail, or asks what was called. */
function control(req, res, setting) {
  const { pathname, searchParams } = new URL(req.url, 'http://test')
  const { store } = setting
  if (pathname === '/test/reset') {
    Object.assign(store, { fault: searchParams.get('fault') ?? undefined, delay: undefined, calls: [] })
    if (searchParams.has('delay')) store.delay = Number(searchParams.get('delay'))
    setting.offset += Number(searchParams.get('seconds') ?? 0)
  }
  res.setHeader('Content-Type', 'application/json')
  res.end(JSON.stringify({ calls: store.calls, size: store.memory.size }))
}

function setting(options = {}) {
  const made = { offset: 0 }
  const clock = () => Date.now() / 1000 + made.offset
  made.store = new Store(clock)
  made.middleware = sessionMiddleware({ store: made.store, clock, storeTimeout: 0.3, ...options })
  return made
}

const kinds = {
  'Express 5': (made, before) => framework(require('express')(), made, before),
  'Express 4': (made, before) => framework(require('express4')(), made, before),
  'node:http': (made, before) => (req, res) => {
    if (req.url.startsWith('/test/')) return control(req, res, made)
    const run = (index) => {
      const one = before[index]
      if (one !== undefined) return one(req, res, () => run(index + 1))
      made.middleware(req, res, (error) => {
        if (error !== undefined) respondWithError(error, res)
        else void handle(req, res, (problem) => respondWithError(problem, res), made.middleware.sessions)
      })
    }
    run(0)
  },
}

function framework(app, made, before) {
  app.use((req, res, next) => (req.url.startsWith('/test/') ? control(req, res, made) : next()))
  for (const one of before) app.use(one)
  app.use(made.middleware)
  app.use((req, res, next) => void handle(req, res, next, made.middleware.sessions))
  // eslint-disable-next-line no-unused-vars -- Express knows an error handler by its four parameters
  app.use((error, _req, res, _next) => respondWithError(error, res))
  return app
}

/** Apps of express-session, changed by their import alone. */
function compat() {
  const app = require('express')()
  app.use(expressSession({ secret: 'keyboard cat and a few more', resave: false, saveUninitialized: false }))
  app.get('/views', (req, res) => {
    req.session.views = (req.session.views ?? 0) + 1
    res.json(req.session.views)
  })
  app.get('/regenerate', (req, res, next) => {
    req.session.regenerate((error) => (error ? next(error) : res.json(Object.keys(req.session))))
  })
  app.get('/destroy', (req, res) => req.session.destroy(() => res.json('bye')))
  return app
}

async function listen(listener, prepare = () => undefined) {
  const server = createServer(listener)
  prepare(server)
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server.address().port
}

function withSockets(made) {
  return (server) => {
    const { WebSocketServer } = require('ws')
    const sockets = new WebSocketServer({ noServer: true })
    server.on('upgrade', async (req, socket, head) => {
      const data = await made.middleware.sessions.fromWebSocket(req)
      sockets.handleUpgrade(req, socket, head, (connected) => connected.send(JSON.stringify(data ?? null)))
    })
  }
}

/** @param onError What the app does with the error of a save. */
function withErrors(onError) {
  const made = setting()
  return (req, res) => {
    if (req.url.startsWith('/test/')) return control(req, res, made)
    let isFirst = true
    made.middleware(req, res, (error) => {
      if (isFirst) void handle(req, res, () => undefined, made.middleware.sessions)
      else onError(error, res)
      isFirst = false
    })
  }
}

const ports = {}
for (const [name, make] of Object.entries(kinds)) ports[name] = await listen(make(setting(), []))
const signed = setting({ secret: 'a secret of sixteen characters' })
ports['signed'] = await listen(kinds['Express 5'](signed, []))
const renewing = setting({ timeouts: { renewal: 60, oldSessionAvailabilityAfterRenewal: 30, idle: 600 } })
ports['renewing'] = await listen(kinds['Express 5'](renewing, []))
ports['compressed'] = await listen(kinds['Express 5'](setting(), [compression({ threshold: 0 })]))
const socketed = setting()
ports['sockets'] = await listen(kinds['Express 5'](socketed, []), withSockets(socketed))
ports['no error handler'] = await listen(withErrors(() => undefined))
const late = withErrors((error, res) => setTimeout(() => respondWithError(error, res), 2000))
ports['late error handler'] = await listen(late)
ports['express-session'] = await listen(compat())
const { bun, deno, node } = process.versions
const version = bun === undefined ? (deno === undefined ? `Node ${node}` : `Deno ${deno}`) : `Bun ${bun}`
console.log(JSON.stringify({ version, ports }))
