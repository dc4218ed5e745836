import type { IncomingMessage } from 'node:http'
import type { Awaitable } from '../base/awaitable'
import { systemClock } from '../base/clock'
import { SessionError } from '../base/errors'
import { type Cookie, textOfCookie } from './cookie'
import type { Arrival, NewPlace } from './new-place'
import type { OldPlace, Snapshot } from './old-place'
import { noOwner, ownerOf } from './owner'
import { put, takenId } from './record-data'
import type { ChangedValue, NewSession, Owner, Records, SessionUpdate, StoredSession } from './records'
import type { Stage } from './resolve-move'
import type { ResolvedOptions } from './resolve-options'
import { changesBetween, parsed, textsOf, valuesOf } from './value-texts'

/** Seconds for which a session that has just come to the new place is served there also by processes that give back: those
 * that take over, and serve beside them for a while, would take it again, and neither would come to an end. */
const settling = 2

type Located = { readonly place: 'old' | 'new'; readonly session: StoredSession } | undefined

/** How often a step is tried that other processes got in the way of. Each time another one has made progress. */
const mostTries = 16

/**
 * One session in two places: express-session's record under the id, and ours under its hash. The id comes with each cookie,
 * so both are always found, and it never changes. Ours count first: a session there is the session, a tombstone there says
 * that it has ended, and only where there is neither does express-session's record count.
 *
 * Processes of neighbouring stages may serve side by side, and any of them may be killed between two steps:
 * - To move, a process claims the name in the new place; one of all is given it, and it alone removes the old record, as
 *   long as that still is what it has read. What another process wrote there meanwhile is applied to the new one.
 * - A session arrives without a subject, and is listed under its own once its old record is removed. Where the process
 *   that claimed it did not come so far, another one does: after a while, or before it binds the session.
 * - A write to the old place is followed by a read of the new one: had the session moved, it is written there too.
 * - To end a session, its tombstone is set first. A record that an interrupted end left, or a late write of
 *   express-session made, is removed by the next request.
 * - To go back, the new record is closed to changes; then the old one is made of it, by any process that finds it so.
 */
export class MovingRecords implements Records {
  readonly #old: OldPlace
  readonly #new: NewPlace
  readonly #stage: Stage
  readonly #options: ResolvedOptions

  constructor(oldPlace: OldPlace, newPlace: NewPlace, stage: Stage, options: ResolvedOptions) {
    this.#old = oldPlace
    this.#new = newPlace
    this.#stage = stage
    this.#options = options
  }

