import { createServer, IncomingMessage, type RequestListener, ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import { getHeapStatistics } from 'node:v8'
import express from 'express'
import original from 'express-session'
import { MemoryStore, sessionMiddleware } from '../../../lib'
import compatible from '../../../lib/express-session'

/**
 * A process that prints by how many bytes the heap grows a request, for each path, with sessions less without them. Run with
 * a new space so large that nothing is collected meanwhile, that is what a request allocates; with a small one, and an old
 * generation that is not collected, what of it outlives two collections of the new space. The argument names the sessions.
 * Requests are made by hand, without a network, so that the count is the same each time.
 */
const atOnce = 32
const visitors = 64
const warmUp = 6400
const counted = 3200

class Connection extends Duplex {
  readonly server: unknown

  constructor(server: unknown) {
    super()
    this.server = server
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done()
  }

  override _writev(_chunks: unknown, done: () => void): void {
    done()
  }

  setTimeout(): void {}
}

const usual = { secret: 'a secret of the test', resave: false, saveUninitialized: false }

const properties: Record<string, () => express.RequestHandler> = {
  'express-session': () => original(usual),
  'in place': () => compatible({ ...usual, store: new original.MemoryStore() }),
  'own records': () => compatible({ ...usual, store: new MemoryStore() }),
}

function withProperties(middleware: express.RequestHandler): RequestListener {
  let views = 0
  const app = express()
  app.use(middleware)
  app.get('/none', (_req, res) => res.json({ views: 0 }))
  app.get('/read', (req: any, res) => res.json({ views: req.session.views }))
  app.get('/write', (req: any, res) => {
    req.session.views = ++views
    res.json({ views: req.session.views })
  })
  return app
}

function withSessions(): RequestListener {
  let views = 0
  const app = express()
  app.use(sessionMiddleware())
  app.get('/none', (_req, res) => res.json({ views: 0 }))
  app.get('/read', (req, res) => res.json({ views: req.session.get('views') }))
  app.get('/write', (req, res) => {
    req.session.set('views', ++views)
    res.json({ views: req.session.get('views') })
  })
  return app
}

function without(): RequestListener {
  let views = 0
  const app = express()
  app.get('/none', (_req, res) => res.json({ views: 0 }))
  app.get('/read', (_req, res) => res.json({ views: 1 }))
  app.get('/write', (_req, res) => res.json({ views: ++views }))
  return app
}

async function allocatedBy(app: RequestListener): Promise<Record<string, number>> {
  const server = createServer(app)
  const connections = Array.from({ length: atOnce }, () => new Connection(server))
  const cookies: string[] = Array.from({ length: visitors }, () => '')
  let sent = 0
  const ask = (connection: Connection, path: string): Promise<void> =>
    new Promise((resolve) => {
      const visitor = sent++ % visitors
      const req = new IncomingMessage(connection as never)
      Object.assign(req, { method: 'GET', url: path, httpVersionMajor: 1, httpVersionMinor: 1, complete: true })
      req.headers.host = '127.0.0.1'
      if (path !== '/none' && cookies[visitor] !== '') req.headers.cookie = cookies[visitor]
      req.push(null)
      const res = new ServerResponse(req)
      res.assignSocket(connection as never)
      res.on('finish', () => {
        res.detachSocket(connection as never)
        const [cookie = ''] = [res.getHeader('Set-Cookie') ?? []].flat() as string[]
        if (cookie !== '') cookies[visitor] = cookie.slice(0, cookie.indexOf(';'))
        process.nextTick(() => {
          res.emit('close')
          resolve()
        })
      })
      server.emit('request', req, res)
    })
  const askMany = async (path: string, count: number): Promise<void> => {
    for (let done = 0; done < count; done += atOnce) {
      await Promise.all(connections.map((connection) => ask(connection, path)))
      await new Promise(setImmediate)
    }
  }
  await askMany('/write', visitors)
  const allocated: Record<string, number> = {}
  for (const path of ['/none', '/read', '/write']) {
    await askMany(path, warmUp)
    globalThis.gc?.()
    const before = getHeapStatistics().used_heap_size
    await askMany(path, counted)
    allocated[path.slice(1)] = (getHeapStatistics().used_heap_size - before) / counted
  }
  return allocated
}

async function main(): Promise<void> {
  const bare = await allocatedBy(without())
  const make = properties[process.argv[2] ?? '']
  const full = await allocatedBy(make === undefined ? withSessions() : withProperties(make()))
  const over = Object.entries(full).map(([path, bytes]) => [path, Math.round(bytes - (bare[path] ?? NaN))])
  process.stdout.write(JSON.stringify(Object.fromEntries(over)))
}

void main()
