import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { buildSync } from 'esbuild'
import { type RequestHandler, sessionMiddleware } from '../../lib'
import { ControlledStore } from '../support/controlled-store'
import type { TestRequest } from '../support/server-kinds'
import { fetchRaw, RawClient, sessionCookie } from '../support/raw-client'
import { collectWarnings } from '../support/warnings'

const fastify = jest.requireActual<() => any>('fastify')
const middie = jest.requireActual<object>('@fastify/middie')

let stop: (() => Promise<void>) | undefined
afterEach(async () => {
  await stop?.()
  jest.restoreAllMocks()
})

/** A Fastify app whose sessions are mounted with @fastify/middie, after some middleware that takes a while. */
async function start(store: ControlledStore, slow?: RequestHandler, plugin = middie): Promise<number> {
  const app = fastify()
  await app.register(plugin)
  if (slow !== undefined) app.use(slow)
  app.use(sessionMiddleware({ store }))
  app.get('/', (req: { raw: TestRequest }) => {
    req.raw.session.set('n', 1)
    return { hello: 'world' }
  })
  app.get('/quiet', () => ({ quiet: true }))
  await app.ready()
  app.server.listen(0, '127.0.0.1')
  await once(app.server, 'listening')
  stop = () => app.close()
  return (app.server.address() as AddressInfo).port
}

test('@fastify/middie: the session is stored before the response', async () => {
  const store = new ControlledStore()
  const port = await start(store)
  const response = await fetchRaw(port)
  expect(response).toMatchObject({ status: 200, body: '{"hello":"world"}', whole: true })
  expect(sessionCookie(response)).toBeDefined()
  expect(store.memory.size).toBe(1)
})

test('@fastify/middie: a save that fails after the chain has ended gives a 503, and the process lives', async () => {
  const warnings = collectWarnings()
  const store = new ControlledStore()
  const port = await start(store)
  store.fail('insert', 'reject')
  for (let i = 0; i < 3; i++) {
    expect(await fetchRaw(port)).toMatchObject({ status: 503, body: 'Service Unavailable', whole: true })
  }
  store.mend()
  expect((await fetchRaw(port)).status).toBe(200)
  expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_ERROR_NOT_ANSWERED'])
})

test('@fastify/middie in a bundle: the first request of the process already gets its 503, and no later one is disturbed', async () => {
  collectWarnings()
  const store = new ControlledStore()
  const entryPoints = [require.resolve('@fastify/middie')]
  const bundle = buildSync({ entryPoints, bundle: true, minify: true, platform: 'node', write: false })
  const exported: { exports: object } = { exports: {} }
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- what a bundler made is text
  new Function('module', 'require', bundle.outputFiles[0]?.text ?? '')(exported, require)
  const port = await start(store, undefined, exported.exports)
  store.fail('insert', 'reject')
  expect(await fetchRaw(port)).toMatchObject({ status: 503, body: 'Service Unavailable', whole: true })
  store.mend()
  for (let i = 0; i < 4; i++) expect(sessionCookie(await fetchRaw(port))).toBeDefined()
})

test('@fastify/middie: a failing save never reaches the request that its next() belongs to by now', async () => {
  collectWarnings()
  const store = new ControlledStore()
  const port = await start(store)
  store.fail('insert', 'reject')
  const failing = fetchRaw(port)
  const strangers = Array.from({ length: 10 }, () => fetchRaw(port, '/quiet'))
  expect((await failing).status).toBe(503)
  for (const stranger of strangers) expect(await stranger).toMatchObject({ status: 200, body: '{"quiet":true}' })
})

test('@fastify/middie: a request that has its next() already, and waits in front of the sessions, is not disturbed', async () => {
  collectWarnings()
  const waiting: (() => void)[] = []
  const store = new ControlledStore()
  const port = await start(store, (req, _res, next) => {
    if (req.url === '/quiet') waiting.push(() => next())
    else next()
  })
  // The functions are in use, one after the other.
  for (let i = 0; i < 2; i++) await fetchRaw(port)
  store.fail('insert', 'reject')
  store.hold('insert')
  const asked = store.asked('insert')
  const failing = fetchRaw(port)
  await asked
  const stranger = await RawClient.open(port)
  stranger.get('/quiet', { Connection: 'close' })
  while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  store.release('insert')
  expect((await failing).status).toBe(503)
  expect(stranger.received).toBe('')
  for (const goOn of waiting) goOn()
  expect(await stranger.untilClosed()).toContain('{"quiet":true}')
})
