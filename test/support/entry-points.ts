import { type RequestHandler, sessionMiddleware } from '../../lib'
import expressSession from '../../lib/express-session'
import { ControlledExpressSessionStore, ControlledStore } from './controlled-store'
import { usual } from './same-flow'

/** The middleware of an entry point, over a store that a test can slow down and break. */
export interface EntryPoint {
  readonly sessions: RequestHandler
  /** Changes the session, as a handler of the app would. */
  readonly change: RequestHandler
  /** From now on, a new session cannot be stored. */
  readonly fail: () => void
  readonly mend: () => void
}

const faultOf = (delay: number | undefined): 'throw' | 'reject' => (delay === undefined ? 'throw' : 'reject')

/** By name; called with milliseconds until the store replies, or undefined: in the same tick. */
export const entryPoints: Readonly<Record<string, (delay: number | undefined) => EntryPoint>> = {
  holdfast(delay) {
    const store = new ControlledStore()
    store.delay = delay
    return {
      sessions: sessionMiddleware({ store }),
      change(req, _res, next) {
        ;(req as any).session.set('changed', Math.random())
        next()
      },
      fail: () => store.fail('insert', faultOf(delay)),
      mend: () => store.mend(),
    }
  },
  'holdfast/express-session'(delay) {
    const store = new ControlledExpressSessionStore()
    store.delay = delay
    return {
      sessions: expressSession({ ...usual, store: store as never }) as unknown as RequestHandler,
      change(req, _res, next) {
        ;(req as any).session.changed = Math.random()
        next()
      },
      fail: () => store.fail('set', faultOf(delay)),
      mend: () => store.mend(),
    }
  },
}
