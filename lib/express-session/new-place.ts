import { systemClock } from '../base/clock'
import { parseValue } from '../session/json-value'
import { isLive, matchId } from '../session/lifetime'
import { type SessionRecord, startRecord } from '../session/record'
import type { SessionStore } from '../session/store'
import type { ExpressSessionStore } from '../stores/express-session/express-session-store'
import { deriveKeys, firstEpoch, HashedRecords, sessionOf } from './hashed-records'
import { noOwner } from './owner'
import type { Cookie } from './cookie'
import type { NewSession, Owner, StoredSession } from './records'
import type { ResolvedOptions } from './resolve-options'

/** What our records know of an id. `ended`: the session was ended, or is over; no record of express-session counts any more.
 * `leaving`: it is on its way back to its record of express-session, and takes no change. */
export type Found =
  | { readonly state: 'absent' | 'ended' }
  | { readonly state: 'leaving'; readonly session: StoredSession }
  | {
      readonly state: 'live'
      readonly session: StoredSession
      readonly createdAt: number
      /** Undefined: its old record is removed. */
      readonly arrival: Arrival | undefined
    }

/** What a session is until its old record is removed: in no user's list of sessions. Otherwise `deleteAll` could
 * end it while the old record is still there, and the next request would find that. */
export interface Arrival extends Pick<SessionRecord, 'subject' | 'context'> {
  readonly expiresAt: number
  /** Another process than the one that claimed the session removes the old record, or has removed it. */
  readonly isTakenOver: boolean
}

/** The field that holds the `Arrival`, as JSON. */
const arrivalField = 'c:arrival'

/* In place of the hash of an id, which has as many characters: so no id opens the record. */
const endedHash = 'ended'.padEnd(43, 'A')
const leavingHash = 'leaving'.padEnd(43, 'A')
/** Not that of a live session: a request that began before writes nothing into the record. */
const closedEpoch = 1

/**
 * Records of our own while sessions move to them. Beside sessions there are tombstones: a record without values, which no
 * id opens and no change fits, in the place of a session that was ended. While it stands, what express-session's place still
 * has, or gets once more, under the id is no session.
 */
export class NewPlace extends HashedRecords {
  readonly #window: number

  /** @param window Seconds for which a tombstone stands. */
  constructor(store: SessionStore | ExpressSessionStore, options: ResolvedOptions, window: number) {
    super(store, options)
    this.#window = window
  }

  async find(id: string): Promise<Found> {
    const now = systemClock()
    const { handle, hash } = deriveKeys(id)
    const kept = await this.store.load(handle, now)
    if (kept === undefined) return { state: 'absent' }
    const { record } = kept
    const session = isLive(record, now) ? sessionOf(kept, now) : undefined
    if (session === undefined) return { state: 'ended' }
    if (record.hash === leavingHash) return { state: 'leaving', session }
    if (matchId(record, hash, now) === undefined) return { state: 'ended' }
    const arrival = arrivalIn(kept.fields.get(arrivalField), record)
    // It is theirs for the request already, so that a save does not bind it.
    const subject = record.subject ?? arrival?.subject
    return { state: 'live', session: { ...session, subject }, createdAt: record.createdAt, arrival }
  }

  /** Takes the session over, where there is no record of the id: as one that arrives. False: there is one. */
  async claim(id: string, session: NewSession): Promise<boolean> {
    const now = systemClock()
    const { record, fields } = this.keptOf(id, { ...session, owner: noOwner }, now)
    const text = JSON.stringify(this.#arrivalOf(session.owner))
    const arriving = { record, fields: new Map([...fields, [arrivalField, text]]) }
    return this.store.claim(deriveKeys(id).handle, arriving, now)
  }

  /** From here on the process that claimed the session knows that it has not ended where it finds no old record. False: there
   * is no such session any more, or it takes no change. */
  async takeOverArrival(id: string, arrival: Arrival): Promise<boolean> {
    const set = new Map([[arrivalField, JSON.stringify({ ...arrival, isTakenOver: true })]])
    const change = { epoch: firstEpoch, fields: { set, remove: [] } }
    return (await this.store.change(deriveKeys(id).handle, change, systemClock())) !== 'gone'
  }

  /** The old record is removed: the session is listed under its subject. */
  async finishArrival(id: string, { subject, context, expiresAt }: Arrival, cookie: Cookie): Promise<void> {
    const now = systemClock()
    const bind = { subject, context, createdAt: now, idleUntil: this.endOf(cookie, now), expiresAt }
    const change = {
      epoch: firstEpoch,
      fields: { set: new Map<string, string>(), remove: [arrivalField] },
      ...(subject !== undefined && { bind }),
    }
    await this.store.change(deriveKeys(id).handle, change, now)
  }

  /** Of the process that claimed the session, and has it all. */
  async finishOwnArrival(id: string, { cookie, owner }: Pick<NewSession, 'cookie' | 'owner'>): Promise<void> {
    await this.finishArrival(id, this.#arrivalOf(owner), cookie)
  }

  #arrivalOf(owner: Owner): Arrival {
    const context = this.contextOf(owner)
    return { subject: owner.subject, context, expiresAt: this.absoluteEnd(systemClock()), isTakenOver: false }
  }

  /** Ends the session for good, also one that is only on its way here. */
  override async end(id: string): Promise<void> {
    const now = systemClock()
    const { handle } = deriveKeys(id)
    // First in place, so that channels and the list of its user learn of it.
    const replace = { hash: endedHash, issuedAt: now }
    const bind = { subject: undefined, createdAt: now, expiresAt: now + this.#window }
    await this.store.changeForGood(handle, { replace, bind }, now)
    // Then without its values, or where there was none.
    const { expiresAt } = bind
    const tombstone = startRecord(now, { hash: endedHash, epoch: closedEpoch, expiresAt })
    await this.store.replace(handle, { record: tombstone, fields: new Map() }, now)
  }

  /** From here on the session takes no change: its values can go to another place, whole. */
  async close(id: string): Promise<void> {
    const now = systemClock()
    const replace = { hash: leavingHash, issuedAt: now }
    await this.store.changeForGood(deriveKeys(id).handle, { epoch: firstEpoch, replace }, now)
  }

  /** Removes a closed session, and nothing else. */
  async removeClosed(id: string): Promise<void> {
    await this.store.delete(deriveKeys(id).handle, systemClock(), { hash: leavingHash })
  }
}

function arrivalIn(text: string | undefined, { expiresAt }: SessionRecord): Arrival | undefined {
  if (text === undefined) return undefined
  const { subject, context, isTakenOver } = (parseValue(text) ?? {}) as Partial<Arrival>
  return { subject, context, expiresAt, isTakenOver: isTakenOver === true }
}
