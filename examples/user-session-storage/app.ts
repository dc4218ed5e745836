import express, { type ErrorRequestHandler, type Express, type Request } from 'express'
import { SessionError, UserSessionManager, type UserSessionStorage } from 'holdfast'
import { Pool } from 'pg'
import { listen } from '../shared/listen'
import { MemoryUserSessionStorage } from './memory-storage'
import { SqlUserSessionStorage } from './sql-storage'

const day = 86_400

const help = `An API whose clients send a token. There is no page here; try:
  curl -X POST localhost:3000/sign-in/ada
  curl -H 'Authorization: Bearer <token>' localhost:3000/devices
The README beside app.ts has the rest.
`

/** Sessions for the clients of an API, which send a token with each request: `<user>.<session id>`. No cookies here. */
export function createApp(storage: UserSessionStorage): Express {
  const users = new UserSessionManager({
    storage,
    sessionTtl: 30 * day,
    timeouts: { idle: 7 * day, renewal: day, oldSessionAvailabilityAfterRenewal: 60 },
  })
  const app = express()

  app.get('/', (_req, res) => res.type('text').send(help))

  // A real app checks a password or a passkey first.
  app.post('/sign-in/:user', async (req, res) => {
    const { user } = req.params
    res.json({ token: toToken(user, await users.create(user, contextOf(req))) })
  })

  app.use(async (req, res, next) => {
    const [user, id] = fromToken(req.get('authorization'))
    const [, renewedId] = await users.read(user, id, contextOf(req))
    if (renewedId !== null) res.set('X-New-Token', toToken(user, renewedId))
    res.locals = { user, id: renewedId ?? id }
    next()
  })

  app.get('/devices', async (_req, res) => {
    const { user, id } = res.locals as Signed
    const sessions = [...(await users.readAll(user))]
    const here = UserSessionManager.hash(id)
    res.json(
      sessions.map(([name, { ip, device, accessedAt }]) => ({
        name,
        ip,
        device: device?.name,
        accessedAt,
        here: name === here,
      })),
    )
  })

  app.delete('/devices/:name', async (req, res) => {
    await users.delete((res.locals as Signed).user, req.params.name)
    res.json('signed out')
  })

  app.post('/sign-out-others', async (_req, res) => {
    const { user, id } = res.locals as Signed
    res.json(await users.deleteAll(user, { except: id }))
  })

  const respondToError: ErrorRequestHandler = (error, _req, res, next) => {
    if (!(error instanceof SessionError)) next(error)
    else res.status(error.status ?? 401).json({ error: error.code })
  }
  app.use(respondToError)
  return app
}

interface Signed {
  readonly user: string
  readonly id: string
}

function contextOf(req: Request) {
  return { ip: req.ip ?? '', device: { name: req.get('user-agent') ?? 'unknown', type: 'api' } }
}

function toToken(user: string, id: string): string {
  return `${Buffer.from(user).toString('base64url')}.${id}`
}

/** Whatever a client sends, it is no more than a user and an id that do not exist. */
function fromToken(authorization = ''): [user: string, id: string] {
  const [user = '', id = ''] = authorization.replace(/^Bearer /, '').split('.')
  return [Buffer.from(user, 'base64url').toString() || 'nobody', id]
}

async function main(): Promise<void> {
  const connectionString = process.env['DATABASE_URL']
  if (connectionString === undefined) {
    listen(createApp(new MemoryUserSessionStorage()))
    return
  }
  const pool = new Pool({ connectionString })
  const storage = new SqlUserSessionStorage(pool)
  await storage.prepare()
  setInterval(() => void storage.dropEnded().catch(console.error), 3_600_000).unref()
  listen(createApp(storage), { close: [() => pool.end()] })
}

if (require.main === module) void main()
