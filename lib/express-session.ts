// eslint-disable-next-line @typescript-eslint/no-require-imports -- its module is `export =`, for both module systems
import type original = require('express-session')
import { Cookie as OurCookie } from './express-session/cookie'
import { MemoryStore as OurMemoryStore } from './express-session/memory-store'
import { createHandler } from './express-session/middleware'
import { Session as OurSession } from './express-session/session'
import { Store as OurStore } from './express-session/store'
import type { UserSessionOperationContext } from './session/session-shape'
import type { SessionStore } from './session/store'
import type { ExpressSessionStore } from './stores/express-session/express-session-store'

/**
 * Session middleware for apps written for express-session: such an app imports `holdfast/express-session` in place of
 * `express-session`, and changes nothing else. `req.session`, `req.sessionID`, `req.sessionStore`, the options, the
 * records in the store and the cookie are express-session's, so that both can serve from one store.
 *
 * What changes is what holds: no byte of a response leaves before its session is stored; requests in parallel keep each
 * other's writes; a session that was destroyed stays destroyed; a store that fails gives `next(error)` with
 * `error.status` 503 before the headers, and no cookie.
 *
 * @param options See `SessionOptions`.
 * @throws TypeError as express-session does, for `genid`, `unset` and an empty array of secrets. SessionError
 *   `INVALID_OPTION` for a `store` that is none, and for wrong values of the options that are new.
 */
function session(options?: session.SessionOptions): session.Handler {
  return createHandler(options ?? {}) as session.Handler
}

/* eslint-disable @typescript-eslint/no-namespace -- `export =` is what a program that requires express-session expects,
   and a namespace is how its types are declared; the types are its own, so that what an app added to them still counts */
namespace session {
  /** The middleware; `store` is what `req.sessionStore` is. */
  export type Handler = ReturnType<typeof original> & { readonly store: original.Store }

  /** With Express' type of a request, as `genid` has it; bivariant, as methods are. */
  export type ContextOfRequest = {
    of(req: Parameters<NonNullable<original.SessionOptions['genid']>>[0]): UserSessionOperationContext
  }['of']

  /** All of express-session's, and those that are new. */
  export interface SessionOptions extends Omit<original.SessionOptions, 'store'> {
    /**
     * Decides where, and how, sessions are kept. A store written for express-session keeps its own records in place, so
     * the switch signs no user out, nor does switching back. A store of this package keeps our own records, under hashed
     * ids, with every promise. Default: a new `session.MemoryStore`.
     */
    store?: original.Store | ExpressSessionStore | SessionStore | undefined
    /** Seconds that a session without `cookie.maxAge` lasts after its last use. Default: what the store has, and 86 400
     * (a day) where that is ours to say. At most 400 days. */
    ttl?: number | undefined
    /** Seconds after which a store call that has not returned has failed, with 503. Default 5, at most 300. */
    storeTimeout?: number | undefined
    /** Absolute lifetime of a session in seconds, however much it is used. Default: none. Needs a store of this package. */
    sessionTtl?: number | undefined
    /** Whose session it is, called at each save: then `new SessionManager({ store }).users` lists and ends the sessions of
     * a user. Undefined or null: a visitor's. Needs a store of this package. */
    subject?: ((session: Partial<original.SessionData>) => string | null | undefined) | undefined
    /**
     * From where a user signs in: what `users.readAll` shows of a session, such as the name of the device. Called when the
     * session gets a subject, or another one, and when a session with one moves here; a later change is not noticed. Default:
     * `{ ip }`, Express' `req.ip` or the address of the socket. `INVALID_OPTION` without `subject`; a result that is no
     * `{ ip, device?, location? }` fails that request with `INVALID_ARGUMENT`.
     */
    context?: ContextOfRequest | undefined
    /** `'hashed'`: our own records, under hashed ids, also in a store written for express-session. */
    records?: 'hashed' | undefined
    /**
     * The store with records of our own that sessions are to move to with the next deployment. This process leaves new
     * sessions in `store`, serves those that another process has moved already, and sets a tombstone for each that it ends.
     * Default: none. `INVALID_OPTION` together with `migrateFrom`, and for the same object as `store`.
     */
    upcoming?: original.Store | ExpressSessionStore | SessionStore | undefined
    /**
     * The store with express-session's records that sessions move from, each when it is used, to `store`, which keeps records
     * of our own. No id changes and no user is signed out. Default: none. `INVALID_OPTION` for the same object as `store`.
     */
    migrateFrom?: original.Store | ExpressSessionStore | SessionStore | undefined
    /** The way back: sessions move from `upcoming` to `store`, each when it is used. Default false. */
    moveBack?: boolean | undefined
    /**
     * Seconds for which an ended session stays marked as ended while sessions move, so that neither a request in flight nor a
     * late write of express-session brings it back. Default 3600: longer than any request runs; at most 400 days. Needs
     * `upcoming` or `migrateFrom`.
     */
    takeoverWindow?: number | undefined
    /** The older name of `name`. */
    key?: string | undefined
  }

  export type CookieOptions = original.CookieOptions
  export type SessionData = original.SessionData
  export type Session = original.Session
  export type Cookie = original.Cookie
  export type Store = original.Store
  export type MemoryStore = original.MemoryStore

  export const Session = OurSession as typeof original.Session
  export const Cookie = OurCookie as typeof original.Cookie
  // Its types give a store the static members of EventEmitter. `util.inherits` gives them to neither store.
  // eslint-disable-next-line no-restricted-syntax -- a class of an app may extend it, and must fit express-session's type
  export const Store = OurStore as unknown as typeof original.Store
  // eslint-disable-next-line no-restricted-syntax -- as for Store
  export const MemoryStore = OurMemoryStore as unknown as typeof original.MemoryStore
}
/* eslint-enable */

export = session
