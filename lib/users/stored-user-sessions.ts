import { RecentKeys } from '../base/recent-keys'
import { handleNamedBy, handleOfId, hashId, isHandle, mintId, mintIdFor } from '../id/session-id'
import type { SessionService } from '../service/session-service'
import {
  clampAccess,
  idleDeadline,
  type IdStanding,
  isLive,
  isRenewalDue,
  matchId,
  retainUntil,
} from '../session/lifetime'
import { changeRecord, type RecordChange, type SessionRecord } from '../session/record'
import type { UserSessionOperationContext } from '../session/session-shape'
import type { UserSessionMetaData } from '../session/user-session-types'
import { fieldsOf } from '../session/value-fields'
import { checkDevice, idleExpired, metaDataOf, notFound, type UserSessionBackend } from './user-session-backend'

/** A live session of the subject, and how the id that was shown opens it. */
interface OpenUserSession {
  readonly handle: string
  readonly record: SessionRecord
  readonly openedAs: IdStanding
  /** The id was pending, and has been sent for the first time; `record` is as it is then. */
  readonly confirm?: RecordChange['confirm']
}

/** A user's sessions in one of the package's stores: the very sessions that the middleware serves. */
export class StoredUserSessions implements UserSessionBackend {
  readonly #service: SessionService
  /** Handles of idle sessions that were reported as expired from here; after that there is no such session. */
  readonly #expired = new RecentKeys()

  constructor(service: SessionService) {
    this.#service = service
  }

  async create(
    subject: string,
    context: UserSessionOperationContext,
    ttl = this.#service.options.sessionTtl,
  ): Promise<string> {
    const { options, store, now } = this.#service
    const id = mintId(options.idLength)
    const record = this.#service.newRecord(id, { subject, context, ttl })
    await store.insert(handleNamedBy(id), { record, fields: new Map() }, now)
    return id
  }

  async read(
    subject: string,
    id: string,
    context: UserSessionOperationContext,
  ): Promise<[UserSessionMetaData, string | null]> {
    const { now, options, renewals } = this.#service
    const open = await this.#open(subject, id, now)
    await this.#check(subject, open, context)
    const { handle, record, openedAs } = open
    const isDue = openedAs !== 'previous' && isRenewalDue(record, now, options.timeouts)
    if (isDue) {
      const renewed = await this.#renew(open, now)
      if (renewed !== undefined) return renewed
    } else if (openedAs === 'previous' || openedAs === 'renewed') renewals.reportRenewed(record, handle, now)
    return this.#recordAccess(open, now)
  }

  async readAll(subject: string): Promise<ReadonlyMap<string, UserSessionMetaData>> {
    const { now, options, store } = this.#service
    const sessions = new Map<string, UserSessionMetaData>()
    for (const [handle, record] of await store.list(subject, now)) {
      if (isLive(record, now, options.timeouts)) sessions.set(handle, metaDataOf(record))
    }
    return sessions
  }

  async renew(subject: string, id: string, context: UserSessionOperationContext): Promise<string | null> {
    const { now, renewals } = this.#service
    const open = await this.#open(subject, id, now)
    await this.#check(subject, open, context)
    const { openedAs, record } = open
    const isDue = openedAs !== 'renewed' || isRenewalDue(record, now, this.#service.options.timeouts)
    if (openedAs === 'previous' || !isDue) {
      renewals.reportRenewed(record, open.handle, now)
      return null
    }
    const renewed = await this.#renew(open, now)
    return renewed?.[1] ?? null
  }

  async delete(subject: string, session: string): Promise<void> {
    const handle = handleFrom(session)
    if (handle !== undefined) await this.#service.store.delete(handle, this.#service.now, { subject })
  }

  async deleteAll(subject: string, except: string | undefined): Promise<number> {
    return this.#service.store.deleteAll(
      subject,
      this.#service.now,
      except === undefined ? undefined : handleFrom(except),
    )
  }

  async updateAll(subject: string, data: object): Promise<number> {
    return this.#service.store.changeAll(subject, fieldsOf(data), this.#service.now)
  }

  async #open(subject: string, id: string, now: number): Promise<OpenUserSession> {
    const { options, store } = this.#service
    const handle = handleOfId(id)
    const stored = handle === undefined ? undefined : await store.load(handle, now)
    if (handle === undefined || stored === undefined) throw notFound()
    const { record } = stored
    const openedAs = matchId(record, hashId(id), now)
    if (openedAs === undefined || record.subject !== subject || now >= record.expiresAt) throw notFound()
    if (isLive(record, now, options.timeouts)) {
      const verified = { id, handle, openedAs, stored: { ...stored, record: clampAccess(record, now) } }
      const confirmation = this.#service.use.confirmationOf(verified, now)
      const seen = confirmation?.confirmed ?? verified
      return { handle, record: seen.stored.record, openedAs: seen.openedAs, confirm: confirmation?.confirm }
    }
    // Not deleted: the clock of this process may be ahead of all others. The store drops the record in time.
    if (this.#expired.has(handle, now)) throw notFound()
    this.#expired.keep(handle, retainUntil(record), now)
    throw idleExpired()
  }

  async #check(
    subject: string,
    { handle, record }: OpenUserSession,
    context: UserSessionOperationContext,
  ): Promise<void> {
    const { readUserSessionHook = checkDevice } = this.#service.options
    await readUserSessionHook(subject, handle, context, metaDataOf(record))
  }

  /** Undefined when the renewal is under way here, or was made here: there is nothing to ask the store for. */
  async #renew(open: OpenUserSession, now: number): Promise<[UserSessionMetaData, string | null] | undefined> {
    const { handle, record } = open
    const service = this.#service
    if (!service.renewals.begin(record, handle, now)) return undefined
    const id = mintIdFor(handle, service.options.idLength)
    return this.#change(open, { renew: service.planRenewal(record, id, now) }, now, id)
  }

  /** At most once each twentieth of the idle timeout; without one, at each read. */
  async #recordAccess(open: OpenUserSession, now: number): Promise<[UserSessionMetaData, null]> {
    const { handle, record } = open
    const service = this.#service
    const claimed = service.use.claimAccess(handle, record, now)
    if (!claimed && open.confirm === undefined && service.options.timeouts.idle !== undefined) {
      return [metaDataOf(record), null]
    }
    try {
      const [metaData] = await this.#change(open, {}, now, null)
      return [metaData, null]
    } catch (error) {
      service.use.releaseAccess(handle)
      throw error
    }
  }

  /** Changes the session and records the access. A session that has ended meanwhile, or got another id at a login, is not
   * there any more for the one who came with this id. */
  async #change(
    { handle, record, confirm }: OpenUserSession,
    what: RecordChange,
    now: number,
    id: string | null,
  ): Promise<[UserSessionMetaData, string | null]> {
    const { options } = this.#service
    const access = { accessedAt: now, idleUntil: idleDeadline(now, options.timeouts) }
    const change = { ...what, ...(confirm !== undefined && { confirm }), epoch: record.epoch, access }
    const result = await this.#service.changeStored(handle, change)
    if (result === 'gone') throw notFound()
    return [metaDataOf(changeRecord(record, change) ?? record), result === 'renewed' ? id : null]
  }
}

/** The handle of a session that was named by it, or by an id, also by one that does not open it any more. */
function handleFrom(session: string): string | undefined {
  return isHandle(session) ? session : handleOfId(session)
}
