// An app that declares no shape: any key, any value.
import express from 'express'
import { Session, sessionMiddleware } from 'holdfast'

const app = express()
app.use(sessionMiddleware())
app.get('/', (req, res) => {
  const views: number = req.session.get('views') ?? 0
  req.session.set('views', views + 1)
  req.session.flash('notice', { text: 'hello' })
  req.session.unset('anything')
  res.json({ views, notice: req.session.get('notice') })
  req.session.get(1) // error TS2345
  req.session.views // error TS2339
})
new Session().set('a', 1)
