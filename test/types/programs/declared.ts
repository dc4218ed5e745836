// An app that declares the shape of its sessions, on Express 5. A marker names the error that its line must give.
import express, { type ErrorRequestHandler, type NextFunction, type Request, type Response, Router } from 'express'
import { login, logout, Session, SessionManager, sessionMiddleware } from 'holdfast'

interface Item {
  sku: string
  count: number
}

declare module 'holdfast' {
  interface SessionValues {
    cart: Item[]
    theme: 'light' | 'dark'
  }
  interface SessionFlash {
    notice: string
  }
}

const app = express()
app.use(sessionMiddleware({ timeouts: { idle: 60 } }))
app.get('/', (req, res) => {
  const cart: Item[] | undefined = req.session.get('cart')
  const notice: string | undefined = req.session.get('notice')
  const known: boolean = req.session.has('cart') && req.session.has('notice')
  req.session.set('theme', 'dark')
  req.session.set('theme', null)
  req.session.set('theme', undefined)
  req.session.unset('cart')
  req.session.flash('notice', 'Saved')
  const [values, flash] = req.session.data
  const texts: [string, string] = [values.theme, flash.notice]
  res.json({ cart, notice, known, texts })
})
app.get('/wrong', (req) => {
  req.session.get('crat') // error TS2345
  req.session.has('crat') // error TS2345
  req.session.set('crat', []) // error TS2345
  req.session.set('theme', 'blue') // error TS2345
  req.session.set('cart', [{ sku: 1, count: 1 }]) // error TS2322
  req.session.set('notice', 'not a value') // error TS2345
  req.session.unset('notice') // error TS2345
  req.session.flash('cart', 'not a flash message') // error TS2345
  req.session.flash('notice', 1) // error TS2345
  req.session.cart // error TS2339
  req.session.id = 'mine' // error TS2540
  const cart: Item[] = req.session.get('cart') // error TS2322
  const theme: number | undefined = req.session.get('theme') // error TS2322
  return [cart, theme]
})
app.post('/login', (req, res, next) => {
  login(req)
  login(req, 'ada')
  login(req, 'ada', { ttl: 60, context: { ip: req.ip ?? '', device: { name: 'phone' } } })
  login(req, 7) // error TS2345
  login(req, req.session.subject) // error TS2345
  login(req, 'ada', { tll: 60 }) // error TS2353
  logout(req)
  logout() // error TS2554
  res.redirect('/')
  next()
})

// Handlers that are written apart, with Express' own types.
function show(req: Request<{ id: string }>, res: Response, next: NextFunction): void {
  if (req.session.get('theme') === 'dark') next()
  else res.send(req.params.id)
}
const fail: ErrorRequestHandler = (error, req, res, next) => {
  req.session.flash('notice', 'Failed')
  next(error)
}
app.use('/:id', Router().get('/', show), fail)
// A function that needs the session alone, and one with a shape of its own.
function count(session: Session): number {
  return session.get('cart')?.length ?? 0
}
app.use((req, _res, next) => {
  count(req.session)
  count({ get: () => undefined }) // error TS2345
  next()
})
const own = new Session<{ views: number }, { hint: string }>(undefined, [{ views: 1 }, { hint: 'x' }])
own.set('views', 2)
own.set('cart', []) // error TS2345
new Session<{ views: number }>('id', [{ views: 'one' }, { notice: 'x' }]) // error TS2322

sessionMiddleware({ sesionTtl: 60 }) // error TS2353
sessionMiddleware({ sessionTtl: '60' }) // error TS2322
sessionMiddleware({ cookie: { sameSite: 'Lax' } }) // error TS2820
sessionMiddleware({ timeouts: { renewal: 60 } }) // error TS2322
sessionMiddleware({ timeouts: { oldSessionAvailabilityAfterRenewal: 60 } }) // error TS2322
sessionMiddleware({ timeouts: { idle: 60, renewal: 60, oldSessionAvailabilityAfterRenewal: 6 } })
sessionMiddleware({ context: (req: Request) => ({ ip: req.ip ?? '', device: { name: req.get('user-agent') ?? '' } }) })
sessionMiddleware({ context: (req) => ({ ip: req.socket.remoteAddress ?? '' }) })
sessionMiddleware({ context: (req: string) => ({ ip: req }) }) // error TS2322
const sessions: SessionManager = sessionMiddleware().sessions
app.use(sessions.middleware(), sessionMiddleware(sessions))
async function job(id: string): Promise<void> {
  await sessions.create({ cart: [], theme: 'dark' })
  await sessions.create({ crat: [] }) // error TS2353
  await sessions.update(id, { theme: null, cart: undefined })
  await sessions.update(id, { theme: 'blue' }) // error TS2322
  await sessions.users.updateAll('ann', { theme: 'light' })
  await sessions.users.updateAll('ann', { rolle: 1 }) // error TS2353
  const cart: Item[] | undefined = (await sessions.get(id))?.cart
  const theme: number | undefined = (await sessions.fromRequest({} as Request))?.theme // error TS2322
  console.log(cart, theme)
}
void job('id')
