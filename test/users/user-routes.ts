import type { IRouter } from 'express'
import { login, logout, type SessionError, type SessionManager } from '../../lib'

/** What the tests in this folder ask an app for. A route with `?wait` stops in the middle until the test lets it go on. */
export function mountUserRoutes(
  app: IRouter,
  sessions: SessionManager,
  barrier: (name: string) => Promise<void>,
): void {
  const { users } = sessions
  app.use(async (req, _res, next) => {
    // Having read its session, a request may take its time before it goes on.
    const { wait } = req.query
    if (typeof wait === 'string') await barrier(wait)
    next()
  })
  app.get('/login/:subject', (req, res) => {
    const { ttl } = req.query
    login(req, req.params.subject, ttl === undefined ? {} : { ttl: Number(ttl) })
    res.json('in')
  })
  app.get('/logout', (req, res) => {
    logout(req)
    res.json('out')
  })
  app.get('/get', (req, res) => {
    const { subject = null, createdAt, expiresAt, handle, data } = req.session
    res.json({ subject, values: data[0], createdAt, expiresAt, handle })
  })
  app.get('/set/:key/:value', (req, res) => {
    req.session.set(req.params.key, req.params.value)
    res.json('set')
  })
  app.get('/flash/:key/:value', (req, res) => {
    req.session.flash(req.params.key, req.params.value)
    res.json('flashed')
  })
  app.get('/value/:key', (req, res) => {
    res.json(req.session.get(req.params.key) ?? null)
  })
  app.get('/read/:subject/:id', async (req, res) => {
    res.json(
      await users
        .read(req.params.subject, req.params.id, { ip: '' })
        .catch((error: unknown) => (error as SessionError).code),
    )
  })
  app.get('/create/:subject', async (req, res) => {
    res.json(await users.create(req.params.subject, { ip: '' }))
  })
  app.get('/list/:subject', async (req, res) => {
    res.json([...(await users.readAll(req.params.subject))])
  })
  app.get('/end/:subject/:session', async (req, res) => {
    await users.delete(req.params.subject, req.params.session)
    res.json('ended')
  })
  app.get('/end-others/:subject', async (req, res) => {
    res.json(await users.deleteAll(req.params.subject, { except: req.session.handle }))
  })
  app.get('/end-all/:subject', async (req, res) => {
    res.json(await users.deleteAll(req.params.subject))
  })
  app.get('/update-all/:subject/:key/:value', async (req, res) => {
    res.json(await users.updateAll(req.params.subject, { [req.params.key]: req.params.value }))
  })
}
