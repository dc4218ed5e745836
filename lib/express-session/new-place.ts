import { systemClock } from '../base/clock'
import { isLive, matchId } from '../session/lifetime'
import { startRecord } from '../session/record'
import type { SessionStore } from '../session/store'
import type { ExpressSessionStore } from '../stores/express-session/express-session-store'
import { deriveKeys, firstEpoch, HashedRecords, sessionOf } from './hashed-records'
import type { NewSession, StoredSession } from './records'
import type { ResolvedOptions } from './resolve-options'

/** What our records know of an id. `ended`: the session was ended, or is over; no record of express-session counts any more.
 * `leaving`: it is on its way back to its record of express-session, and takes no change. */
export type Found =
  | { readonly state: 'absent' | 'ended' }
  | { readonly state: 'leaving'; readonly session: StoredSession }
  | { readonly state: 'live'; readonly session: StoredSession; readonly createdAt: number }

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
    return matchId(record, hash, now) === undefined
      ? { state: 'ended' }
      : { state: 'live', session, createdAt: record.createdAt }
  }

  /** Takes the session over, where there is no record of the id. Resolves to the instant by which `endClaimed` knows the
   * claim, undefined where it was refused. */
  async claim(id: string, session: NewSession): Promise<number | undefined> {
    const now = systemClock()
    const isAccepted = await this.store.claim(deriveKeys(id).handle, this.keptOf(id, session, now), now)
    return isAccepted ? now : undefined
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

  /** As `end`, but only a session that still is what `claim` made of it. */
  async endClaimed(id: string, claimedAt: number): Promise<void> {
    const { handle, hash } = deriveKeys(id)
    const result = await this.store.delete(handle, systemClock(), { hash, createdAt: claimedAt })
    if (result === 'ended') await this.end(id)
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
