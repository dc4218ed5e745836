import { andThen, type Awaitable, isPromise } from '../base/awaitable'
import { RecentKeys } from '../base/recent-keys'
import { warnRarely } from '../base/warnings'
import { hashId, handleOfId } from '../id/session-id'
import { planCommit, type CommitFacts, type CommitPlan } from '../session/commit-plan'
import { accessInterval, idleDeadline, isAccessDue, isLive, isRenewalDue, matchId } from '../session/lifetime'
import {
  changeRecord,
  type ChangeResult,
  type FieldChanges,
  type RecordChange,
  type SessionRecord,
  type StoredSession,
} from '../session/record'
import { type AnySession, coreOf, type Session, sessionAround } from '../session/session'
import { SessionCore, type SessionSetting } from '../session/session-core'
import type { DeleteResult } from '../session/store'
import { GuardedStore } from '../stores/guarded-store'
import { Renewals } from './renewals'
import type { ResolvedSessionOptions } from './resolve-options'

/** A record, and how the id that was shown opens it. */
export interface VerifiedSession {
  readonly id: string
  readonly handle: string
  readonly openedAs: 'current' | 'previous'
  readonly stored: StoredSession
}

/** What became of a save. */
export interface CommitOutcome {
  readonly store: CommitPlan['store'] | 'gone'
  readonly cookie: CommitPlan['cookie']
  readonly undeliverable: boolean
}

const nothing: CommitOutcome = { store: 'nothing', cookie: 'none', undeliverable: false }
const ended: CommitOutcome = { store: 'gone', cookie: 'none', undeliverable: false }

/** Opens, makes and commits sessions: everything between a `Session`, which knows no store, and a store, which knows no
 * session. Whoever speaks HTTP stands above it. */
export class SessionService {
  readonly options: ResolvedSessionOptions
  readonly store: GuardedStore
  readonly renewals: Renewals
  /** Handles whose access was recorded from here just now. */
  readonly #accesses = new RecentKeys()

  constructor(options: ResolvedSessionOptions) {
    this.options = options
    this.renewals = new Renewals(options.renewSessionHooks)
    this.store = new GuardedStore(options.store, options.storeTimeout)
  }

  get now(): number {
    return this.options.clock()
  }

