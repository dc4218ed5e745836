import { randomBytes } from 'node:crypto'
import { RedisStore as ConnectRedis } from 'connect-redis'
import expressSession from 'express-session'
import { sessionMiddleware } from 'holdfast'
import { RedisStore } from 'holdfast/redis'
import { createClient } from 'redis'
import { asProperties, bare, filling, largest, nextView, serve, withGetAndSet } from './serve.mjs'

const secret = 'no secret at all, but long enough'
const client = createClient({ url: process.env.REDIS_URL })
await client.connect()

const servers = {
  bare: () => bare,

  /** The least that keeps a session in Redis: no check, no expiry of the cookie, no promise. */
  floor: () => {
    const save = (id, data) => client.set(`floor:${id}`, JSON.stringify(data), { EX: 86_400 })
    return {
      middleware: (req, res, next) => {
        const id = /(?:^|; )sid=([\w-]+)/.exec(req.headers.cookie ?? '')?.[1]
        if (id === undefined) return next()
        req.id = id
        client.get(`floor:${id}`).then((text) => {
          req.data = text === null ? {} : JSON.parse(text)
          next()
        }, next)
      },
      read: (req, res) => {
        res.json({ views: req.data.views })
      },
      write: async (req, res) => {
        const data = req.data ?? {}
        data.views = nextView()
        const id = req.id ?? randomBytes(24).toString('base64url')
        await save(id, data)
        if (req.id === undefined) res.setHeader('Set-Cookie', `sid=${id}; Path=/; HttpOnly`)
        res.json({ views: data.views })
      },
      fill: async (req, res) => {
        const id = randomBytes(24).toString('base64url')
        await save(id, { views: nextView(), ...Object.fromEntries(filling(req)) })
        res.setHeader('Set-Cookie', `sid=${id}; Path=/; HttpOnly`)
        res.json({})
      },
    }
  },

  'express-session': () => ({
    middleware: expressSession({
      secret,
      resave: false,
      saveUninitialized: false,
      store: new ConnectRedis({ client, prefix: 'es:' }),
    }),
    ...asProperties,
  }),

  holdfast: () => ({
    middleware: sessionMiddleware({ store: new RedisStore({ client }), maxBytes: largest }),
    ...withGetAndSet,
  }),
}

serve(servers[process.argv[2]]())
