import { DeadlineQueue } from '../../base/deadline-queue'
import { retainUntil } from '../../session/lifetime'
import type { SessionRecord } from '../../session/record'

interface Pending<T> {
  /** How many writes of the session may still land. */
  writes: number
  /** Whether the session was ended while they were under way. */
  ended: boolean
  /** What the newest of them would make of the session. */
  record: T
  /** When the store drops the session by itself, whichever of them lands last. */
  deadline: number
}

/**
 * The writes to which a store has not replied within the time limit. Such a write may still land, and must not revive a
 * session that was ended in the meantime: when the store replies at last, the session is ended again; until then it counts
 * as ended in this process, whatever the store says.
 *
 * Bounded: one entry for each session with such a write, removed when the store has replied, or at the deadline that the
 * write carries, when the store drops the session by itself.
 */
export class PendingWrites<T = SessionRecord> {
  readonly #destroy: (handle: string) => Promise<unknown>
  readonly #sessions = new Map<string, Pending<T>>()
  readonly #deadlines = new DeadlineQueue()
  readonly #deadlineOf: (record: T) => number

  /** @param destroy Ends the session in the store. @param deadlineOf When the store drops what a write makes. */
  constructor(
    destroy: (handle: string) => Promise<unknown>,
    deadlineOf: (record: T) => number = retainUntil as (record: unknown) => number,
  ) {
    this.#destroy = destroy
    this.#deadlineOf = deadlineOf
  }

  get size(): number {
    return this.#sessions.size
  }

  /** Remembers a write until `reply` settles. */
  add(handle: string, record: T, reply: Promise<unknown>, now: number): void {
    this.#forgetUntil(now)
    const session = this.#sessions.get(handle) ?? { writes: 0, ended: false, record, deadline: 0 }
    session.writes++
    session.record = record
    session.deadline = Math.max(session.deadline, this.#deadlineOf(record))
    this.#sessions.set(handle, session)
    this.#deadlines.set(handle, session.deadline)
    const settle = () => {
      void this.#settle(handle, session)
    }
    // A write that failed may have landed all the same: its reply was lost, not the write.
    reply.then(settle, settle)
  }

  /** The record that a pending write may still make, or undefined. */
  recordOf(handle: string): T | undefined {
    return this.#sessions.get(handle)?.record
  }

  /** Whether the session was ended while a write was pending. */
  isEnded(handle: string): boolean {
    return this.#sessions.get(handle)?.ended ?? false
  }

  setEnded(handle: string, ended: boolean): void {
    const session = this.#sessions.get(handle)
    if (session !== undefined) session.ended = ended
  }

  async #settle(handle: string, session: Pending<T>): Promise<void> {
    session.writes--
    try {
      if (session.ended) await this.#destroy(handle)
    } catch {
      // It stays ended in this process, until its deadline.
      return
    }
    if (session.writes === 0 && this.#sessions.get(handle) === session) this.#forget(handle)
  }

  #forgetUntil(now: number): void {
    let first = this.#deadlines.first()
    while (first !== undefined && first.deadline <= now) {
      this.#forget(first.key)
      first = this.#deadlines.first()
    }
  }

  #forget(handle: string): void {
    this.#sessions.delete(handle)
    this.#deadlines.delete(handle)
  }
}
