// @ts-check
import express from 'express'
import { login, logout, sessionMiddleware } from 'holdfast'

const app = express()
app.use(express.urlencoded({ extended: false }), sessionMiddleware())

/**
 * @param {express.Request} req
 * @param {express.Response} res
 * @param {express.NextFunction} next
 */
function requireLogin(req, res, next) {
  if (req.session.subject === undefined) res.redirect(303, '/')
  else next()
}

app.get('/', (req, res) => {
  const visits = (req.session.get('visits') ?? 0) + 1
  req.session.set('visits', visits)
  const notice = req.session.get('notice') ?? ''
  res.send(`<p>${notice}</p><p>Visit ${visits}. <a href="/account">Your account</a></p>
    <form method="post" action="/sign-in"><label>Password <input name="password" type="password"></label>
    <button>Sign in</button></form>`)
})

app.post('/sign-in', (req, res) => {
  if (req.body?.password === 'hold fast') login(req, 'ada')
  else req.session.flash('notice', 'That is not the password.')
  res.redirect(303, '/account')
})

app.get('/account', requireLogin, (req, res) => {
  res.send(
    `<p>Signed in as ${req.session.subject}</p><form method="post" action="/sign-out"><button>Sign out</button></form>`,
  )
})

app.post('/sign-out', (req, res) => {
  logout(req)
  req.session.flash('notice', 'You are signed out.')
  res.redirect(303, '/')
})

const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  const address = server.address()
  console.log(`Listening on http://localhost:${typeof address === 'object' ? address?.port : address}`)
})
