import { systemClock, wholeSeconds } from '../base/clock'
import { SessionError } from '../base/errors'
import { checkKeys, describe, invalidOption, isLifetime, lifetimeAccepts } from '../base/option-check'
import { hashId } from '../id/session-id'
import { checkValues } from '../session/fields'
import type { UserSessionDevice, UserSessionOperationContext, ValueChanges } from '../session/session-shape'
import { checkSubject, copyContext } from '../session/subject'
import type { UserSessionMetaData } from '../session/user-session-types'
import { notFound, UserSessionBackend } from './user-session-backend'
import { resolveUserSessionOptions, type UserSessionManagerOptions } from './user-session-options'

/** For `UserSessionManager.deleteAll`. */
export interface DeleteAllOptions {
  /** The session that stays: its handle (or its id). Default: none stays. */
  except?: string
}

/**
 * The sessions of a subject: list them, end one, end all, on every device and in every process.
 *
 * Over one of the package's stores these are the very sessions that the middleware serves, and `sessions.users` is one
 * that is ready to use; a session is named by its handle, which cannot open it. Over an object with the six methods of
 * `UserSessionStorage` it is named by its id, which can: there, do not show what `readAll` gives.
 *
 * A subject is any non-empty string, for example a user's id; another one rejects with `INVALID_ARGUMENT`. A storage that
 * fails rejects with `STORE_UNAVAILABLE` or `STORE_TIMEOUT`; what it cannot do at all, with `STORE_UNSUPPORTED`: a store
 * written for express-session cannot list, and cannot end or change all.
 *
 * @example
 * const { users } = sessionMiddleware({ store }).sessions
 * for (const [handle, { device, accessedAt }] of await users.readAll(userId)) show(handle, device, accessedAt)
 * await users.delete(userId, handle)                              // sign out one device
 * await users.deleteAll(userId, { except: req.session.handle })   // the password was changed: sign out all others
 * await users.updateAll(userId, { role: 'editor' })               // in force at the next request of each device
 */
export class UserSessionManager<Device = UserSessionDevice, Location = unknown> {
  readonly #backend: UserSessionBackend

  /** @internal */
  constructor(backend: UserSessionBackend)
  /**
   * @throws SessionError at once for wrong options: `INVALID_OPTION`, `INVALID_SESSION_ID_LENGTH`, `INVALID_IDLE_TIMEOUT`,
   *   `INVALID_RENEW_TIMEOUT`, `OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL_REQUIRED` or
   *   `INVALID_OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL`.
   */
  // eslint-disable-next-line @typescript-eslint/unified-signatures -- the other one is not in the public types
  constructor(options: UserSessionManagerOptions<Device, Location>)
  constructor(from: UserSessionManagerOptions<Device, Location> | UserSessionBackend) {
    this.#backend = from instanceof UserSessionBackend ? from : resolveUserSessionOptions(from)
  }

  /**
   * Starts a session. In a request use `login(req, subject)`, which also takes over what the visitor has so far.
   *
   * @param context From where: `{ ip, device?, location? }`, plain data. Kept with the session.
   * @param sessionTtl Seconds of absolute lifetime. Default: the option. On a storage of the app rounded up to whole ones.
   * @returns The session's id: a secret, for its owner only. With a store of the package it is the value of a cookie that
   *   the middleware accepts (see `SessionManager.setCookie`).
   */
  async create(
    subject: string,
    context: UserSessionOperationContext<Device, Location>,
    sessionTtl?: number,
  ): Promise<string> {
    checkSubject(subject)
    if (sessionTtl !== undefined && !isLifetime('sessionTtl', sessionTtl)) {
      throw new SessionError('INVALID_ARGUMENT', `sessionTtl is ${describe(sessionTtl)}; it accepts ${lifetimeAccepts}`)
    }
    return this.#backend.create(subject, copyContext(context), sessionTtl)
  }

