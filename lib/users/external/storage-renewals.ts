import { wholeSeconds } from '../../base/clock'
import { hashId, mintId } from '../../id/session-id'
import { callHook, RenewalTracker } from '../../service/renewal-tracker'
import type { ResolvedRules } from '../../service/resolve-options'
import type { UserSessionMetaData } from '../../session/user-session-types'
import { notFound } from '../user-session-backend'
import { keyOf, type OldSessions } from './old-sessions'
import type { GuardedStorage, UserSessionStorage } from './user-session-storage'

export interface StorageBackendOptions extends ResolvedRules {
  readonly storage: UserSessionStorage
}

/** Whether the id of this session was renewed. */
export function isMarked({ accessedAt }: UserSessionMetaData): boolean {
  return accessedAt < 0
}

/**
 * Renews ids in a storage that the app has written.
 *
 * Such a storage cannot give a session a new id in one step. So a renewal inserts a second session, and then marks the
 * first: its `accessedAt` becomes minus the instant at which its overlap ends, in whole seconds, rounded up. The mark is
 * what other processes see: the id is not renewed again, and is invalid once that instant has passed, whichever process has
 * ended meanwhile and whatever is still in the storage. At last, and only to clean up, the first session is deleted. In this
 * order a failure half-way leaves the user signed in with the old id.
 */
export class StorageRenewals {
  readonly #storage: GuardedStorage
  readonly #oldSessions: OldSessions
  readonly #tracker: RenewalTracker
  readonly #options: StorageBackendOptions

  constructor(storage: GuardedStorage, oldSessions: OldSessions, options: StorageBackendOptions) {
    this.#storage = storage
    this.#oldSessions = oldSessions
    this.#tracker = new RenewalTracker(options.renewSessionHooks, oldSessions.renewals)
    this.#options = options
  }

  /** The new id of a live session whose id was not renewed, as far as its data says; null, after a hook was called, when it
   * was renewed elsewhere, or is being renewed. */
  async renew(subject: string, id: string, metaData: UserSessionMetaData): Promise<string | null> {
    const key = keyOf(subject, id)
    if (!this.#tracker.begin(key, hashId(id), this.#options.clock())) return null
    try {
      const newId = await this.#replace(subject, id, metaData)
      if (newId !== null) return newId
    } catch (error) {
      this.#tracker.abandon(key)
      throw error
    }
    this.#tracker.abandon(key)
    this.reportRenewed(subject, id)
    return null
  }

  /** Calls a hook: the client has sent an id for which another one was issued. */
  reportRenewed(subject: string, id: string): void {
    this.#tracker.report(keyOf(subject, id), hashId(id), this.#options.clock())
  }

  /** Deletes the one of two sessions that is over: the old one after its overlap, or a new one that was given to no client
   * and would stand in the user's list. A failure calls a hook. */
  async deleteLeftover(subject: string, id: string): Promise<void> {
    try {
      await this.#storage.delete(subject, id)
    } catch (error) {
      callHook(() => this.#options.renewSessionHooks.onOldSessionDeleteFailure?.(hashId(id), error))
    }
  }

  /** Null when another process was first. */
  async #replace(subject: string, id: string, metaData: UserSessionMetaData): Promise<string | null> {
    const { clock, idLength, timeouts } = this.#options
    const { oldSessionAvailabilityAfterRenewal: overlap = 0 } = timeouts
    const newId = mintId(idLength)
    const now = clock()
    const until = now + overlap
    await this.#insertNew(subject, newId, metaData, now)
    const outcome = await this.#markOld(subject, id, metaData, until).catch(async (error: unknown) => {
      await this.deleteLeftover(subject, newId)
      throw error
    })
    if (outcome !== 'marked') await this.deleteLeftover(subject, newId)
    if (outcome === 'gone') throw notFound()
    if (outcome === 'refused') return null
    const key = keyOf(subject, id)
    if (overlap === 0) {
      await this.deleteLeftover(subject, id)
      this.#tracker.abandon(key)
    } else if (this.#oldSessions.isRenewed(subject, id)) {
      this.#tracker.succeed(key, until, now)
      this.#oldSessions.add({ subject, id, newId, until, deleteIt: () => this.deleteLeftover(subject, id) }, overlap)
    } else {
      // Deleted meanwhile: nothing is left to be deleted after the overlap.
      this.#tracker.abandon(key)
    }
    return newId
  }

  /** The absolute deadline stays what it is. */
  async #insertNew(subject: string, newId: string, metaData: UserSessionMetaData, now: number): Promise<void> {
    const createdAt = wholeSeconds(now)
    const ttl = Math.max(1, metaData.expiresAt - createdAt)
    await this.#storage.insert(subject, newId, { ...metaData, createdAt, accessedAt: createdAt }, ttl)
  }

  /** `refused`: the storage has seen the mark of another process. `gone`: the session has ended since it was read. A
   * call that ended all sessions of the subject before the new one was there means this one too, hence the read at the end. */
  async #markOld(
    subject: string,
    id: string,
    metaData: UserSessionMetaData,
    until: number,
  ): Promise<'marked' | 'refused' | 'gone'> {
    const ends = Math.ceil(until)
    const mark = { ...metaData, accessedAt: -ends, expiresAt: Math.min(metaData.expiresAt, ends) }
    const marked = await this.#storage.updateAccessedAt(subject, id, mark)
    if ((await this.#storage.read(subject, id)) === undefined) return 'gone'
    return marked ? 'marked' : 'refused'
  }
}
