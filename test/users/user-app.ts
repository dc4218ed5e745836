import type { SessionOptions } from '../../lib'
import { SessionManager } from '../../lib'
import type { SessionStore } from '../../lib/session/store'
import { startApp, type Answer, type TestApp } from '../support/http-app'
import type { Kept } from '../support/store-kinds'
import { turnedClock, type TurnedClock } from '../support/turned-clock'
import { mountUserRoutes } from './user-routes'

export interface UserApp extends TestApp {
  readonly clock: TurnedClock
  /** Store calls so far, by name. */
  readonly calls: string[]
}

/** An app with the routes above on a store of a test, with a clock that the test turns. */
export async function startUserApp(kept: Kept, options: Omit<SessionOptions, 'store'> = {}): Promise<UserApp> {
  const clock = turnedClock()
  const calls: string[] = []
  const given: SessionOptions = { clock, ...options, store: counting(kept.store as SessionStore, calls) }
  const app = await startApp(given, (routes, { gate }) => {
    // Over the same store: the manager of the app's own is the middleware's, which is made before its routes.
    mountUserRoutes(routes, new SessionManager(given), gate)
  })
  return Object.assign(app, { clock, calls })
}

function counting(store: SessionStore, calls: string[]): SessionStore {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        calls.push(String(name))
        return (value as (...args: unknown[]) => unknown).apply(target, args)
      }
    },
  })
}

/** The `Max-Age` of the session cookie in an answer. */
export function maxAgeOf(answer: Answer): number | undefined {
  const found = /max-age=(\d+)/i.exec((answer.headers['set-cookie'] ?? []).join('\n'))
  return found === null ? undefined : Number(found[1])
}

export function inParallel<T>(count: number, action: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => action(index)))
}
