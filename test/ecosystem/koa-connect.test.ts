import { sessionMiddleware } from '../../lib'
import { listen, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import type { TestRequest } from '../support/server-kinds'
import { fetchRaw, sessionCookie } from '../support/raw-client'
import { collectWarnings } from '../support/warnings'

const Koa = jest.requireActual<new () => any>('koa')
const fromConnect = jest.requireActual<(middleware: unknown) => unknown>('koa-connect')

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

async function start(store: ControlledStore): Promise<number> {
  const app = new Koa()
  app.use(fromConnect(sessionMiddleware({ store })))
  app.use((ctx: { req: TestRequest; body: string }) => {
    ctx.req.session.set('n', 1)
    ctx.body = 'hello'
  })
  return (await listen(app.callback())).port
}

test('koa-connect: the session is stored before the response', async () => {
  const store = new ControlledStore()
  const response = await fetchRaw(await start(store))
  expect(response).toMatchObject({ status: 200, body: 'hello', whole: true })
  expect(sessionCookie(response)).toBeDefined()
})

test('koa-connect: where next(error) reaches nothing, the 503 comes within two seconds', async () => {
  const warnings = collectWarnings()
  const store = new ControlledStore()
  store.fail('insert', 'reject')
  const port = await start(store)
  const begin = performance.now()
  expect(await fetchRaw(port)).toMatchObject({ status: 503, body: 'Service Unavailable', whole: true })
  expect(performance.now() - begin).toBeLessThan(2000)
  expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_ERROR_NOT_ANSWERED'])
})
