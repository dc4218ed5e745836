/**
 * The app of the model test, in a process of its own. A request says in its query what its handler is to do; the response
 * says what the handler found in its session before, so that the checker can judge it.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as nap } from 'node:timers/promises'
import express, { type ErrorRequestHandler, type Request, type Response } from 'express'
import { createClient } from 'redis'
import { WebSocketServer } from 'ws'
import { login, logout, type Session, SessionError, sessionMiddleware } from '../../lib'
import { RedisStore } from '../../lib/redis'

interface Setting {
  readonly redisPort: number
  readonly skew: number
  readonly options: object
  readonly checkInterval: number
}

type Values = Record<string, { number: number }>

const numbersIn = (values: Values): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value.number]))

const flashKeys = ['f0', 'f1']

function see(session: Session): object {
  const flash = flashKeys.flatMap((key) => {
    const found = session.get(key) as { number: number } | undefined
    return found === undefined ? [] : [[key, found.number] as const]
  })
  return {
    handle: session.handle,
    subject: session.subject ?? null,
    values: numbersIn(session.data[0] as Values),
    flash: Object.fromEntries(flash),
  }
}

function perform(req: Request): void {
  const { act, key = '', number, subject } = req.query as Record<string, string>
  const { session } = req
  const value = { number: Number(number) }
  if (act === 'set') session.set(key, value)
  if (act === 'mutate') {
    const held = session.get(key) as { number: number } | undefined
    if (held === undefined) session.set(key, value)
    else held.number = value.number
  }
  if (act === 'unset') session.unset(key)
  if (act === 'flash') session.flash(key, value)
  if (act === 'login') {
    if (subject === undefined) login(req)
    else login(req, subject)
  }
  if (act === 'logout') logout(req)
  if (act === 'regenerate') session.regenerateId()
  if (act === 'destroy') session.destroy()
}

function respond(res: Response, how: unknown): void {
  if (how === 'redirect') res.redirect('/')
  else if (how === 'stream') {
    res.write('first ')
    setTimeout(() => res.end('last'), 2)
  } else res.json('done')
}

const { redisPort, skew, options, checkInterval } = JSON.parse(process.env['MODEL_SETTING'] ?? '') as Setting

async function main(): Promise<void> {
  const client = createClient({
    url: `redis://127.0.0.1:${redisPort}`,
    socket: { reconnectStrategy: 20, connectTimeout: 1000 },
    disableOfflineQueue: true,
  })
  client.on('error', () => undefined)
  await client.connect()
  const store = new RedisStore({ client })
  const middleware = sessionMiddleware({ store, clock: () => Date.now() / 1000 + skew, ...options })
  const { sessions } = middleware
  const { users } = sessions

  const app = express()
  app.get('/stall', (req, res) => {
    const until = Date.now() + Number(req.query['ms'])
    while (Date.now() < until);
    res.json('stalled')
  })
  const job = (path: string, work: (query: Record<string, string>) => Promise<unknown>) => {
    app.get(path, async (req, res) => {
      res.json({ result: (await work(req.query as Record<string, string>)) ?? null })
    })
  }
  job('/job-get', async ({ id = '' }) => {
    const found = (await sessions.get(id)) as Values | undefined
    return found && numbersIn(found)
  })
  job('/job-update', ({ id = '', key = '', number }) => sessions.update(id, { [key]: { number: Number(number) } }))
  job('/job-delete', ({ id = '' }) => sessions.delete(id))
  job('/job-save', async ({ id = '', key = '', number, pause }) => {
    const session = await sessions.read(id)
    if (session.id !== id) return false
    await nap(Number(pause))
    session.set(key, { number: Number(number) })
    return sessions.save(session)
  })
  job('/list', async ({ subject = '' }) => [...(await users.readAll(subject)).keys()])
  job('/delete-all', ({ subject = '' }) => users.deleteAll(subject))
  job('/delete-one', ({ subject = '', target = '' }) => users.delete(subject, target))
  job('/update-all', ({ subject = '', key = '', number }) =>
    users.updateAll(subject, { [key]: { number: Number(number) } }),
  )
  app.get('/op', middleware, async (req, res) => {
    const seen = see(req.session)
    await nap(Number(req.query['pause']))
    // What happens to the session from here on, happens after this instant.
    res.setHeader('X-Seen', JSON.stringify({ seen, actedAt: Date.now() }))
    perform(req)
    respond(res, req.query['how'])
  })
  const failed: ErrorRequestHandler = (error, _req, res, next) => {
    if (error instanceof SessionError) res.status(error.status ?? 500).json({ code: error.code })
    else next(error)
  }
  app.use(failed)

  const server = app.listen(0, '127.0.0.1')
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, request) => {
    const say = (message: object) => socket.send(JSON.stringify(message))
    const fail = (error: unknown) => say({ failed: String((error as { code?: unknown }).code) })
    const follow = async () => {
      const channel = await sessions.openChannel<Values>(socket, request, { checkInterval })
      if (channel === undefined) {
        socket.close(4400)
        return
      }
      channel.onChange((values) => say({ view: numbersIn(values) }))
      say({ open: numbersIn(channel.get() ?? {}), handle: channel.channelId, subject: channel.subject ?? null })
      socket.on('message', (data) => {
        const { act, key, number } = JSON.parse((data as Buffer).toString()) as Record<string, string>
        const done = () => say({ done: numbersIn(channel.get() ?? {}) })
        const work =
          act === 'channel-clear' ? channel.clear() : channel.update({ [key ?? '']: { number: Number(number) } })
        work.then(done, fail)
      })
    }
    follow().catch(fail)
  })
  await once(server, 'listening')
  console.log(`port ${(server.address() as AddressInfo).port}`)
  process.stdin.on('end', () => process.exit()).resume()
}

void main()
