// The types of cookie-session in the same program: they make `session` optional in a base of Express' requests.
import cookieSession from 'cookie-session'
import express from 'express'
import { sessionMiddleware } from 'holdfast'

declare module 'holdfast' {
  interface SessionValues {
    cart: string[]
  }
}

const app = express()
app.use('/old', cookieSession({ keys: ['a key'] }))
app.use(sessionMiddleware())
app.get('/', (req, res) => {
  const cart: string[] | undefined = req.session.get('cart')
  req.session.set('cart', ['tea'])
  req.session.set('cart', [1]) // error TS2322
  req.session.get('crat') // error TS2345
  res.json(cart)
})