  /**
   * Reads a session as a request from `context` would: it checks the device, records the access (at most once each
   * twentieth of the idle timeout; at each read where there is none), and renews the id when that is old enough.
   *
   * @returns What is known of the session, and its new id when this call has renewed it: to be given to the client in place
   *   of the one that it sent, which works for the overlap and not longer. Of any number of calls in parallel one gets the
   *   new id, all others null.
   * @throws SessionError `USER_SESSION_NOT_FOUND` for an id that is unknown, malformed, of another subject, or of a session
   *   that has ended; `USER_SESSION_EXPIRED` when it was idle for too long, at the first read after that and for a minute
   *   at most (then it is deleted); `FORBIDDEN_ACCESS_TO_USER_SESSION_FROM_DIFFERENT_DEVICE`, or what your
   *   `readUserSessionHook` throws.
   */
  async read(
    subject: string,
    sessionId: string,
    context: UserSessionOperationContext<Device, Location>,
  ): Promise<[metaData: UserSessionMetaData<Device, Location>, renewedSessionId: string | null]> {
    checkSubject(subject)
    const known = await this.#backend.read(subject, checkId(sessionId), copyContext(context))
    return known as [UserSessionMetaData<Device, Location>, string | null]
  }

  /** All live sessions of the subject, one entry each, by handle (by id on a storage of the app). Empty when there are none. */
  async readAll(subject: string): Promise<ReadonlyMap<string, UserSessionMetaData<Device, Location>>> {
    checkSubject(subject)
    return (await this.#backend.readAll(subject)) as ReadonlyMap<string, UserSessionMetaData<Device, Location>>
  }

  /**
   * Gives a session a new id now, however old its id is: after a change of rights, for example. The absolute
   * deadline stays what it is. The old id works for `timeouts.oldSessionAvailabilityAfterRenewal`; where that is not set,
   * not at all.
   *
   * On a storage of the app the new id is a second session, with what was recorded at login; the first is deleted after
   * the overlap. There to `delete` the first leaves the second: at a logout end the one that `read` or `renew` gave last.
   * To `delete` the second ends the first too where the renewal was made in this process, else at the end of its overlap.
   *
   * @param metaData What `read` gave. The session's own record decides; this is for storages that know no better.
   * @returns The new id, or null when another call, in this process or another, has renewed this id or is at it; then a
   *   hook is called.
   * @throws SessionError as `read` does.
   */
  async renew(
    subject: string,
    sessionId: string,
    _metaData: UserSessionMetaData<Device, Location>,
    context: UserSessionOperationContext<Device, Location>,
  ): Promise<string | null> {
    checkSubject(subject)
    return this.#backend.renew(subject, checkId(sessionId), copyContext(context))
  }

  /**
   * Ends a session of the subject, for good: a request that is under way writes nothing and sends no cookie. Named by its
   * id or, with a store of the package, by its handle. Unknown, ended, of another subject: nothing happens.
   */
  async delete(subject: string, sessionId: string): Promise<void> {
    checkSubject(subject)
    if (typeof sessionId === 'string') await this.#backend.delete(subject, sessionId)
  }

  /** Ends every session that the subject had when the call began; resolves to how many live ones there were. */
  async deleteAll(subject: string, options: DeleteAllOptions = {}): Promise<number> {
    checkSubject(subject)
    checkKeys<DeleteAllOptions>('deleteAll options', options, { except: true })
    const { except } = options as { except?: unknown }
    // A value that names no session, such as null, would end the caller's own.
    if (except !== undefined && typeof except !== 'string') {
      throw invalidOption('except', except, 'the handle of a session')
    }
    return this.#backend.deleteAll(subject, except)
  }

  /**
   * Changes values in every live session of the subject: each sees them at its next request. Sets these keys and leaves all
   * others as they are; `null` and `undefined` remove a key. A request that is under way goes on with what it has read, and
   * writes back only what it changed itself.
   *
   * @returns How many sessions were changed.
   * @throws SessionError `INVALID_SESSION_VALUE` for what JSON cannot carry; `SESSION_TOO_LARGE`, with nothing stored, where
   *   the given values alone take more than `maxBytes` (no session is read for it); `STORE_UNSUPPORTED` on a storage of the app.
   */
  async updateAll(subject: string, data: ValueChanges): Promise<number> {
    checkSubject(subject)
    checkValues('updateAll: data', data)
    return this.#backend.updateAll(subject, data)
  }

  /** Now, in whole Unix seconds, as the instants in metaData are. */
  static currentTimestamp(): number {
    return wholeSeconds(systemClock())
  }

  /** A name for an id that may go into a log: SHA-256, in base64url. It opens no session, and the id cannot be found from it. */
  static hash(sessionId: string): string {
    if (typeof sessionId !== 'string') {
      throw new SessionError('INVALID_ARGUMENT', `sessionId is ${describe(sessionId)}; it accepts a string`)
    }
    return hashId(sessionId)
  }
}

/** What a client shows as its id may be anything, also nothing. */
function checkId(id: unknown): string {
  if (typeof id !== 'string') throw notFound()
  return id
}
