import { andThen, type Awaitable, isPromise } from '../base/awaitable'
import { hashId, handleOfId } from '../id/session-id'
import { planCommit, type CommitFacts, type CommitPlan } from '../session/commit-plan'
import { accessAt, clampAccess, idleDeadline, isAccessDue, isLive, isRenewalDue, matchId } from '../session/lifetime'
import { type FieldChanges, hasChanges, noChanges } from '../session/fields'
import { freshState, openedState } from '../session/make-state'
import {
  changeRecord,
  type ChangeResult,
  type RecordChange,
  type SessionRecord,
  startRecord,
  type StoredSession,
} from '../session/record'
import { type AnySession, Session, stateOf } from '../session/session'
import type { SessionSetting } from '../session/session-setting'
import type { SessionState } from '../session/session-state'
import type { DeleteResult } from '../session/store'
import { GuardedStore } from '../stores/guarded-store'
import { Renewals } from './renewals'
import type { ResolvedSessionOptions } from './resolve-options'
import { SessionUse, type VerifiedSession } from './session-use'

export type { VerifiedSession } from './session-use'

/** What became of a save. */
export interface CommitOutcome {
  readonly store: CommitPlan['store'] | 'gone'
  readonly cookie: CommitPlan['cookie']
  readonly undeliverable: boolean
}

const nothing: CommitOutcome = { store: 'nothing', cookie: 'none', undeliverable: false }
const ended: CommitOutcome = { store: 'gone', cookie: 'none', undeliverable: false }

/** Opens, makes and commits sessions: everything between a `Session`, which knows no store, and a store, which knows no
 * session. It knows no HTTP. */
export class SessionService {
  readonly options: ResolvedSessionOptions
  readonly store: GuardedStore
  readonly renewals: Renewals
  readonly use: SessionUse

  constructor(options: ResolvedSessionOptions) {
    this.options = options
    this.renewals = new Renewals(options.renewSessionHooks)
    this.store = new GuardedStore(options.store, options.storeTimeout)
    this.use = new SessionUse(options, this.store)
  }

  get now(): number {
    return this.options.clock()
  }

  /** A new session, without a record. */
  fresh(): Session {
    return new Session(freshState(this.#setting()))
  }

  /** The live record that the id opens, or undefined. One store command; none for a text that is no id. */
  find(id: string): Awaitable<VerifiedSession | undefined> {
    const handle = handleOfId(id)
    if (handle === undefined) return undefined
    // The clock is asked as seldom as can be: 0.2 µs each time, on the machine of the benchmark.
    const { now } = this
    const stored = this.store.load(handle, now)
    return isPromise(stored) ? this.#verifyWhenLoaded(id, handle, stored) : this.#verify(id, handle, stored, now)
  }

  async #verifyWhenLoaded(
    id: string,
    handle: string,
    stored: PromiseLike<StoredSession | undefined>,
  ): Promise<VerifiedSession | undefined> {
    return this.#verify(id, handle, await stored, this.now)
  }

  #verify(id: string, handle: string, stored: StoredSession | undefined, now: number): VerifiedSession | undefined {
    if (stored === undefined || !isLive(stored.record, now, this.options.timeouts)) return undefined
    const openedAs = matchId(stored.record, hashId(id), now)
    if (openedAs === undefined) return undefined
    const record = clampAccess(stored.record, now)
    return { id, handle, openedAs, stored: record === stored.record ? stored : { ...stored, record } }
  }

