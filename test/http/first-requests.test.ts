import compression from 'compression'
import express from 'express'
import { sessionMiddleware } from '../../lib'
import { listen, passTurns, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import type { TestRequest } from '../support/server-kinds'
import { RawClient, parseResponse, sessionCookie } from '../support/raw-client'

afterEach(stopApps)

// In a file of its own: the requests must be the first ones that an Express of the process serves.
test('requests that are wrapped before the first of a process comes to the sessions are stored before they leave', async () => {
  const store = new ControlledStore()
  const waiting: (() => void)[] = []
  const app = express()
  app.use(compression({ threshold: 0 }))
  app.use((_req, _res, next) => void waiting.push(() => next()))
  app.use(sessionMiddleware({ store }))
  app.use((req, res) => {
    ;(req as unknown as TestRequest).session.set('n', 1)
    res.send('hello')
  })
  const { port } = await listen(app)
  const clients = [await RawClient.open(port), await RawClient.open(port), await RawClient.open(port)]
  for (const client of clients) client.get('/', { Connection: 'close' })
  while (waiting.length < clients.length) await passTurns(1)
  store.hold('insert')
  for (const goOn of waiting) goOn()
  await passTurns()
  expect(store.calls).toEqual(['insert', 'insert', 'insert'])
  expect(clients.map(({ received }) => received)).toEqual(['', '', ''])
  store.release('insert')
  for (const client of clients) {
    const response = parseResponse(await client.untilClosed())
    expect(response).toMatchObject({ status: 200, body: 'hello', whole: true })
    expect(sessionCookie(response)).toBeDefined()
  }
})
