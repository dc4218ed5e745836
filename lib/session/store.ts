import type { Awaitable } from '../base/awaitable'
import type { CallDeadline } from '../base/call-deadline'
import type { ChangeResult, FieldChanges, RecordChange, SessionRecord, StoredSession } from './record'

/**
 * What a store must do for the package. Records are kept by handle.
 *
 * Contract, for every method:
 * - Each call is one atomic step on one record; calls on different records need no order among them.
 * - A record is dropped at `retainUntil(record)` (lifetime.ts) without being asked for, and is not live any more from
 *   its deadline on: `insert` and `change` set that time, so no record is ever without one.
 * - `now` (Unix seconds) decides what is live, so that one clock rules a process and a test can turn it.
 * - Unknown, dropped, corrupt or foreign data is absence, never an error. A backend that fails throws or rejects.
 * - `deadline` is when the caller stops to wait and the call has failed for it. A store that has not written
 *   by then must not write later, over something newer: a call of several steps stops between them, and a store that can
 *   has its server refuse what arrives too late. Absent: the call may take any time.
 * - What is handed out or taken in is never shared with the caller: later changes to it change nothing.
 */
export interface SessionStore {
  /** The session that the handle names, or undefined. One command. */
  load(handle: string, now: number): Awaitable<StoredSession | undefined>

  /** Keeps a new session. The handle was just minted: there is none of that name, and one that is there all the same is
   * replaced, whole. A record with a subject is listed under it before it can be opened. */
  insert(handle: string, session: StoredSession, now: number, deadline?: CallDeadline): Awaitable<void>

  /** As `insert`, but only where the store keeps no record of that name, live or ended by time: of all callers in all
   * processes one is given the name. False: there is one, and it is what it was. A store without this cannot take sessions
   * over from another (`migrateFrom`, `upcoming` of `holdfast/express-session`). */
  claim?(handle: string, session: StoredSession, now: number, deadline?: CallDeadline): Awaitable<boolean>

  /** Applies a change to a live record ({@link changeRecord} defines it), or nothing at all. One command, unless it
   * binds a subject: then the subject's listing has the handle before the record has the subject. */
  change(handle: string, change: RecordChange, now: number, deadline?: CallDeadline): Awaitable<ChangeResult>

  /** Ends a session, for good: a later `change` finds none. With conditions, only a session that meets them all. */
  delete(handle: string, now: number, only?: DeleteConditions, deadline?: CallDeadline): Awaitable<DeleteResult>

  /** The live sessions of a subject, by handle. A constant number of round trips for each thousand of them. */
  list?(subject: string, now: number, deadline?: CallDeadline): Awaitable<ReadonlyMap<string, SessionRecord>>

  /** Ends every session that was bound to the subject when the call began (but not `except`, a handle), and none that was
   * bound later; resolves to how many live ones were ended. */
  deleteAll?(subject: string, now: number, except?: string, deadline?: CallDeadline): Awaitable<number>

  /** Changes fields of every live session that was bound to the subject when the call began; resolves to how many. */
  changeAll?(subject: string, fields: FieldChanges, now: number, deadline?: CallDeadline): Awaitable<number>

  /**
   * Notifies of sessions that changed or ended, so that a channel can follow its session; without it, channels learn of
   * changes only from their periodic check. There is one subscription in a process; the subscriber filters by handle.
   *
   * A notification carries no data: the subscriber re-reads the record. So a notification that comes late, twice, or in
   * another order does no harm, the next read makes good for one that is lost, and none of them holds an id or a value.
   *
   * @param listener Called with the handle of a session after it was changed or has ended, or without one when messages
   *   may have been lost: then anything may have happened to any session. Must not throw. A recorded access
   *   needs no notification.
   * @returns How to stop; twice is once.
   */
  subscribe?(listener: StoreListener): Awaitable<() => void>

  /** As `load`, and from this step until `until` (Unix seconds) the subscribers in all processes are notified of the
   * session's changes and its end. For a store whose notifications cost something: it sends none for sessions that are not
   * watched. Where it is absent, `subscribe` notifies of all sessions. */
  watch?(handle: string, now: number, until: number): Awaitable<StoredSession | undefined>

  /** Closes timers and connections that the store made itself. Twice is once. */
  close?(): Awaitable<void>
}

/** Which session a `delete` may end; what is absent is not asked for. */
export interface DeleteConditions {
  /** The session must be one of this subject. */
  readonly subject?: string | undefined
  /** `createdAt` of the record that the caller has seen. A login restarts it, a new id alone does not: so a request that
   * began before a login cannot end the login, and a logout is not refused because another tab got a new id. */
  readonly createdAt?: number | undefined
  /** The hash of the id that opens the session now. */
  readonly hash?: string | undefined
}

/** `ended`: a live session was ended. `absent`: there was none, or time had ended it. `refused`: there is a live one, and
 * it does not meet the conditions. */
export type DeleteResult = 'ended' | 'absent' | 'refused'

/** Whether a `delete` with these conditions may end the record; every store must agree with it. */
export function meetsConditions(record: SessionRecord, { subject, createdAt, hash }: DeleteConditions = {}): boolean {
  if (subject !== undefined && record.subject !== subject) return false
  if (createdAt !== undefined && record.createdAt !== createdAt) return false
  return hash === undefined || record.hash === hash
}

/** See `SessionStore.subscribe`. */
export type StoreListener = (handle?: string) => void