  /** A session that nobody has yet. */
  fresh(): Session {
    return sessionAround(SessionCore.fresh(this.#setting()))
  }

  /** The live record that the id opens, or undefined. One store command; none for a text that is no id. */
  find(id: string): Awaitable<VerifiedSession | undefined> {
    const handle = handleOfId(id)
    if (handle === undefined) return undefined
    return andThen(this.store.load(handle, this.now), (stored) => {
      if (stored === undefined) return undefined
      const { now } = this
      if (!isLive(stored.record, now, this.options.timeouts)) return undefined
      const openedAs = matchId(stored.record, hashId(id), now)
      return openedAs === undefined ? undefined : { id, handle, openedAs, stored }
    })
  }

  /** The session of a verified id, its access recorded when that is due. */
  open(verified: VerifiedSession): Session {
    this.recordAccess(verified)
    if (verified.openedAs === 'previous') this.renewals.tellRenewed(verified.stored.record, verified.handle, this.now)
    return sessionAround(SessionCore.opened(this.#setting(), verified))
  }

  /** Whether a save has something to do although nobody touched the session: a flash message was given, its id is old. */
  isCommitExpected(session: AnySession): boolean {
    const core = coreOf(session)
    return core.flash.size > 0 || this.#renewalDue(core)
  }

  /**
   * Brings the store up to date with the session. Resolves to what was stored, and which cookie the client is to get; a
   * session that has ended meanwhile is `gone`: nothing was written, and no cookie is to be sent.
   */
  commit(session: AnySession, delivery: CommitFacts['delivery'], presented: boolean): Awaitable<CommitOutcome> {
    const core = coreOf(session)
    if (core.gone) return ended
    const changes = core.destroyed ? none : core.changes()
    const facts: CommitFacts = {
      stored: core.record !== undefined,
      destroyed: core.destroyed,
      changed: hasChanges(core, changes),
      newId: core.login !== undefined ? 'login' : core.idReplaced ? 'regenerate' : 'none',
      renewalDue: this.#renewalDue(core),
      presented,
      delivery,
    }
    const plan = this.#claimRenewal(core, planCommit(facts)) ?? planCommit({ ...facts, renewalDue: false })
    switch (plan.store) {
      case 'nothing':
        if (plan.undeliverable) core.abandonNewId()
        core.gone = core.destroyed
        return plan.cookie === 'none' && !plan.undeliverable ? nothing : plan
      case 'delete':
        return andThen(this.store.delete(core.handle, this.now, { createdAt: core.record?.createdAt }), (result) => {
          core.gone = true
          // A login on the id from before this request is not this request's to end, nor to clear the cookie of.
          core.endRefused = result === 'refused'
          return core.endRefused ? ended : plan
        })
      case 'insert':
        return this.#insert(core, plan)
      default:
        return this.#change(core, plan, changes)
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

  #setting(): SessionSetting {
    return { now: this.now, ttl: this.options.sessionTtl, secretBytes: this.options.idLength }
  }

  #renewalDue(core: SessionCore): boolean {
    const { record, openedAs } = core
    return record !== undefined && openedAs === 'current' && isRenewalDue(record, this.now, this.options.timeouts)
  }

  /** The plan, or undefined when it is to renew what somebody else here is renewing, or has renewed. */
  #claimRenewal(core: SessionCore, plan: CommitPlan): CommitPlan | undefined {
    if (plan.store !== 'renew' || core.record === undefined) return plan
    if (this.renewals.begin(core.record.hash, core.handle, this.now)) return plan
    core.openedAs = 'previous'
    return undefined
  }

  #insert(core: SessionCore, plan: CommitPlan): Awaitable<CommitOutcome> {
    core.mintUnlessMinted()
    const changes = core.fieldsToInsert()
    const record = this.newRecord(core.id, core.login ?? { ttl: this.options.sessionTtl })
    return andThen(this.store.insert(core.handle, { record, fields: changes.set }, this.now), () => {
      core.idIsIssued()
      core.settle(record, changes)
      return plan
    })
  }

  /** A record for a session that begins now. */
  newRecord(id: string, login: Pick<SessionRecord, 'subject' | 'context'> & { readonly ttl: number }): SessionRecord {
    const { now } = this
    const { subject, context, ttl } = login
    return {
      hash: hashId(id),
      previousHash: undefined,
      previousUntil: undefined,
      epoch: 0,
      subject,
      context,
      createdAt: now,
      issuedAt: now,
      accessedAt: now,
      idleUntil: idleDeadline(now, this.options.timeouts),
      expiresAt: now + ttl,
    }
  }

  #change(core: SessionCore, plan: CommitPlan, changes: FieldChanges): Awaitable<CommitOutcome> {
    const { record } = core
    if (record === undefined) return nothing
    const renewedId = plan.store === 'renew' ? core.mintNextId() : undefined
    const change = this.#planChange(core, record, plan, changes, renewedId)
    return andThen(this.changeStored(core.handle, change), (result) => {
      if (result === 'gone') return this.#changeRefused(core, plan)
      if (plan.store === 'reissue') core.idIsIssued()
      if (result === 'renewed') core.idIsIssued(renewedId)
      if (plan.undeliverable) core.abandonNewId()
      const lost = plan.store === 'renew' && result !== 'renewed'
      if (lost) core.openedAs = 'previous'
      core.settle(changeRecord(record, lost ? withoutRenewal(change) : change) ?? record, changes)
      // Where somebody else was first to renew, their response carries the new id.
      return lost ? { ...plan, cookie: 'none' } : plan
    })
  }

  /** Asks the store for a change; what becomes of a renewal in it is remembered. */
  changeStored(handle: string, change: RecordChange): Awaitable<ChangeResult> {
    const { now } = this
    const ask = (): Awaitable<ChangeResult> => this.store.change(handle, change, now)
    return change.renew === undefined ? ask() : this.renewals.make(handle, change.renew, now, ask)
  }

  #planChange(
    core: SessionCore,
    record: SessionRecord,
    plan: CommitPlan,
    fields: FieldChanges,
    renewedId: string | undefined,
  ): RecordChange {
    const { now } = this
    const { timeouts } = this.options
    const change: RecordChange = {
      epoch: record.epoch,
      fields,
      access: { accessedAt: now, idleUntil: idleDeadline(now, timeouts) },
    }
    if (renewedId !== undefined) return { ...change, renew: this.planRenewal(record, renewedId, now) }
    if (plan.store !== 'reissue') return change
    const replace = { hash: hashId(core.id), issuedAt: now }
    if (core.login === undefined) return { ...change, replace }
    const { subject, context, ttl } = core.login
    // Never the same as before, also with a clock that stands still: by `createdAt` a delete knows that there was a login.
    const createdAt = now === record.createdAt ? now + shortestLogin : now
    const bind = { subject, context, createdAt, idleUntil: idleDeadline(now, timeouts), expiresAt: now + ttl }
    return { ...change, replace, bind }
  }

