const express = require('express')
const { login, logout, sessionMiddleware } = require('holdfast')

const app = express()
app.use(sessionMiddleware())
app.get('/', (req, res) => {
  req.session.set('views', (req.session.get('views') ?? 0) + 1)
  res.json({ views: req.session.get('views'), subject: req.session.subject })
})
app.get('/login', (req, res) => {
  login(req, 'ada')
  res.redirect('/')
})
app.get('/logout', (req, res) => {
  logout(req)
  res.redirect('/')
})
const server = app.listen(0, () => console.log(server.address().port))
