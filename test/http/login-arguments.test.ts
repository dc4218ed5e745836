import express from 'express'
import { login, logout, sessionMiddleware } from '../../lib/index'
import { MemoryStore } from '../../lib/stores/memory-store'
import { listen, stopApps } from '../support/app'
import { fetchRaw } from '../support/raw-client'

afterEach(stopApps)

async function run(act: (req: express.Request) => unknown): Promise<{ status: number; body: any }> {
  const app = express()
  app.use(sessionMiddleware({ store: new MemoryStore() }))
  app.get('/', (req, res) => {
    req.session.set('cart', ['tea'])
    try {
      act(req)
      res.json({ subject: req.session.subject, cart: req.session.get('cart') })
    } catch (error) {
      const { code, message } = error as { code: string; message: string }
      res.json({ code, message, subject: req.session.subject, cart: req.session.get('cart') })
    }
  })
  const { port } = await listen(app)
  const { status, body } = await fetchRaw(port, '/')
  return { status, body: JSON.parse(body) }
}

const user = { id: 'ann' } as { id: string; Id: string }

test.each<[string, (req: express.Request) => unknown, string]>([
  ['login(req, user.Id), misspelt', (req) => login(req, user.Id), 'INVALID_ARGUMENT'],
  ['login(req, null)', (req) => login(req, null as unknown as string), 'INVALID_ARGUMENT'],
  ['login(req, undefined, {})', (req) => login(req, user.Id, {}), 'INVALID_ARGUMENT'],
  ['login(req, 7)', (req) => login(req, 7 as unknown as string), 'INVALID_ARGUMENT'],
  ['login(req, "ann", callback)', (req) => login(req, 'ann', (() => 1) as object), 'INVALID_OPTION'],
  ['logout(req, callback)', (req) => (logout as (...args: unknown[]) => void)(req, () => 1), 'SESSION_MISUSE'],
])('%s throws and changes nothing of the session', async (_, act, code) => {
  const { body } = await run(act)
  expect(body).toEqual({ code, message: expect.any(String), cart: ['tea'] })
})

test('login(req) without a subject keeps the data, and the session anonymous', async () => {
  const { body } = await run((req) => login(req))
  expect(body).toEqual({ cart: ['tea'] })
})

test('login(req) keeps the subject that the session has', async () => {
  const { body } = await run((req) => {
    login(req, user.id)
    login(req)
  })
  expect(body).toEqual({ subject: 'ann', cart: ['tea'] })
})
