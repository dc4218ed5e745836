import { SessionManager, type SessionOptions } from '../../lib'
import type { SessionStore } from '../../lib/session/store'
import { startApp, type TestApp } from '../support/app'
import { recordCalls } from '../support/controlled-store'
import type { Kept } from '../support/store-kinds'
import { turnedClock, type TurnedClock } from '../support/turned-clock'
import { mountUserRoutes } from './user-routes'

export interface UserApp extends TestApp {
  readonly clock: TurnedClock
  /** Store calls so far, by name. */
  readonly calls: string[]
}

/** An app with the routes of user-routes.ts on a store of a test, with a clock that the test turns. */
export async function startUserApp(kept: Kept, options: Omit<SessionOptions, 'store'> = {}): Promise<UserApp> {
  const clock = turnedClock()
  const calls: string[] = []
  const given: SessionOptions = { clock, ...options, store: recordCalls(kept.store as SessionStore, calls) }
  const app = await startApp({
    ...given,
    // Over the same store: the manager of the app's own is the middleware's, which is made before its routes.
    routes: (routes, barriers) => mountUserRoutes(routes, new SessionManager(given), (name) => barriers.pass(name)),
  })
  return Object.assign(app, { clock, calls })
}
