import { type Awaitable, isPromise } from '../base/awaitable'
import { DeadlineTimer } from '../base/timers'
import type { SessionService, VerifiedSession } from '../service/session-service'
import { isLive } from '../session/lifetime'
import type { FieldChanges, SessionRecord, StoredSession } from '../session/record'
import { keyOfField, valueField } from '../session/session-core'
import type { ChannelEnd, ChannelFollower, ChannelStore } from './channel-store'
import { isSame, noTexts, type Texts } from './channel-values'
import { LookQueue } from './look-queue'
import { StoreFeed } from './store-feed'

/** Seconds to the next look after one that the store failed. */
const retryAfter = 1

/** A session that channels of this process follow: one, however many they are. */
interface Watched {
  readonly handle: string
  readonly followers: Set<ChannelFollower>
  /** The id that opened the channels is of this epoch; undefined until the first look. */
  epoch: number | undefined
  stored: StoredSession | undefined
  values: Texts
  interval: number
  /** Channels that are being opened. */
  opening: number
}

/**
 * The channels of one manager on its sessions.
 *
 * News from the store never changes a channel by itself: it makes the hub look at the session again. The same look is what
 * a deadline, the periodic check and a regained connection lead to, so there is one way in which a channel learns
 * anything, and a message that is lost is made good by the next check at the latest.
 *
 * With one subscription, one timer and one entry a session, a channel more costs what it holds.
 */
export class ChannelHub implements ChannelStore {
  readonly #service: SessionService
  readonly #watched = new Map<string, Watched>()
  readonly #looks = new LookQueue((handle) => this.#look(handle))
  readonly #due: DeadlineTimer
  readonly #feed: StoreFeed
  #closed = false

  constructor(service: SessionService) {
    this.#service = service
    this.#due = new DeadlineTimer(service.options.clock, (handle) => this.#looks.add(handle))
    this.#feed = new StoreFeed(service.store, (handle) => this.#hear(handle))
  }

  /** How many sessions are followed. */
  get size(): number {
    return this.#watched.size
  }

