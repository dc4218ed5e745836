import { monotonicSeconds } from '../../base/clock'
import { RecentKeys } from '../../base/recent-keys'
import { DeadlineTimer } from '../../base/timers'
import { hashId } from '../../id/session-id'
import type { UserSessionStorage } from './user-session-storage'

/** The session of an id that was renewed in this process: the old one of two, until its overlap is over. */
interface OldSession {
  readonly subject: string
  readonly id: string
  readonly newId: string
  /** Until when the id works. */
  readonly until: number
  /** `until`, on a clock that cannot be set. */
  readonly dueAt: number
  readonly deleteIt: () => Promise<void>
}

/** What the managers over one storage share. */
class Shared {
  /** Renewals that are under way, or whose old session is not deleted yet. All of them: in a storage that does not see to
   * it itself, one that was forgotten could be made twice. */
  readonly renewals = new RecentKeys(Infinity)
  readonly sessions = new Map<string, OldSession>()
  readonly timer = new DeadlineTimer(monotonicSeconds, (key) => {
    // Kept until the deletion is done: an old id does not work for the time that it takes.
    void this.sessions
      .get(key)
      ?.deleteIt()
      .finally(() => this.take(key))
  })

  put(key: string, session: OldSession): void {
    this.sessions.set(key, session)
    this.timer.set(key, session.dueAt)
  }

  take(key: string): OldSession | undefined {
    const session = this.sessions.get(key)
    this.timer.delete(key)
    this.sessions.delete(key)
    this.renewals.forget(key)
    return session
  }
}

const sharedOf = new WeakMap<UserSessionStorage, Shared>()

/**
 * The sessions in a storage of an app whose ids were renewed in this process and still work. Deletes each when its time has
 * come, once, for all managers over the same storage. The timers keep no process alive.
 */
export class OldSessions {
  readonly #shared: Shared

  constructor(storage: UserSessionStorage) {
    this.#shared = sharedOf.get(storage) ?? new Shared()
    sharedOf.set(storage, this.#shared)
  }

  /** For the `RenewalTracker` of each manager. */
  get renewals(): RecentKeys {
    return this.#shared.renewals
  }

  /** Whether the id is being renewed in this process, or was, and its session is not deleted yet. */
  isRenewed(subject: string, id: string): boolean {
    return this.renewals.has(keyOf(subject, id), 0)
  }

  /** @param overlap Seconds. */
  add(session: Omit<OldSession, 'dueAt'>, overlap: number): void {
    const key = keyOf(session.subject, session.id)
    this.renewals.keep(key, Infinity, 0)
    this.#shared.put(key, { ...session, dueAt: monotonicSeconds() + overlap })
  }

  /** The id, still at work, of which the one that is named so, or by its hash, is the successor. */
  predecessorOf(subject: string, name: string): string | undefined {
    for (const { subject: whose, id, newId } of this.#shared.sessions.values()) {
      if (whose === subject && (newId === name || hashId(newId) === name)) return id
    }
    return undefined
  }

  /** Until when a renewed id works, where that is known here. */
  worksUntil(subject: string, id: string): number | undefined {
    return this.#shared.sessions.get(keyOf(subject, id))?.until
  }

  /** The session is being deleted before its time, so nothing is left to be done then. Gives a function that undoes this,
   * for when the deletion fails. */
  release(subject: string, id: string): () => void {
    const key = keyOf(subject, id)
    const isRenewed = this.isRenewed(subject, id)
    const session = this.#shared.take(key)
    return () => {
      if (!isRenewed || this.isRenewed(subject, id)) return
      this.renewals.keep(key, Infinity, 0)
      if (session !== undefined) this.#shared.put(key, session)
    }
  }

  /** All sessions of the subject were deleted. */
  releaseAll(subject: string): void {
    for (const [key, session] of this.#shared.sessions) if (session.subject === subject) this.#shared.take(key)
  }
}

/** Names a renewal. An id has no space in it. */
export function keyOf(subject: string, id: string): string {
  return `${id} ${subject}`
}
