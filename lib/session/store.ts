import type { Awaitable } from '../base/awaitable'
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
 * - What is handed out or taken in is never shared with the caller: later changes to it change nothing.
 */
export interface SessionStore {
  /** The session that the handle names, or undefined. One command. */
  load(handle: string, now: number): Awaitable<StoredSession | undefined>

  /** Keeps a new session. The handle was just minted: there is none of that name. A record with a subject is listed
   * under it before it can be opened. */
  insert(handle: string, session: StoredSession, now: number): Awaitable<void>

  /** Applies a change to a live record ({@link changeRecord} defines it), or nothing at all. One command, unless it
   * binds a subject: then the subject's listing has the handle before the record has the subject. */
  change(handle: string, change: RecordChange, now: number): Awaitable<ChangeResult>

  /** Ends a session, for good: a later `change` finds it gone. With `ofSubject` only a session of that subject. Resolves
   * to whether a live one was ended. */
  delete(handle: string, now: number, ofSubject?: string): Awaitable<boolean>

  /** The live sessions of a subject, by handle. A constant number of round trips. */
  list?(subject: string, now: number): Awaitable<ReadonlyMap<string, SessionRecord>>

  /** Ends every session that was bound to the subject when the call began (but not `except`, a handle); resolves to how
   * many live ones were ended. */
  deleteAll?(subject: string, now: number, except?: string): Awaitable<number>

  /** Changes fields of every live session of a subject; resolves to how many. */
  changeAll?(subject: string, fields: FieldChanges, now: number): Awaitable<number>

  /**
   * Tells of sessions that changed or ended, so that a channel can follow its session; without it, channels learn of
   * changes only from their periodic check. One subscription a process: who listens sorts the news by handle.
   *
   * The news is only that there is news; what it is, the record says. So a message that comes late, twice, or in another
   * order does no harm, one that is lost is made good by the next look, and none of them holds an id or a value.
   *
   * @param listener Called with the handle of a session after it was changed or has ended, or without one when messages
   *   may have been lost: then anything may have happened to any session. Must not throw. An access that was recorded
   *   need not be told.
   * @returns How to stop; twice is once.
   */
  subscribe?(listener: StoreListener): Awaitable<() => void>

  /** As `load`, and from this step until `until` (Unix seconds) the session's changes and its end are told to whoever has
   * subscribed, in any process. For a store that would have to pay for telling of sessions that nobody watches; where it
   * is absent, `subscribe` tells of all. */
  watch?(handle: string, now: number, until: number): Awaitable<StoredSession | undefined>

  /** Lets go of timers and connections that the store made itself. Twice is once. */
  close?(): Awaitable<void>
}

/** See `SessionStore.subscribe`. */
export type StoreListener = (handle?: string) => void
