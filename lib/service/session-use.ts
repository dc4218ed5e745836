import { isPromise } from '../base/awaitable'
import { RecentKeys } from '../base/recent-keys'
import { warnRarely } from '../base/warnings'
import { hashId } from '../id/session-id'
import { accessAt, accessInterval, type IdStanding, isAccessDue, issueTime } from '../session/lifetime'
import { changeRecord, type RecordChange, type SessionRecord, type StoredSession } from '../session/record'
import type { GuardedStore } from '../stores/guarded-store'
import type { ResolvedRules } from './resolve-options'

/** A record, and how the id that the client has sent opens it. */
export interface VerifiedSession {
  readonly id: string
  readonly handle: string
  readonly openedAs: IdStanding
  readonly stored: StoredSession
}

/** Records in the store that sessions are used: their accesses, and that a client has sent a renewed id. */
export class SessionUse {
  readonly #rules: ResolvedRules
  readonly #store: GuardedStore
  /** Handles whose access was recorded from here just now. */
  readonly #accesses = new RecentKeys()
  /** Hashes of ids whose first use is being recorded from here. */
  readonly #confirmations = new RecentKeys()

  constructor(rules: ResolvedRules, store: GuardedStore) {
    this.#rules = rules
    this.#store = store
  }

  /** Whether this access is for the caller to record: it is due, and no other request here records it. */
  claimAccess(handle: string, record: SessionRecord, now: number): boolean {
    const { timeouts } = this.#rules
    if (!isAccessDue(record, now, timeouts) || this.#accesses.has(handle, now)) return false
    this.#accesses.keep(handle, now + accessInterval(timeouts), now)
    return true
  }

  /** The access that was claimed could not be recorded. */
  releaseAccess(handle: string): void {
    this.#accesses.forget(handle)
  }

  /** Records that a client has sent the id, where that was pending: for a request that opens no `Session`. */
  confirm(verified: VerifiedSession): void {
    const confirmation = this.confirmationOf(verified, this.#rules.clock())
    if (confirmation !== undefined) this.record(verified, confirmation.confirm)
  }

  /** For an id that was pending and that a client has sent now: what the store is to be asked, and the session as it then
   * is. */
  confirmationOf(
    verified: VerifiedSession,
    now: number,
  ): { confirm: NonNullable<RecordChange['confirm']>; confirmed: VerifiedSession } | undefined {
    if (verified.openedAs !== 'pending') return undefined
    const { record } = verified.stored
    const confirm = { hash: hashId(verified.id), issuedAt: issueTime(record, now, this.#rules.timeouts) }
    const stored = { ...verified.stored, record: changeRecord(record, { confirm }) ?? record }
    return { confirm, confirmed: { ...verified, openedAs: 'current', stored } }
  }

  /** Records that the session is used now, where that is due, and a confirmation; the caller does not wait for it. */
  record(
    { handle, stored: { record } }: Pick<VerifiedSession, 'handle' | 'stored'>,
    confirm?: RecordChange['confirm'],
    now = this.#rules.clock(),
  ): void {
    const isAccess = this.claimAccess(handle, record, now)
    const isConfirmed = confirm === undefined || this.#confirmations.has(confirm.hash, now)
    if (isAccess || !isConfirmed) this.#send(handle, record, isAccess, confirm, now)
  }

  #send(handle: string, record: SessionRecord, isAccess: boolean, confirm: RecordChange['confirm'], now: number): void {
    if (confirm !== undefined) this.#confirmations.keep(confirm.hash, now + this.#rules.storeTimeout, now)
    const change: RecordChange = {
      epoch: record.epoch,
      ...(isAccess && { access: accessAt(now, this.#rules.timeouts) }),
      ...(confirm !== undefined && { confirm }),
    }
    const fail = (error: unknown): void => {
      if (confirm !== undefined) this.#confirmations.forget(confirm.hash)
      if (!isAccess) return
      this.releaseAccess(handle)
      accessNotRecorded(error)
    }
    // Not waited for: a reading request must not be slower because a minute has passed.
    try {
      const result = this.#store.change(handle, change, now)
      if (isPromise(result)) result.then(undefined, fail)
    } catch (error) {
      fail(error)
    }
  }
}

function accessNotRecorded(error: unknown): void {
  warnRarely('HOLDFAST_ACCESS_NOT_RECORDED', error instanceof Error ? error.message : 'unknown reason')
}
