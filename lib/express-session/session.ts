import type { IncomingMessage } from 'node:http'
import { type Cookie, slide } from './cookie'

/** As express-session's: an error, or nothing. */
export type Callback = (error?: unknown) => void

/** A request as far as a session needs it; Socket.IO recipes and `Store.load` give objects of their own. */
export interface SessionRequest {
  session?: unknown
  sessionID?: unknown
  sessionStore?: unknown
}

/** Where the methods of a session that the middleware carries lead to. */
export interface TrackedMethods {
  save(callback: Callback | undefined): void
  destroy(callback: Callback | undefined): void
  regenerate(callback: Callback | undefined): void
  reload(callback: Callback | undefined): void
  resetMaxAge(): void
}

/** The key under which a session that the middleware carries has its `TrackedMethods`; no other session has it. */
export const tracked = Symbol('holdfast.express-session.tracked')

/** What a bare session asks of `req.sessionStore`. */
interface RawStore {
  get(id: string, callback: (error?: unknown, data?: unknown) => void): unknown
  set(id: string, session: object, callback: Callback): unknown
  destroy(id: string, callback?: Callback): unknown
  regenerate(req: object, callback?: Callback): unknown
  createSession(req: object, data: object): unknown
}

/**
 * `req.session`, with the methods, arities and enumerable properties of express-session's.
 *
 * The one that the middleware attaches keeps track of what changes in it (`TrackedSession`). One that is made by hand,
 * or by `store.createSession`, is bare: its methods go straight to `req.sessionStore`, and the middleware compares it
 * with what it was when the response is about to leave.
 */
export class Session {
  declare cookie: Cookie
  declare readonly id: string
  declare readonly req: SessionRequest & Partial<IncomingMessage>

  /** @param data Values and the cookie; names of methods are left out. */
  constructor(req: SessionRequest, data?: unknown) {
    Object.defineProperty(this, 'req', { value: req })
    Object.defineProperty(this, 'id', { value: req.sessionID })
    if (typeof data !== 'object' || data === null) return
    const given = data as Record<string, unknown>
    for (const key in given) if (!(key in this)) (this as Record<string, unknown>)[key] = given[key]
  }

  /** Stores the session now. With a callback, reports to it; without one, the response waits. */
  save(callback?: Callback): this {
    const methods = methodsOf(this)
    if (methods === undefined) storeOf(this).set(this.id, this, callback ?? ignore)
    else methods.save(callback)
    return this
  }

  /** Ends the session now and takes it from the request. */
  destroy(callback?: Callback): this {
    const methods = methodsOf(this)
    if (methods === undefined) {
      this.req.session = undefined
      delete this.req.session
      storeOf(this).destroy(this.id, callback)
    } else methods.destroy(callback)
    return this
  }

  /** Ends the session now and gives the request a new one, empty and with a new id. */
  regenerate(callback?: Callback): this {
    const methods = methodsOf(this)
    if (methods === undefined) storeOf(this).regenerate(this.req, callback)
    else methods.regenerate(callback)
    return this
  }

  /** Reads the session again; `req.session` is another object then. Changes that were not saved are lost. */
  reload(callback?: Callback): this {
    const methods = methodsOf(this)
    if (methods === undefined) reloadBare(this, callback ?? ignore)
    else methods.reload(callback)
    return this
  }

  /** Starts the session's lifetime again, recorded before the response leaves. */
  touch(): this {
    return this.resetMaxAge()
  }

  /** See `touch`. */
  resetMaxAge(): this {
    slide(this.cookie)
    methodsOf(this)?.resetMaxAge()
    return this
  }
}

function methodsOf(session: Session): TrackedMethods | undefined {
  return (session as { [tracked]?: TrackedMethods })[tracked]
}

function storeOf(session: Session): RawStore {
  return session.req.sessionStore as RawStore
}

function reloadBare(session: Session, callback: Callback): void {
  const { req, id } = session
  const store = storeOf(session)
  store.get(id, (error, data) => {
    if (error) callback(error)
    else if (typeof data !== 'object' || data === null) callback(new Error('failed to load session'))
    else {
      store.createSession(req, data)
      callback()
    }
  })
}

function ignore(): void {}