  /**
   * The session of a verified id, its access recorded when that is due.
   *
   * @param sentBy `client`: a client has sent the id just now, so it has received it. `job`: the app has it from
   *   somewhere, which says nothing of the client.
   */
  open(verified: VerifiedSession, sentBy: 'client' | 'job'): Session {
    const { now } = this
    const confirmation = sentBy === 'client' ? this.use.confirmationOf(verified, now) : undefined
    this.use.record(verified, confirmation?.confirm, now)
    const opened = confirmation?.confirmed ?? verified
    const { openedAs, handle, stored } = opened
    if (
      openedAs === 'previous' ||
      (openedAs === 'renewed' && !isRenewalDue(stored.record, now, this.options.timeouts))
    ) {
      this.renewals.reportRenewed(stored.record, handle, now)
    }
    return new Session(openedState(this.#setting(now), opened, confirmation?.confirm))
  }

  /** Whether a save has something to do although the app did nothing to the session: a flash message was given, its id is old. */
  isCommitExpected(session: AnySession): boolean {
    const state = stateOf(session)
    return state.flash.size > 0 || this.#renewalDue(state)
  }

  /**
   * Brings the store up to date with the session. Resolves to what was stored, and which cookie the client is to get; a
   * session that has ended meanwhile is `gone`: nothing was written, and no cookie is to be sent.
   *
   * @param hasCookie The client has sent a cookie with its request. Without one, as in a job, nothing is taken that is the
   *   client's: no renewal, because nothing brings it the new id, and no flash message, because nothing shows it.
   */
  commit(session: AnySession, delivery: CommitFacts['delivery'], hasCookie: boolean): Awaitable<CommitOutcome> {
    const state = stateOf(session)
    // One after the other: what is to be stored is known when the save before it has ended.
    if (state.save !== undefined) return state.save.then(() => this.commit(session, delivery, hasCookie))
    const outcome = this.#commit(state, delivery, hasCookie)
    if (isPromise(outcome)) state.beginSave(outcome)
    return outcome
  }

  #commit(state: SessionState, delivery: CommitFacts['delivery'], hasCookie: boolean): Awaitable<CommitOutcome> {
    if (state.isOver) return ended
    const changes = state.destroyed ? noChanges : state.changesWithin(this.options.maxBytes, hasCookie)
    const facts: CommitFacts = {
      stored: state.record !== undefined,
      destroyed: state.destroyed,
      changed: hasChanges(changes),
      newId: state.newId,
      renewalDue: hasCookie && this.#renewalDue(state),
      hasCookie,
      delivery,
    }
    const plan = this.#claimRenewal(state, planCommit(facts)) ?? planCommit({ ...facts, renewalDue: false })
    switch (plan.store) {
      case 'nothing':
        if (plan.undeliverable) state.abandonNewId()
        if (state.destroyed) state.markDeleted()
        return plan.cookie === 'none' && !plan.undeliverable ? nothing : plan
      case 'delete':
        return andThen(this.store.delete(state.handle, this.now, { createdAt: state.record?.createdAt }), (result) => {
          if (result !== 'refused') {
            state.markDeleted()
            return plan
          }
          // A login on the id from before this request is not this request's to end, nor to clear the cookie of.
          state.markDeleteRefused()
          return ended
        })
      case 'insert':
        return this.#insert(state, plan)
      default:
        return this.#change(state, plan, changes)
    }
  }

  /** Deletes live sessions that the cookies of a request name beside its own, before a login of that request is stored:
   * so the client's next request then names the login alone, whatever put them there. */
  async endAll(sessions: readonly VerifiedSession[]): Promise<void> {
    await Promise.all(sessions.map(async (verified) => this.delete(verified)))
  }

  /** Ends the session that an id has opened, unless there was a login on it meanwhile. */
  delete({ handle, stored }: Pick<VerifiedSession, 'handle' | 'stored'>): Awaitable<DeleteResult> {
    return this.store.delete(handle, this.now, { createdAt: stored.record.createdAt })
  }

  /** Records that the session is used now, where that is due; the caller does not wait for it. */
  recordAccess(used: Pick<VerifiedSession, 'handle' | 'stored'>): void {
    this.use.record(used)
  }

  #setting(now = this.now): SessionSetting {
    const { sessionTtl, idLength, maxBytes } = this.options
    return { now, ttl: sessionTtl, secretBytes: idLength, maxBytes }
  }