  /** A new id with the overlap of the options; without one the id before it opens nothing at once. */
  planRenewal({ hash }: SessionRecord, newId: string, now: number): NonNullable<RecordChange['renew']> {
    const { oldSessionAvailabilityAfterRenewal = 0 } = this.options.timeouts
    return { from: hash, to: hashId(newId), issuedAt: now, previousUntil: now + oldSessionAvailabilityAfterRenewal }
  }

  /** The session ended while this request was under way. A login is a proof of its own, though: it gets a new session,
   * with nothing in it of the one that ended. So the second click on "sign in" is not answered with a dead cookie. */
  #changeRefused(core: SessionCore, plan: CommitPlan): Awaitable<CommitOutcome> {
    if (plan.store !== 'reissue' || core.login === undefined) {
      core.gone = true
      return ended
    }
    core.forgetRecord()
    return this.#insert(core, { store: 'insert', cookie: 'send', undeliverable: false })
  }

  /** Whether this access is for the caller to record: it is due, and nobody else here is at it. */
  claimAccess(handle: string, record: SessionRecord, now: number): boolean {
    const { timeouts } = this.options
    if (!isAccessDue(record, now, timeouts) || this.#accesses.has(handle, now)) return false
    this.#accesses.keep(handle, now + accessInterval(timeouts), now)
    return true
  }

  /** The access that was claimed could not be recorded. */
  releaseAccess(handle: string): void {
    this.#accesses.forget(handle)
  }

  /** Records that the session is used now, where that is due; nobody waits for it. */
  recordAccess({ handle, stored: { record } }: Pick<VerifiedSession, 'handle' | 'stored'>): void {
    const { now } = this
    if (!this.claimAccess(handle, record, now)) return
    const access = { accessedAt: now, idleUntil: idleDeadline(now, this.options.timeouts) }
    const fail = (error: unknown): void => {
      this.releaseAccess(handle)
      accessNotRecorded(error)
    }
    // Nobody waits for it: a reading request must not be slower because a minute has passed.
    try {
      const answer = this.store.change(handle, { epoch: record.epoch, access }, now)
      if (isPromise(answer)) answer.then(undefined, fail)
    } catch (error) {
      fail(error)
    }
  }
}

/** Seconds between two logins on one session, at least; the smallest step that a record keeps. */
const shortestLogin = 0.001

const none: FieldChanges = { set: new Map(), remove: [] }

function withoutRenewal({ renew: _, ...rest }: RecordChange): RecordChange {
  return rest
}

function hasChanges(core: SessionCore, changes: FieldChanges): boolean {
  if (changes.set.size > 0 || changes.remove.length > 0) return true
  return core.record === undefined && core.idReplaced
}

function accessNotRecorded(error: unknown): void {
  warnRarely('HOLDFAST_ACCESS_NOT_RECORDED', error instanceof Error ? error.message : 'unknown reason')
}
