import express from 'express'
import express4 from 'express4'
import session from '../../lib/express-session'
import { listen, stopApps } from '../support/app'
import { usualOptions } from '../support/express-session-app'
import { fetchRaw } from '../support/raw-client'

afterEach(stopApps)

test.each([
  ['Express 5', express],
  ['Express 4', express4 as unknown as typeof express],
])('no property is added to the requests of a server that has met the middleware: %s', async (_name, create) => {
  const added: number[] = []
  const attach = session(usualOptions)
  const app = create()
  app.use((req, res, next) => {
    const before = Reflect.ownKeys(req)
    attach(req, res, () => {
      added.push(Reflect.ownKeys(req).filter((key) => !before.includes(key)).length)
      next()
    })
  })
  app.use((req, res) => res.end(typeof req.session.cookie))
  const { port, server } = await listen(app)
  for (let i = 0; i < 4; i++) expect((await fetchRaw(port)).body).toBe('object')
  expect(added).toEqual([1, 0, 0, 0])
  expect(server.listenerCount('request')).toBe(1)
})
