import { MemoryStore } from '../../lib/stores/memory-store'
import ours from '../../lib/express-session'
import { sessionMiddleware } from '../../lib'
import { listen, stopApps } from '../support/app'
import { bothSessions, Browser, startCompatApp } from '../support/express-session-app'
import { get } from '../support/http-client'

// As vi.useFakeTimers() of Vitest does, and jest.useFakeTimers() with doNotFake for what Node's own http needs.
beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] }))
afterEach(async () => {
  jest.useRealTimers()
  await stopApps()
})

const routes = {
  count: (req: any) => (req.session.count = ((req.session.count as number | undefined) ?? 0) + 1),
  save: (req: any) => new Promise((resolve) => req.session.save(() => resolve('saved'))),
  regenerate: (req: any) => new Promise((resolve) => req.session.regenerate(() => resolve('regenerated'))),
  read: (req: any) =>
    new Promise((resolve) => req.sessionStore.get(req.sessionID, (_error: unknown, data: any) => resolve(data.count))),
}

test.each(bothSessions)('%s responds while a test turns the timers, setImmediate too', async (_name, session) => {
  const browser = new Browser(await startCompatApp({ session, options: { store: new session.MemoryStore() }, routes }))
  await expectToRespond(browser)
})

test.each<[string, () => Record<string, unknown>]>([
  ['a store of ours', () => ({ store: new MemoryStore() })],
  ['hashed records', () => ({ store: new ours.MemoryStore(), records: 'hashed' })],
])('%s responds while a test turns the timers', async (_name, options) => {
  await expectToRespond(new Browser(await startCompatApp({ options: options(), routes })))
})

test('sessionMiddleware responds while a test turns the timers', async () => {
  const sessions = sessionMiddleware()
  const { port } = await listen((req, res) => {
    sessions(req, res, () => {
      const { session } = req as any
      const count = Number(session.get('count') ?? 0) + 1
      session.set('count', count)
      res.end(String(count))
    })
  })
  const first = await get(port, '/')
  expect(first.body).toBe('1')
  expect((await get(port, '/', first.cookies[0]?.split(';')[0])).body).toBe('2')
})

async function expectToRespond(browser: Browser): Promise<void> {
  expect(await browser.json('/count')).toBe(1)
  expect(await browser.json('/count')).toBe(2)
  expect(await browser.json('/read')).toBe(2)
  expect(await browser.json('/save')).toBe('saved')
  expect(await browser.json('/regenerate')).toBe('regenerated')
  expect(await browser.json('/count')).toBe(1)
}
