import type { IncomingMessage } from 'node:http'
import type { Awaitable } from '../base/awaitable'
import type { Cookie } from './cookie'

/** Seconds that a record is kept whose cookie has no end, as stores for express-session have it. */
export const secondsOfADay = 86_400

/** Seconds between two recorded accesses: at most a minute, because many stores have a lifetime of their own, which is not
 * known here, and a session must not end in it because of what was saved there; and a twentieth of each lifetime. */
export function accessIntervalOf(lifetime: number | undefined, before = 60): number {
  return lifetime === undefined ? before : Math.min(before, lifetime / 20)
}

/** A value as text that is parsed when the app asks for it; see `TrackedSession`. */
export interface StoredSession {
  readonly cookie: Cookie
  /** The values by key: as the store gave them, or as `Unparsed` text. In a record of express-session, `cookie` stands among
   * them and is none. The receiver may keep the object, and change it. */
  readonly values: Record<string, unknown>
  /** Whose session it is, where the layout keeps that. */
  readonly subject?: string | undefined
}

/** A changed value, as JSON text and as the app holds it. */
export interface ChangedValue {
  readonly text: string
  readonly value: unknown
}

/** What one request changed, key by key. Keys that it left alone are not in it, so that they stay what they are. */
export interface SessionChanges {
  readonly set: ReadonlyMap<string, ChangedValue>
  readonly remove: readonly string[]
}

/** Whose session it is, for layouts that keep that. */
export interface Owner {
  readonly subject: string | undefined
  /** The request in which it becomes theirs; undefined where code asks the store itself. */
  readonly req: IncomingMessage | undefined
}

export interface NewSession {
  readonly cookie: Cookie
  readonly values: ReadonlyMap<string, ChangedValue>
  readonly owner: Owner
}

export interface SessionUpdate extends SessionChanges {
  readonly cookie: Cookie
  /** Whether this request changed the cookie; otherwise the stored one slides, which a parallel request may have changed. */
  readonly cookieChanged: boolean
  /** Undefined: the same as before. */
  readonly newOwner: Owner | undefined
}

/**
 * Keeps sessions by the id in the cookie: what the middleware asks of a layout. One implementation for each: records of
 * express-session in place, records of our own under hashed ids.
 *
 * Contract, for every method:
 * - Calls on one id are one after the other in this process, whichever middleware made them.
 * - Unknown, ended, damaged or foreign data is absence, never an error. A store that fails rejects with a `SessionError`.
 * - An ended session stays ended: `update` and `recordAccess` never bring it back.
 */
export interface Records {
  /** @param req Whose session it is, and from where, for a session that this call moves. */
  load(id: string, req?: IncomingMessage): Awaitable<StoredSession | undefined>

  /** Keeps a new session. @param isGiven The app's own `genid` made the id, so another session may have it: then this
   * rejects and writes nothing. */
  create(id: string, session: NewSession, isGiven: boolean): Awaitable<void>

  /** Applies the changes to a live session and starts its lifetime again. False: there is no such session, nothing was
   * written. */
  update(id: string, update: SessionUpdate): Awaitable<boolean>

  /** Starts the lifetime again and changes nothing else. False as for `update`. */
  recordAccess(id: string, cookie: Cookie): Awaitable<boolean>

  /** Ends the session. Nothing happens when there is none. */
  end(id: string): Awaitable<void>

  /** Seconds for which a recorded access is good enough, for a session with this lifetime (seconds; undefined without
   * `maxAge`). */
  accessInterval(lifetime: number | undefined): number
}
