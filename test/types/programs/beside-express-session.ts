// The types of express-session in the same program: connect-redis needs them. Both packages' sessions are typed, and
// `req.session` is first of all ours.
import { RedisStore } from 'connect-redis'
import express, { type Request } from 'express'
import expressSession from 'express-session'
import { login, type Session, sessionMiddleware } from 'holdfast'
import { createClient } from 'redis'

declare module 'holdfast' {
  interface SessionValues {
    cart: string[]
  }
  interface SessionFlash {
    notice: string
  }
}

const app = express()
app.use(sessionMiddleware({ store: new RedisStore({ client: createClient() }) }))
app.use(sessionMiddleware({ store: new expressSession.MemoryStore() }))
app.get('/', (req, res) => {
  const cart: string[] | undefined = req.session.get('cart')
  req.session.set('cart', ['tea'])
  req.session.flash('notice', 'Saved')
  req.session.set('cart', [1]) // error TS2322
  req.session.get('crat') // error TS2345
  req.session.flash('cart', 'x') // error TS2345
  const session: Session = req.session
  session.destroy()
  req.session.destroy()
  login(req, 'ada')
  res.json(cart)
})
function show(req: Request): void {
  req.session.unset('cart')
}
app.get('/show', show)