  /**
   * Begins to watch a session, so that `follow` can be called, in the same turn, with its handle. False when it has ended
   * meanwhile, or has got another id: then the id that was verified opens nothing any more.
   */
  async open(verified: VerifiedSession, interval: number): Promise<boolean> {
    const {
      handle,
      stored: { record },
    } = verified
    if (this.#closed) return false
    this.#feed.need()
    // Known before the store is asked, so that news that overtakes the answer is not lost.
    let watched = this.#watched.get(handle)
    if (watched?.epoch !== undefined && watched.epoch < record.epoch) {
      this.#end(watched, 'replaced')
      watched = undefined
    }
    watched ??= this.#add(handle)
    watched.opening++
    watched.interval = Math.min(watched.interval, interval)
    try {
      const stored = await this.#load(watched)
      if (this.#watched.get(handle) !== watched) return false
      if (watched.epoch !== undefined && watched.epoch < record.epoch) return await this.open(verified, interval)
      if (stored?.record.epoch !== record.epoch || !this.#isLive(stored)) {
        this.#looks.add(handle)
        return false
      }
      this.#take(watched, stored)
      return true
    } finally {
      watched.opening--
      if (watched.opening === 0) setImmediate(() => this.#dropUnused(watched))
    }
  }

  follow(handle: string, follower: ChannelFollower): () => void {
    const watched = this.#watched.get(handle)
    if (watched?.stored === undefined) {
      follower.ended('ended')
      return () => undefined
    }
    watched.followers.add(follower)
    follower.changed(watched.values)
    return () => {
      watched.followers.delete(follower)
      this.#dropUnused(watched)
    }
  }

  async change(handle: string, changes: FieldChanges): Promise<boolean> {
    const watched = this.#watched.get(handle)
    if (watched?.stored === undefined) return false
    const { epoch, subject } = watched.stored.record
    const { store } = this.#service
    const fields = fieldsOf(changes)
    // Its own session first, and only while it lives: what a channel of an ended one says reaches nobody.
    if ((await store.change(handle, { epoch, fields }, this.#service.now)) === 'gone') {
      this.#looks.add(handle)
      return false
    }
    if (subject !== undefined && store.canChangeAll) await store.changeAll(subject, fields, this.#service.now)
    this.#looks.add(handle)
    return true
  }

  async end(handle: string): Promise<void> {
    const watched = this.#watched.get(handle)
    if (watched === undefined) return
    const { store } = this.#service
    // A login that came after the channel was opened is not the channel's to end.
    await store.delete(handle, this.#service.now, { createdAt: watched.stored?.record.createdAt })
    if (this.#watched.get(handle) === watched) this.#end(watched, 'ended')
  }

  recordActivity(handle: string): void {
    const stored = this.#watched.get(handle)?.stored
    if (stored !== undefined) this.#service.recordAccess({ handle, stored })
  }

  /** Ends all channels: their sessions live on, but nobody follows them any more. */
  close(): void {
    this.#closed = true
    for (const watched of [...this.#watched.values()]) this.#end(watched, 'closed')
    this.#looks.clear()
    this.#due.clear()
    this.#feed.close()
  }

  /** News of a session, or, without a handle, the fear that some was lost. */
  #hear(handle: string | undefined): void {
    if (handle === undefined) for (const each of this.#watched.keys()) this.#looks.add(each)
    else if (this.#watched.has(handle)) this.#looks.add(handle)
  }

  #look(handle: string): Awaitable<void> {
    const watched = this.#watched.get(handle)
    if (watched === undefined) return
    try {
      const answer = this.#load(watched)
      if (!isPromise(answer)) {
        this.#judge(watched, answer)
        return
      }
      return answer.then(
        (stored) => this.#judge(watched, stored),
        () => this.#putOff(watched),
      )
    } catch {
      this.#putOff(watched)
    }
  }

  #load({ handle, interval }: Watched): Awaitable<StoredSession | undefined> {
    const { now, store } = this.#service
    // Until after the next look but one: one that comes late must not open a gap.
    return store.watch(handle, now, now + 2 * interval + 30)
  }

  #judge(watched: Watched, stored: StoredSession | undefined): void {
    if (this.#watched.get(watched.handle) !== watched) return
    if (stored === undefined) {
      const isOver = watched.stored !== undefined && this.#service.now >= this.#deadline(watched.stored.record)
      this.#end(watched, isOver ? 'expired' : 'ended')
    } else if (watched.epoch !== undefined && stored.record.epoch !== watched.epoch) this.#end(watched, 'replaced')
    else if (!this.#isLive(stored)) this.#end(watched, 'expired')
    else this.#take(watched, stored)
  }

  /** The store failed. Nobody is sent away for that, but for those whose time is up whatever the store may say. */
  #putOff(watched: Watched): void {
    if (this.#watched.get(watched.handle) !== watched) return
    const { now } = this.#service
    if (watched.stored !== undefined && now >= watched.stored.record.expiresAt) this.#end(watched, 'expired')
    else this.#due.set(watched.handle, now + retryAfter * (1 + Math.random()))
  }

  #take(watched: Watched, stored: StoredSession): void {
    const { now } = this.#service
    watched.epoch = stored.record.epoch
    watched.stored = stored
    // Not all at the same time: looks of channels that were opened together, after a restart, drift apart.
    this.#due.set(
      watched.handle,
      Math.min(this.#deadline(stored.record), now + watched.interval * (0.75 + Math.random() / 4)),
    )
    const values = textsIn(stored)
    if (isSame(values, watched.values)) return
    watched.values = values
    for (const follower of [...watched.followers]) follower.changed(values)
  }

  #end(watched: Watched, reason: ChannelEnd): void {
    const followers = [...watched.followers]
    watched.followers.clear()
    this.#remove(watched)
    for (const follower of followers) follower.ended(reason)
  }

  #isLive({ record }: StoredSession): boolean {
    return isLive(record, this.#service.now, this.#service.options.timeouts)
  }

  #deadline({ accessedAt, idleUntil = Infinity, expiresAt }: SessionRecord): number {
    const { idle = Infinity } = this.#service.options.timeouts
    return Math.min(expiresAt, idleUntil, accessedAt + idle)
  }

  #add(handle: string): Watched {
    const watched: Watched = {
      handle,
      followers: new Set(),
      epoch: undefined,
      stored: undefined,
      values: noTexts,
      interval: Infinity,
      opening: 0,
    }
    this.#watched.set(handle, watched)
    return watched
  }

  #dropUnused(watched: Watched): void {
    if (watched.followers.size === 0 && watched.opening === 0) this.#remove(watched)
  }

  #remove(watched: Watched): void {
    const { handle } = watched
    if (this.#watched.get(handle) !== watched) return
    this.#watched.delete(handle)
    this.#looks.delete(handle)
    this.#due.delete(handle)
    if (this.#watched.size === 0) this.#feed.release()
  }
}

function textsIn({ fields }: StoredSession): Texts {
  const values = new Map<string, string>()
  for (const [name, text] of fields) {
    const key = keyOfField(name)
    if (key !== undefined) values.set(key, text)
  }
  return values
}

function fieldsOf({ set, remove }: FieldChanges): FieldChanges {
  return { set: new Map([...set].map(([key, text]) => [valueField(key), text])), remove: remove.map(valueField) }
}
