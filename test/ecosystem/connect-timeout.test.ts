import { startApp, stopApps } from '../support/app'
import type { RequestHandler } from '../../lib'
import { ControlledStore } from '../support/controlled-store'
import { serverKinds } from '../support/server-kinds'
import { fetchRaw } from '../support/raw-client'

const timeout = jest.requireActual<(time: string) => RequestHandler>('connect-timeout')

afterEach(stopApps)

describe.each(serverKinds)('connect-timeout on $name', (kind) => {
  const isExpress = kind.name.startsWith('Express')

  test.each([...(isExpress ? (['before'] as const) : []), 'after'] as const)(
    'mounted %s the sessions, its clock stops when the handler has responded, though the save still waits',
    async (place) => {
      const store = new ControlledStore()
      const { port, errors } = await startApp({
        kind,
        store,
        [place]: [timeout('40ms')],
        handler(req, res) {
          req.session.set('n', 1)
          res.end('hello')
        },
      })
      // The first response of an Express is wrapped before our methods stand on its prototype.
      expect((await fetchRaw(port)).status).toBe(200)
      const insert = store.holdNext('insert')
      const response = fetchRaw(port)
      const release = await insert
      await new Promise((resolve) => setTimeout(resolve, 80))
      release()
      expect(await response).toMatchObject({ status: 200, body: 'hello', whole: true })
      expect(errors).toEqual([])
    },
  )

  test('a handler that is too slow gets its 503', async () => {
    const { port, errors } = await startApp({
      kind,
      store: new ControlledStore(),
      before: [timeout('20ms')],
      handler: (req) => req.session.set('n', 1),
    })
    expect(await fetchRaw(port)).toMatchObject({ status: 503, whole: true })
    expect(errors).toHaveLength(1)
  })
})
