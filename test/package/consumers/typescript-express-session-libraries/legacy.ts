// As apps without esModuleInterop have it.
import expressImport = require('express')
import * as session from 'holdfast/express-session'
import required = require('holdfast/express-session')

const app = expressImport()
app.use(session({ secret: 'x', resave: false, saveUninitialized: false, store: new session.MemoryStore() }))
app.use(required({ secret: 'x', resave: false, saveUninitialized: false }))
app.get('/', (req, res) => {
  const views: number | undefined = req.session.views
  // @ts-expect-error -- a wrong value
  req.session.views = 'one'
  res.json(views)
})
export const cookie: session.CookieOptions = { maxAge: 60_000 }
