// Express 4's types. (Under another name here, since Express 5's are installed too.)
import express, { type Request, type Response } from 'express4'
import { login, sessionMiddleware } from 'holdfast'

declare module 'holdfast' {
  interface SessionValues {
    views: number
  }
}

const app = express()
app.use(sessionMiddleware())
app.get('/', (req, res) => {
  req.session.set('views', (req.session.get('views') ?? 0) + 1)
  req.session.set('veiws', 1) // error TS2345
  login(req, 'ada')
  res.end()
})
app.use((_error: unknown, req: Request, _res: Response, next: (error?: unknown) => void) => {
  req.session.unset('views')
  next()
})
