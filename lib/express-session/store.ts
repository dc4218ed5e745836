import { EventEmitter } from 'node:events'
import { inherits } from 'node:util'
import { callableClass } from './callable-class'
import { cookieFromRecord } from './cookie'
import { type Callback, Session, type SessionRequest } from './session'

/** What a store written for express-session may do beside `get`, `set` and `destroy`. */
export interface StoreMethods extends EventEmitter {
  get(id: string, callback: (error?: unknown, data?: unknown) => void): unknown
  set(id: string, session: object, callback?: Callback): unknown
  destroy(id: string, callback?: Callback): unknown
  /** Set by the middleware: gives the request a new session. */
  generate?: (req: SessionRequest) => void
  regenerate(req: SessionRequest, callback?: Callback): void
  load(id: string, callback: (error?: unknown, session?: Session) => void): void
  createSession(req: SessionRequest, data: object): Session
}

/**
 * `session.Store`, the class that stores written for express-session inherit from. A function and no class, because such
 * stores call it: `session.Store.call(this, options)`.
 */
export const Store = callableClass(function Store(this: StoreMethods): void {
  EventEmitter.call(this)
})

inherits(Store, EventEmitter)

define('regenerate', function regenerate(this: StoreMethods, req: SessionRequest, callback?: Callback): void {
  this.destroy(req.sessionID as string, (error) => {
    this.generate?.(req)
    callback?.(error)
  })
})

define('load', function load(this: StoreMethods, id: string, callback: (error?: unknown, session?: Session) => void) {
  this.get(id, (error, data) => {
    if (error) callback(error)
    else if (typeof data !== 'object' || data === null) callback()
    else callback(null, this.createSession({ sessionID: id, sessionStore: this }, data))
  })
})

define('createSession', function createSession(req: SessionRequest, data: object): Session {
  const cookie = cookieFromRecord((data as { cookie?: unknown }).cookie)
  if (cookie === undefined) throw new TypeError('createSession: the data has no cookie, so it is no session')
  const session = new Session(req, { ...data, cookie })
  req.session = session
  return session
})

function define(name: keyof StoreMethods, value: unknown): void {
  Object.defineProperty(Store.prototype, name, { value, writable: true, configurable: true })
}
