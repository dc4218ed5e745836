import cookieSession from 'cookie-session'
import expressSession from 'express-session'
import { asProperties, bare, largest, serve, withGetAndSet } from './serve.mjs'

const { sessionMiddleware } = await import(process.env.BENCH_PACKAGE ?? 'holdfast')
const secret = 'no secret at all, but long enough'

const servers = {
  bare: () => bare,
  'express-session': () => ({
    middleware: expressSession({ secret, resave: false, saveUninitialized: false }),
    ...asProperties,
  }),
  'cookie-session': () => ({ middleware: cookieSession({ secret }), ...asProperties }),
  holdfast: () => ({
    // An older build may not know the option.
    middleware: sessionMiddleware(process.env.BENCH_PACKAGE === undefined ? { maxBytes: largest } : {}),
    ...withGetAndSet,
  }),
}

serve(servers[process.argv[2]]())
