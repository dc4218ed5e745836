import express from 'express'
import { sessionMiddleware } from '../../lib'
import { listen, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { fetchRaw, sessionCookie } from '../support/raw-client'

afterEach(stopApps)

test.each(['first', 'second'])(
  'a wrapper of writeHead begins a session while the %s response of an app is made: stored before that leaves',
  async (which) => {
    const store = new ControlledStore()
    const app = express()
    app.use(sessionMiddleware({ store }), (req, res, next) => {
      const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => typeof res
      res.writeHead = (...args: unknown[]) => {
        req.session.set('n', 1)
        return writeHead(...args)
      }
      next()
    })
    app.use((_req, res) => res.end('whole'))
    const { port } = await listen(app)
    if (which === 'second') await fetchRaw(port)
    store.hold('insert')
    const fetched = fetchRaw(port)
    await store.asked('insert')
    store.release('insert')
    const response = await fetched
    expect([response.status, response.body]).toEqual([200, 'whole'])
    expect(sessionCookie(response)).toBeDefined()
  },
)
