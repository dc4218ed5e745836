import { DeadlineTimer } from '../../base/timers'
import { hashId } from '../../id/session-id'
import type { UserSessionStorage } from './user-session-storage'

/** A renewal that was made: until when the old id works, and what is to happen then. */
export interface Renewed {
  readonly id: string
  readonly newId: string
  readonly until: number
  readonly act: () => Promise<void>
}

/** A session whose id was renewed in this process, or is being renewed. */
interface TrackedRenewal {
  readonly subject: string
  /** The manager that has it in hand. */
  readonly owner: object
  /** What is to happen when the old id stops to work; absent while the renewal is under way. */
  end?: Renewed & { readonly dueAt: number }
}

/** What the managers over one storage share. */
class SharedRenewals {
  readonly sessions = new Map<string, TrackedRenewal>()
  readonly timer = new DeadlineTimer(monotonicSeconds, (key) => {
    // Kept until the deletion is done: an old id does not work for the time that it takes.
    void this.sessions
      .get(key)
      ?.end?.act()
      .finally(() => this.sessions.delete(key))
  })
}

const sharedOf = new WeakMap<UserSessionStorage, SharedRenewals>()

/** Seconds that a clock that is set cannot move. */
function monotonicSeconds(): number {
  return performance.now() / 1000
}

/**
 * The sessions in a storage of an app whose ids were renewed in this process and still work: what makes a renewal in one
 * process exactly one, for all managers over the same storage, and what deletes the old session when its time has come,
 * once. The timers keep no process alive.
 */
export class RenewalTracker {
  readonly #owner: object
  readonly #sessions: Map<string, TrackedRenewal>
  readonly #timer: DeadlineTimer

  constructor(storage: UserSessionStorage, owner: object) {
    this.#owner = owner
    const shared = sharedOf.get(storage) ?? new SharedRenewals()
    sharedOf.set(storage, shared)
    this.#sessions = shared.sessions
    this.#timer = shared.timer
  }

  /** Takes the renewal. False when another call in this process has it. */
  begin(subject: string, id: string): boolean {
    const key = keyOf(subject, id)
    if (this.#sessions.has(key)) return false
    this.#sessions.set(key, { subject, owner: this.#owner })
    return true
  }

  /** The renewal was not made. */
  abandon(subject: string, id: string): void {
    this.#take(keyOf(subject, id))
  }

  /** The renewal was made, with an overlap of so many seconds. */
  succeed(subject: string, renewed: Renewed, overlap: number): void {
    const key = keyOf(subject, renewed.id)
    const session = this.#sessions.get(key)
    // Deleted meanwhile: then there is nothing left to delete.
    if (session === undefined) return
    session.end = { ...renewed, dueAt: monotonicSeconds() + overlap }
    this.#timer.set(key, session.end.dueAt)
  }

  /** The id, still at work, of which the one that is named so, or by its hash, is the successor. */
  predecessorOf(subject: string, name: string): string | undefined {
    for (const { subject: whose, end } of this.#sessions.values()) {
      if (whose === subject && end !== undefined && (end.newId === name || hashId(end.newId) === name)) return end.id
    }
    return undefined
  }

  /** Which manager of this process has renewed the id, or is renewing it. */
  renewedBy(subject: string, id: string): 'own' | 'other' | undefined {
    const session = this.#sessions.get(keyOf(subject, id))
    if (session === undefined) return undefined
    return session.owner === this.#owner ? 'own' : 'other'
  }

  /** Until when a renewed id works, where that is known here. */
  worksUntil(subject: string, id: string): number | undefined {
    return this.#sessions.get(keyOf(subject, id))?.end?.until
  }

  /** The session is being deleted before its time, so nothing is left to be done then. Gives a function that undoes this,
   * for when the deletion fails. */
  release(subject: string, id: string): () => void {
    const key = keyOf(subject, id)
    const session = this.#take(key)
    return () => {
      if (session === undefined || this.#sessions.has(key)) return
      this.#sessions.set(key, session)
      if (session.end !== undefined) this.#timer.set(key, session.end.dueAt)
    }
  }

  /** All sessions of the subject were deleted. */
  releaseAll(subject: string): void {
    for (const [key, session] of this.#sessions) {
      if (session.subject === subject && session.end !== undefined) this.#take(key)
    }
  }

  #take(key: string): TrackedRenewal | undefined {
    const session = this.#sessions.get(key)
    this.#timer.delete(key)
    this.#sessions.delete(key)
    return session
  }
}

/** An id has no space in it. */
function keyOf(subject: string, id: string): string {
  return `${id} ${subject}`
}
