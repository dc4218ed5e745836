import { wholeSeconds } from '../../base/clock'
import { SessionError } from '../../base/errors'
import { RecentKeys } from '../../base/recent-keys'
import { hashId, mintId } from '../../id/session-id'
import { accessInterval } from '../../session/lifetime'
import type { UserSessionOperationContext } from '../../session/session-shape'
import type { UserSessionMetaData } from '../../session/user-session-types'
import { idleExpired, notFound, type OpenUserSession, UserSessionBackend } from '../user-session-backend'
import { StorageRenewals, isMarked, type StorageBackendOptions } from './storage-renewals'
import { OldSessions } from './old-sessions'
import { GuardedStorage } from './user-session-storage'

/** What goes to a storage as an id: nothing that could mean something in a query, a path or a compound key. */
const idForm = /^[A-Za-z0-9_-]{1,400}$/

/** A user's sessions in a storage that the app has written, by id; how ids are renewed there, see {@link StorageRenewals}. */
export class StorageBackend extends UserSessionBackend {
  protected readonly rules: StorageBackendOptions
  readonly #storage: GuardedStorage
  readonly #oldSessions: OldSessions
  readonly #renewals: StorageRenewals
  /** Ids whose access was recorded from here just now. */
  readonly #accesses = new RecentKeys()
  #storageCounts = false

  constructor(options: StorageBackendOptions) {
    super()
    this.rules = options
    this.#storage = new GuardedStorage(options.storage, options.storeTimeout)
    this.#oldSessions = new OldSessions(options.storage)
    this.#renewals = new StorageRenewals(this.#storage, this.#oldSessions, options)
  }

  async create(subject: string, context: UserSessionOperationContext, ttl = this.rules.sessionTtl): Promise<string> {
    const id = mintId(this.rules.idLength)
    const createdAt = wholeSeconds(this.#now)
    const seconds = Math.ceil(ttl)
    await this.#storage.insert(
      subject,
      id,
      { ...context, createdAt, accessedAt: createdAt, expiresAt: createdAt + seconds },
      seconds,
    )
    return id
  }

  async readAll(subject: string): Promise<ReadonlyMap<string, UserSessionMetaData>> {
    const sessions = await this.#storage.readAll(subject)
    const now = this.#now
    for (const [id, metaData] of sessions) if (!this.#isListed(metaData, now)) sessions.delete(id)
    return sessions
  }

  async delete(subject: string, id: string): Promise<void> {
    if (!idForm.test(id)) return
    const undo = this.#oldSessions.release(subject, id)
    try {
      await this.#storage.delete(subject, id)
    } catch (error) {
      undo()
      throw error
    }
    // A device that is signed out must not get in by its previous id for the rest of an overlap.
    const predecessor = this.#oldSessions.predecessorOf(subject, id)
    if (predecessor !== undefined) await this.delete(subject, predecessor)
  }

  async deleteAll(subject: string, except: string | undefined): Promise<number> {
    if (except !== undefined) return this.#deleteOthers(subject, except)
    const counted = this.#storageCounts ? 0 : (await this.readAll(subject)).size
    const deleted = await this.#storage.deleteAll(subject)
    this.#storageCounts = deleted !== undefined
    this.#oldSessions.releaseAll(subject)
    return deleted ?? counted
  }

  updateAll(): Promise<number> {
    return Promise.reject(
      new SessionError(
        'STORE_UNSUPPORTED',
        'this storage keeps no data of sessions, so there is none to change; MemoryStore and RedisStore (from "holdfast/redis") do',
      ),
    )
  }

  get #now(): number {
    return this.rules.clock()
  }

  protected async open(subject: string, id: string): Promise<OpenUserSession> {
    const metaData = await this.#load(subject, id)
    const now = this.#now
    const { renewal } = this.rules.timeouts
    const isDue = renewal !== undefined && now - metaData.createdAt >= renewal
    return {
      name: hashId(id),
      metaData: withLiveAccess(metaData, now),
      renewal: isMarked(metaData) ? 'done' : isDue ? 'due' : 'early',
      renew: async () => [metaData, await this.#renewals.renew(subject, id, metaData)],
      reportRenewed: () => this.#renewals.reportRenewed(subject, id),
      recordAccess: () => this.#recordAccess(subject, id, metaData, now),
    }
  }

  /** The live session of the id. */
  async #load(subject: string, id: string): Promise<UserSessionMetaData> {
    const metaData = idForm.test(id) ? await this.#storage.read(subject, id) : undefined
    const now = this.#now
    if (metaData === undefined) throw notFound()
    const until = this.#oldSessions.worksUntil(subject, id) ?? (isMarked(metaData) ? -metaData.accessedAt : Infinity)
    if (now >= Math.min(until, metaData.expiresAt)) {
      // The process that renewed it has ended since, or could not delete it.
      if (isMarked(metaData) && !this.#oldSessions.isRenewed(subject, id)) {
        await this.#renewals.deleteLeftover(subject, id)
      }
      throw notFound()
    }
    if (until !== Infinity || !this.#isIdle(metaData, now)) return metaData
    await this.#storage.delete(subject, id)
    throw idleExpired()
  }

  #isListed(metaData: UserSessionMetaData, now: number): boolean {
    return !isMarked(metaData) && now < metaData.expiresAt && !this.#isIdle(metaData, now)
  }

  #isIdle({ accessedAt }: UserSessionMetaData, now: number): boolean {
    const { idle } = this.rules.timeouts
    return idle !== undefined && now - accessedAt >= idle
  }

  async #recordAccess(
    subject: string,
    id: string,
    metaData: UserSessionMetaData,
    now: number,
  ): Promise<UserSessionMetaData> {
    if (isMarked(metaData)) return withLiveAccess(metaData, now)
    const { timeouts } = this.rules
    if (timeouts.idle !== undefined) {
      const interval = accessInterval(timeouts)
      if (now - metaData.accessedAt < interval || this.#accesses.has(id, now)) return metaData
      this.#accesses.keep(id, now + interval, now)
    }
    // A renewal is under way here, whose mark this write would overwrite.
    if (this.#oldSessions.isRenewed(subject, id)) return metaData
    const accessed = { ...metaData, accessedAt: Math.max(metaData.accessedAt, wholeSeconds(now)) }
    try {
      const changed = await this.#storage.updateAccessedAt(subject, id, accessed)
      if (!changed && (await this.#storage.read(subject, id)) === undefined) throw notFound()
      return accessed
    } catch (error) {
      this.#accesses.forget(id)
      throw error
    }
  }

  /** What is not in the listing goes as well: the session of an id that was just renewed. */
  async #deleteOthers(subject: string, except: string): Promise<number> {
    const all = await this.#storage.readAll(subject)
    const now = this.#now
    const exceptHash = hashId(except)
    let deleted = 0
    for (const [id, metaData] of all) {
      if (id === except || id === exceptHash) continue
      await this.delete(subject, id)
      if (this.#isListed(metaData, now)) deleted++
    }
    return deleted
  }
}

/** The mark is in place of the last access; a marked session that is seen is being used now. */
function withLiveAccess(metaData: UserSessionMetaData, now: number): UserSessionMetaData {
  return isMarked(metaData) ? { ...metaData, accessedAt: wholeSeconds(now) } : metaData
}