  async load(id: string, req?: IncomingMessage): Promise<StoredSession | undefined> {
    return (await this.#locate(id, req))?.session
  }

  async create(id: string, session: NewSession, isGiven: boolean): Promise<void> {
    if (isGiven && (await this.#locate(id, undefined)) !== undefined) throw takenId()
    if (this.#stage === 'take-over') await this.#new.create(id, session, false)
    else await this.#old.create(id, session, isGiven)
  }

  async update(id: string, update: SessionUpdate): Promise<boolean> {
    if (update.newOwner !== undefined) {
      const found = await this.#new.find(id)
      if (found.state === 'live' && found.arrival !== undefined) {
        await this.#takeOverArrival(id, found.arrival, found.session)
      }
    }
    return this.#apply(id, (place) => place.update(id, update))
  }

  async recordAccess(id: string, cookie: Cookie): Promise<boolean> {
    return this.#apply(id, (place) => place.recordAccess(id, cookie))
  }

  async end(id: string): Promise<void> {
    await this.#new.end(id)
    await this.#old.end(id)
  }

  accessInterval(lifetime: number | undefined): number {
    // Never longer than that of records of our own.
    return this.#old.accessInterval(lifetime)
  }

  /** Writes to the place where the session is. */
  async #apply(id: string, write: (place: Records) => Awaitable<boolean>): Promise<boolean> {
    if (this.#stage === 'take-over' && (await write(this.#new))) return true
    for (let tries = 0; tries < mostTries; tries++) {
      const located = await this.#locate(id, undefined)
      if (located === undefined) return false
      const isWritten = await write(located.place === 'new' ? this.#new : this.#old)
      if (!isWritten) continue
      if (located.place === 'new') return true
      // It may have moved, or ended, while it was written to the old place: what was written is no record any more.
      const found = await this.#new.find(id)
      if (found.state === 'absent') return true
      if (found.state !== 'live') continue
      if (found.arrival === undefined) await this.#removeLeftover(id)
      else await this.#takeOverArrival(id, found.arrival, found.session)
    }
    throw keepsMoving()
  }

  /** Where the session is, once it is where the stage wants it. */
  async #locate(id: string, req: IncomingMessage | undefined): Promise<Located> {
    let isSecondRead = false
    for (let tries = 0; tries < mostTries; tries++) {
      const found = await this.#new.find(id)
      switch (found.state) {
        case 'ended':
          await this.#old.end(id)
          return undefined
        case 'leaving':
          await this.#giveBack(id)
          break
        case 'live':
          if (systemClock() - found.createdAt < settling) return { place: 'new', session: found.session }
          if (found.arrival !== undefined) await this.#takeOverArrival(id, found.arrival, found.session)
          // What arrives stays for a while: its old record could be that which another process is about to remove.
          if (found.arrival !== undefined || this.#stage !== 'give-back') {
            return { place: 'new', session: found.session }
          }
          await this.#new.close(id)
          break
        case 'absent': {
          const session = await this.#inOldPlace(id, req)
          if (session !== 'absent') {
            if (session !== 'moved') return { place: 'old', session }
          } else if (isSecondRead) return undefined
          // It may have moved between the two reads.
          else isSecondRead = true
        }
      }
    }
    throw keepsMoving()
  }

  async #inOldPlace(id: string, req: IncomingMessage | undefined): Promise<StoredSession | 'absent' | 'moved'> {
    if (this.#stage !== 'take-over') return (await this.#old.load(id)) ?? 'absent'
    const before = await this.#old.snapshot(id)
    if (before === undefined) return 'absent'
    const { cookie, values } = before
    const isClaimed = await this.#new.claim(id, { cookie, values, owner: this.#ownerOf(before, req) })
    // Only the process whose claim was accepted may remove the old record.
    if (isClaimed) await this.#removeOld(id, before, req)
    return 'moved'
  }

  /** Removes what was moved. What express-session wrote there since is applied to the session first; where it has ended the
   * session, the session is ended. */
  async #removeOld(id: string, moved: Snapshot, req: IncomingMessage | undefined): Promise<void> {
    let before = moved
    for (let tries = 0; tries < mostTries; tries++) {
      const result = await this.#old.removeUnchanged(id, before)
      if (result === 'removed') {
        await this.#new.finishOwnArrival(id, { cookie: before.cookie, owner: this.#ownerOf(before, req) })
        return
      }
      if (result === 'absent') {
        // Another process that removed it has said so before.
        const found = await this.#new.find(id)
        const isArriving = found.state === 'live' && found.arrival?.isTakenOver === false
        if (isArriving) await this.#new.end(id)
        return
      }
      if (!(await this.#new.update(id, differences(before, result)))) return
      before = result
    }
  }

  /** Does what the process that claimed the session has left undone, or is about to do. */
  async #takeOverArrival(id: string, arrival: Arrival, { cookie }: StoredSession): Promise<void> {
    const leftover = await this.#old.snapshot(id)
    if (!(await this.#new.takeOverArrival(id, arrival))) return
    // Read before the session was found live, so it is older. What was written since may be a session that was given back.
    const removal = leftover === undefined ? 'absent' : await this.#old.removeUnchanged(id, leftover)
    if (removal === 'removed' || removal === 'absent') await this.#new.finishArrival(id, arrival, cookie)
  }

  /** Removes what was written to the old place while the session moved. */
  async #removeLeftover(id: string): Promise<void> {
    const leftover = await this.#old.snapshot(id)
    if (leftover !== undefined && (await this.#new.find(id)).state === 'live') {
      await this.#old.removeUnchanged(id, leftover)
    }
  }

  /** Makes the old record of a closed one. Any process may, also after another that was killed at it. */
  async #giveBack(id: string): Promise<void> {
    const before = await this.#old.snapshot(id)
    // After the read of the old place: what is there now is older than the closed record.
    const found = await this.#new.find(id)
    if (found.state !== 'leaving') return
    const { cookie, values } = found.session
    const session = { cookie, values: parsedValues(values), owner: noOwner }
    if (await this.#old.putUnchanged(id, session, before)) await this.#new.removeClosed(id)
  }

  #ownerOf({ cookie, values }: Pick<Snapshot, 'cookie' | 'values'>, req: IncomingMessage | undefined): Owner {
    const session = { cookie }
    for (const [key, { value }] of values) put(session, key, value)
    return ownerOf(this.#options, session, req)
  }
}

function differences(before: Snapshot, after: Snapshot): SessionUpdate {
  return {
    ...changesBetween(textsOf(before.values), after.values),
    cookie: after.cookie,
    cookieChanged: textOfCookie(before.cookie) !== textOfCookie(after.cookie),
    newOwner: undefined,
  }
}

/** A store written for express-session keeps values, where ours keep texts. */
function parsedValues(values: Record<string, unknown>): Map<string, ChangedValue> {
  const all = valuesOf(values)
  for (const [key, { text, value }] of all) all.set(key, { text, value: parsed(value) })
  return all
}

function keepsMoving(): SessionError {
  return new SessionError(
    'STORE_UNAVAILABLE',
    'a session was moved by other processes at each try; processes of stages that are not neighbours may serve side by side',
  )
}
