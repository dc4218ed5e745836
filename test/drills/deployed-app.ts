/** The app of a deployment, in a process of its own: express-session, or one of our stages. See `deployments.ts`. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import connectPgSimple from 'connect-pg-simple'
import { RedisStore as ConnectRedisStore } from 'connect-redis'
import express from 'express'
import original from 'express-session'
import { Pool } from 'pg'
import { createClient } from 'redis'
import sessionFileStore from 'session-file-store'
import ours from '../../lib/express-session'
import { RedisStore } from '../../lib/redis'
import type { Deployed } from './deployments'
import { optionsAt } from '../support/move-run'

async function main(): Promise<void> {
  const { generation, place, address } = JSON.parse(process.env['SESSION_OPTIONS'] ?? '{}') as Deployed
  const url = `redis://127.0.0.1:${process.env['REDIS_PORT']}`
  const client = createClient({ url, socket: { reconnectStrategy: 20 } })
  client.on('error', () => undefined)
  await client.connect()
  const own = new RedisStore({ client, prefix: 'own:' })

  const oldPlaces: Record<Deployed['place'], () => object> = {
    'connect-redis': () => new ConnectRedisStore({ client }),
    // express-session itself cannot use our store; it has connect-redis on the same records.
    'redis-layout': () =>
      generation === 'theirs'
        ? new ConnectRedisStore({ client })
        : new RedisStore({ client, layout: 'express-session' }),
    postgres: () =>
      new (connectPgSimple(original))({
        pool: new Pool({ connectionString: address, max: 4 }),
        pruneSessionInterval: false,
      }),
    files: () =>
      new (sessionFileStore(original))({ path: address, retries: 0, reapInterval: -1, logFn: () => undefined }),
  }
  const old = oldPlaces[place]()
  const usual = {
    secret: 'keyboard cat and a few more',
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 600_000 },
  }
  const middleware =
    generation === 'theirs'
      ? original({ ...usual, store: old as original.Store })
      : ours({ ...usual, ...optionsAt(generation, { old, own }) })

  const app = express()
  app.use(middleware)
  app.get('/login/:user', (req, res, next) => {
    req.session.regenerate((error) => {
      if (error) {
        next(error)
        return
      }
      Object.assign(req.session, { user: req.params.user })
      req.session.save((failure) => {
        if (failure) next(failure)
        else res.json(req.sessionID)
      })
    })
  })
  app.get('/set/:key/:value', (req, res, next) => {
    Object.assign(req.session, { [req.params.key]: req.params.value })
    req.session.save((error) => {
      if (error) next(error)
      else res.json(true)
    })
  })
  app.get('/show', (req, res) => {
    res.json(
      Object.fromEntries(Object.entries(req.session).filter(([key]) => !['cookie', '__lastAccess'].includes(key))),
    )
  })
  app.get('/logout', (req, res, next) => {
    req.session.destroy((error) => {
      if (error) next(error)
      else res.json(true)
    })
  })

  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  console.log(`port ${(server.address() as AddressInfo).port}`)
  process.stdin.on('end', () => process.exit()).resume()
}

void main()
