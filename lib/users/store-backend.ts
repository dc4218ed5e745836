import { RecentKeys } from '../base/recent-keys'
import { handleNamedBy, handleOfId, hashId, isHandle, mintId, mintIdFor } from '../id/session-id'
import type { ResolvedRules } from '../service/resolve-options'
import type { SessionService } from '../service/session-service'
import { accessAt, clampAccess, type IdStanding, isLive, isRenewalDue, matchId, retainUntil } from '../session/lifetime'
import { changeRecord, type RecordChange, type SessionRecord } from '../session/record'
import type { UserSessionOperationContext } from '../session/session-shape'
import type { UserSessionMetaData } from '../session/user-session-types'
import { checkChangedSize } from '../session/session-size'
import { changesOfValues, toFieldChanges } from '../session/fields'
import {
  idleExpired,
  metaDataOf,
  notFound,
  type OpenUserSession,
  type ReadResult,
  UserSessionBackend,
} from './user-session-backend'

/** A live session, and how the id opens it. */
interface OpenRecord {
  readonly handle: string
  readonly record: SessionRecord
  readonly openedAs: IdStanding
  /** The id was pending, and has been sent for the first time; `record` is as it is then. */
  readonly confirm?: RecordChange['confirm']
}

/** A user's sessions in one of the package's stores: the very sessions that the middleware serves. */
export class StoreBackend extends UserSessionBackend {
  readonly #service: SessionService
  /** Handles of idle sessions that were reported as expired from here; after that there is no such session. */
  readonly #expired = new RecentKeys()

  constructor(service: SessionService) {
    super()
    this.#service = service
  }

  protected get rules(): ResolvedRules {
    return this.#service.options
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

  async readAll(subject: string): Promise<ReadonlyMap<string, UserSessionMetaData>> {
    const { now, options, store } = this.#service
    const sessions = new Map<string, UserSessionMetaData>()
    for (const [handle, record] of await store.list(subject, now)) {
      if (isLive(record, now, options.timeouts)) sessions.set(handle, metaDataOf(record))
    }
    return sessions
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
    const fields = toFieldChanges(changesOfValues(data))
    checkChangedSize(new Map(), fields, this.#service.options.maxBytes)
    return this.#service.store.changeAll(subject, fields, this.#service.now)
  }

  protected async open(subject: string, id: string): Promise<OpenUserSession> {
    const { now, options, renewals } = this.#service
    const open = await this.#load(subject, id, now)
    const { handle, record, openedAs } = open
    const isDue = openedAs !== 'previous' && isRenewalDue(record, now, options.timeouts)
    const isDone = openedAs === 'previous' || openedAs === 'renewed'
    return {
      name: handle,
      metaData: metaDataOf(record),
      renewal: isDue ? 'due' : isDone ? 'done' : 'early',
      renew: () => this.#renew(open, now),
      reportRenewed: () => renewals.reportRenewed(record, handle, now),
      recordAccess: () => this.#recordAccess(open, now),
    }
  }

  async #load(subject: string, id: string, now: number): Promise<OpenRecord> {
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

  /** Undefined when the renewal is under way here, or was made here: there is nothing to ask the store for. */
  async #renew(open: OpenRecord, now: number): Promise<ReadResult | undefined> {
    const { handle, record } = open
    const service = this.#service
    if (!service.renewals.begin(record, handle, now)) return undefined
    const id = mintIdFor(handle, service.options.idLength)
    return this.#change(open, { renew: service.planRenewal(record, id, now) }, now, id)
  }

  /** At most once each twentieth of the idle timeout; without one, at each read. */
  async #recordAccess(open: OpenRecord, now: number): Promise<UserSessionMetaData> {
    const { handle, record } = open
    const service = this.#service
    const claimed = service.use.claimAccess(handle, record, now)
    if (!claimed && open.confirm === undefined && service.options.timeouts.idle !== undefined) {
      return metaDataOf(record)
    }
    try {
      const [metaData] = await this.#change(open, {}, now, null)
      return metaData
    } catch (error) {
      service.use.releaseAccess(handle)
      throw error
    }
  }

  /** Changes the session and records the access. A session that has ended meanwhile, or got another id at a login, is not
   * there any more for the one who came with this id. */
  async #change(
    { handle, record, confirm }: OpenRecord,
    what: RecordChange,
    now: number,
    id: string | null,
  ): Promise<ReadResult> {
    const { options } = this.#service
    const access = accessAt(now, options.timeouts)
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
