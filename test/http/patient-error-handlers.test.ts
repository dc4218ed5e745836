import express from 'express'
import express4 from 'express4'
import { sessionMiddleware } from '../../lib'
import { listen, startApp, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { fetchRaw } from '../support/raw-client'
import { type Next, serverKinds, type TestRequest, type TestResponse } from '../support/server-kinds'
import { collectWarnings } from '../support/warnings'

type Response = Awaited<ReturnType<typeof fetchRaw>>

/** These wait for real time, because the hold watches what an error handler has really started. So all that wait alike
 * begin together, before the first of their tests. */
function begin<T>(requests: Readonly<Record<string, () => Promise<T>>>): Record<string, Promise<T>> {
  const begun: Record<string, Promise<T>> = {}
  beforeAll(() => {
    for (const [name, request] of Object.entries(requests)) begun[name] = request()
  })
  return begun
}

afterAll(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

function failingStore(): ControlledStore {
  const store = new ControlledStore()
  store.fail('insert', 'reject')
  return store
}

const olderExpress = express4 as unknown as typeof express

describe('inside a framework that was made a promise', () => {
  /** `next` has an effect the first time only. */
  async function fetchFrom(mount: (req: TestRequest, res: TestResponse, next: Next) => void) {
    const { port } = await listen((req, res) => {
      const mounted = new Promise<void>((resolve, reject) => {
        mount(req as TestRequest, res as TestResponse, (error) => (error instanceof Error ? reject(error) : resolve()))
      })
      void mounted.then(() => {
        ;(req as TestRequest).session.set('n', 1)
        res.end('hello')
      })
    })
    const since = performance.now()
    const response = await fetchRaw(port)
    return { response, milliseconds: performance.now() - since }
  }

  function fetchFromApp(make: typeof express) {
    const app = make()
    app.use(sessionMiddleware({ store: failingStore() }))
    return fetchFrom((req, res, next) => app(req as never, res as never, next))
  }

  beforeAll(() => void collectWarnings())
  const begun = begin({
    'a middleware': () => fetchFrom(sessionMiddleware({ store: failingStore() })),
    'an app of Express 5': () => fetchFromApp(express),
    'an app of Express 4': () => fetchFromApp(olderExpress),
  })

  test.each(['a middleware', 'an app of Express 5', 'an app of Express 4'])(
    '%s gets its 503 within two seconds',
    async (name) => {
      const { response, milliseconds } = (await begun[name]) ?? {}
      expect(response).toMatchObject({ status: 503, body: 'Service Unavailable', whole: true })
      expect(milliseconds).toBeLessThan(2000)
    },
  )
})

describe('an error handler that takes its time', () => {
  let warnings: { code: string }[]
  beforeAll(() => {
    warnings = collectWarnings()
  })

  async function fetchAroundRouter(make: typeof express): Promise<Response[]> {
    const app = make()
    const router = make.Router()
    router.use(sessionMiddleware({ store: failingStore() }))
    router.get('/', (req, res) => {
      ;(req as unknown as TestRequest).session.set('n', 1)
      res.end('hello')
    })
    app.use(router)
    const onError: express.ErrorRequestHandler = (_error, _req, res, _next) => {
      setTimeout(() => res.status(503).end('took its time'), 2500)
    }
    app.use(onError)
    const { port } = await listen(app)
    return [await fetchRaw(port)]
  }

  async function fetchOnEachServer(): Promise<Response[]> {
    const rest = async (res: TestResponse, hasTimer: boolean): Promise<void> => {
      if (!hasTimer) await Promise.resolve()
      await new Promise((resolve) => setTimeout(resolve, 3000))
      res.statusCode = 503
      res.end('took its time')
    }
    const responses = serverKinds.flatMap((kind) =>
      [true, false].map(async (hasTimer) => {
        const { port } = await startApp({
          kind,
          store: failingStore(),
          handler: (req, res) => (req.session.set('n', 1), res.end('hello')),
          onError: (_error, _req, res) => void rest(res, hasTimer),
        })
        return fetchRaw(port)
      }),
    )
    return Promise.all(responses)
  }

  const begun = begin({
    'of the app around a router of Express 5': () => fetchAroundRouter(express),
    'of the app around a router of Express 4': () => fetchAroundRouter(olderExpress),
    'of 3 s, on each server,': fetchOnEachServer,
  })

  test.each([
    'of the app around a router of Express 5',
    'of the app around a router of Express 4',
    'of 3 s, on each server,',
  ])('%s is waited for', async (name) => {
    const responses = (await begun[name]) ?? []
    expect(responses.length).toBeGreaterThan(0)
    for (const response of responses) {
      expect(response).toMatchObject({ status: 503, body: 'took its time', whole: true })
    }
    expect(warnings).toEqual([])
  })
})