  #renewalDue(state: SessionState): boolean {
    const { record, openedAs } = state
    if (record === undefined || openedAs === 'pending' || openedAs === 'previous') return false
    const { timeouts } = this.options
    return timeouts.renewal !== undefined && isRenewalDue(record, this.now, timeouts)
  }

  /** The plan, or undefined when another call in this process has the renewal, or has made it. */
  #claimRenewal(state: SessionState, plan: CommitPlan): CommitPlan | undefined {
    if (plan.store !== 'renew' || state.record === undefined) return plan
    if (this.renewals.begin(state.record, state.handle, this.now)) return plan
    state.markRenewedElsewhere()
    return undefined
  }

  #insert(state: SessionState, plan: CommitPlan): Awaitable<CommitOutcome> {
    state.mintUnlessMinted()
    const { id } = state
    const changes = state.fieldsToInsert()
    const record = this.newRecord(id, state.login ?? { ttl: this.options.sessionTtl })
    return andThen(this.store.insert(state.handle, { record, fields: changes.set }, this.now), () => {
      state.markIssued(id, id)
      state.settle(record, changes)
      return plan
    })
  }

  /** A record for a session that begins now. */
  newRecord(id: string, login: Pick<SessionRecord, 'subject' | 'context'> & { readonly ttl: number }): SessionRecord {
    const { now } = this
    const { subject, context, ttl } = login
    const idleUntil = idleDeadline(now, this.options.timeouts)
    return startRecord(now, { hash: hashId(id), epoch: 0, subject, context, idleUntil, expiresAt: now + ttl })
  }

  #change(state: SessionState, plan: CommitPlan, changes: FieldChanges): Awaitable<CommitOutcome> {
    const { record } = state
    if (record === undefined) return nothing
    const renewedId = plan.store === 'renew' ? state.mintNextId() : undefined
    const { now } = this
    const change = this.#planChange(state, record, plan, changes, renewedId, now)
    const { id: asked } = state
    const result = this.changeStored(state.handle, change, now)
    return isPromise(result)
      ? this.#settleWhenChanged(result, state, plan, record, change, asked, renewedId)
      : this.#settleChange(result, state, plan, record, change, asked, renewedId)
  }

  async #settleWhenChanged(
    changed: PromiseLike<ChangeResult>,
    ...rest: [SessionState, CommitPlan, SessionRecord, RecordChange, string, string | undefined]
  ): Promise<CommitOutcome> {
    return this.#settleChange(await changed, ...rest)
  }

  #settleChange(
    result: ChangeResult,
    state: SessionState,
    plan: CommitPlan,
    record: SessionRecord,
    change: RecordChange,
    asked: string,
    renewedId: string | undefined,
  ): Awaitable<CommitOutcome> {
    if (result === 'gone') return this.#changeRefused(state, plan)
    if (plan.store === 'reissue') state.markIssued(asked, asked)
    if (result === 'renewed') state.markIssued(renewedId ?? asked, asked)
    if (plan.undeliverable) state.abandonNewId()
    const lost = plan.store === 'renew' && result !== 'renewed'
    if (lost) state.markRenewedElsewhere()
    state.settle(changeRecord(record, lost ? withoutRenewal(change) : change) ?? record, change.fields ?? noChanges)
    // Where another request was first to renew, its response carries the new id.
    return lost ? { ...plan, cookie: 'none' } : plan
  }

  /** Asks the store for a change; what becomes of a renewal in it is remembered. */
  changeStored(handle: string, change: RecordChange, now = this.now): Awaitable<ChangeResult> {
    if (change.renew === undefined) return this.store.change(handle, change, now)
    return this.renewals.make(handle, change.renew, now, () => this.store.change(handle, change, now))
  }

  #planChange(
    state: SessionState,
    record: SessionRecord,
    plan: CommitPlan,
    fields: FieldChanges,
    renewedId: string | undefined,
    now: number,
  ): RecordChange {
    const { timeouts } = this.options
    const change: { -readonly [K in keyof RecordChange]: RecordChange[K] } = { epoch: record.epoch, fields }
    if (state.confirm !== undefined) change.confirm = state.confirm
    // A change of values alone costs Redis half as much when no deadline moves with it.
    if (plan.store !== 'update' || isAccessDue(record, now, timeouts, 1 / 2)) change.access = accessAt(now, timeouts)
    if (renewedId !== undefined) return { ...change, renew: this.planRenewal(record, renewedId, now) }
    if (plan.store !== 'reissue') return change
    const replace = { hash: hashId(state.id), issuedAt: now }
    if (state.login === undefined) return { ...change, replace }
    const { subject, context, ttl } = state.login
    // Never the same as before, also with a clock that stands still: by `createdAt` a delete knows that there was a login.
    const createdAt = now === record.createdAt ? now + shortestLogin : now
    const bind = { subject, context, createdAt, idleUntil: idleDeadline(now, timeouts), expiresAt: now + ttl }
    return { ...change, replace, bind }
  }

  /** A new id with the overlap of the options; without one the id before it is invalid at once. */
  planRenewal({ hash, pending }: SessionRecord, newId: string, now: number): NonNullable<RecordChange['renew']> {
    const { oldSessionAvailabilityAfterRenewal = 0 } = this.options.timeouts
    const previousUntil = now + oldSessionAvailabilityAfterRenewal
    return { from: hash, after: pending?.at(-1), to: hashId(newId), issuedAt: now, previousUntil }
  }

  /** The session ended while this request was under way. A login that names its user is a proof of its own, though: it gets
   * a new session, with nothing in it of the one that ended. So the second click on "sign in" does not end with an invalid
   * cookie. One without a subject proves nothing that has not ended with the session. */
  #changeRefused(state: SessionState, plan: CommitPlan): Awaitable<CommitOutcome> {
    if (!state.isLoginProof) {
      state.discard()
      return ended
    }
    // The login came while this was stored: the next save is for it.
    if (plan.store !== 'reissue') return ended
    state.forgetRecord()
    return this.#insert(state, { store: 'insert', cookie: 'send', undeliverable: false })
  }
}

/** Seconds between two logins on one session, at least; the smallest step that a record keeps. */
const shortestLogin = 0.001

function withoutRenewal({ renew: _, ...rest }: RecordChange): RecordChange {
  return rest
}
