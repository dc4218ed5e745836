import { hashId } from '../id/session-id'
import type { SessionService, VerifiedSession } from '../service/session-service'
import { deadlineOf, isLive, matchId } from '../session/lifetime'
import { areSame, type FieldChanges, noTexts, type Texts, textsOfFields, toFieldChanges } from '../session/fields'
import type { SessionRecord, StoredSession } from '../session/record'
import type { ChannelEnd, ChannelFollower, ChannelStore } from './channel-store'
import { RefreshSchedule } from './refresh-schedule'
import { StoreSubscription } from './store-subscription'
import { SubjectWrites } from './subject-writes'

/** Seconds until a session is re-read after the store has failed. */
const retryAfter = 1

/** An open channel. */
interface Channel {
  /** Of the id that opened it: the channel ends when that id is not valid any more. */
  readonly idHash: string
  readonly follower: ChannelFollower
}

/** A session with channels in this process; one entry, however many channels it has. */
interface FollowedSession {
  readonly handle: string
  readonly channels: Set<Channel>
  /** Undefined until the first read. */
  stored: StoredSession | undefined
  values: Texts
  /** Seconds from one read to the next. */
  interval: number
  /** How many channels are being opened. */
  opening: number
  /** Reads are numbered, so that a reply that comes late does not replace that of a later read. */
  lastRead: number
  lastApplied: number
}

/**
 * The channels of one manager on its sessions.
 *
 * A change notification from the store changes no channel by itself: it makes the hub re-read the session. A deadline, the
 * periodic check and a regained connection do the same. So a channel learns of everything in one way, and the next check
 * makes good for a lost message.
 *
 * There is one subscription, one timer, and one entry for each session, so a further channel costs only what it holds.
 */
export class ChannelHub {
  readonly #service: SessionService
  readonly #sessions = new Map<string, FollowedSession>()
  readonly #schedule: RefreshSchedule
  readonly #subscription: StoreSubscription
  readonly #subjectWrites: SubjectWrites
  #closed = false

  constructor(service: SessionService) {
    this.#service = service
    this.#schedule = new RefreshSchedule(service.options.clock, (handle) => this.#refresh(handle))
    this.#subscription = new StoreSubscription(service.store, (handle) => this.#onNotification(handle))
    this.#subjectWrites = new SubjectWrites(async (subject, fields) =>
      service.store.changeAll(subject, fields, service.now),
    )
  }

  /** How many sessions are followed. */
  get size(): number {
    return this.#sessions.size
  }

  /**
   * Follows a session for a channel, whose store this resolves to; the channel has to call `follow` in the same turn.
   * Undefined when the session has ended since it was verified, or its id is not valid any more.
   */
  async open({ id, handle }: VerifiedSession, interval: number): Promise<ChannelStore | undefined> {
    if (this.#closed) return undefined
    const idHash = hashId(id)
    this.#subscription.need()
    // Followed before the store is read, so that a notification that arrives before the reply is not lost.
    const session = this.#sessions.get(handle) ?? this.#add(handle)
    session.opening++
    session.interval = Math.min(session.interval, interval)
    try {
      const stored = await this.#read(session)
      if (!this.#isFollowed(session)) return undefined
      if (stored === undefined || !this.#isLive(stored)) {
        this.#schedule.soon(handle)
        return undefined
      }
      this.#apply(session, stored)
      return this.#validRecord(session, idHash) && this.#storeOf(session, idHash)
    } finally {
      // Counted until the channel has had its turn to follow: another one that closes before must not remove the session.
      setImmediate(() => {
        session.opening--
        this.#removeUnused(session)
      })
    }
  }

  /** Ends all channels. Their sessions live on. */
  close(): void {
    this.#closed = true
    for (const session of [...this.#sessions.values()]) this.#end(session, 'closed')
    this.#schedule.clear()
    this.#subscription.close()
  }

  #storeOf(session: FollowedSession, idHash: string): ChannelStore {
    return {
      maxBytes: this.#service.options.maxBytes,
      follow: (_id, follower) => this.#follow(session, { idHash, follower }),
      change: (_id, changes) => this.#change(session, idHash, changes),
      end: () => this.#clear(session, idHash),
      recordActivity: () => {
        const { handle, stored } = session
        if (stored !== undefined && this.#validRecord(session, idHash)) this.#service.recordAccess({ handle, stored })
      },
    }
  }

  #follow(session: FollowedSession, channel: Channel): () => void {
    if (!this.#isFollowed(session)) {
      channel.follower.ended('ended')
      return () => undefined
    }
    session.channels.add(channel)
    channel.follower.changed(session.values)
    return () => {
      session.channels.delete(channel)
      this.#removeUnused(session)
    }
  }

  async #change(session: FollowedSession, idHash: string, changes: FieldChanges): Promise<boolean> {
    const { handle } = session
    const record = this.#validRecord(session, idHash)
    const { store, now } = this.#service
    const fields = toFieldChanges(changes)
    // The channel's own session first: when it has ended, the channel may not write to the others.
    if (record === undefined || (await store.change(handle, { epoch: record.epoch, fields }, now)) === 'gone') {
      this.#schedule.soon(handle)
      return false
    }
    if (record.subject !== undefined && store.canChangeAll) await this.#subjectWrites.add(record.subject, fields)
    this.#schedule.soon(handle)
    return true
  }

  async #clear(session: FollowedSession, idHash: string): Promise<void> {
    const { handle } = session
    const record = this.#validRecord(session, idHash)
    if (record === undefined) {
      this.#schedule.soon(handle)
      return
    }
    const { store, now } = this.#service
    // A login that came since the last read is not the channel's to end.
    const { createdAt } = record
    if ((await store.delete(handle, now, { createdAt })) === 'refused') this.#schedule.soon(handle)
    else if (this.#isFollowed(session)) this.#end(session, 'ended')
  }

  /** The session's record as last read, or undefined when the id does not open it (any more). */
  #validRecord(session: FollowedSession, idHash: string): SessionRecord | undefined {
    const record = this.#isFollowed(session) ? session.stored?.record : undefined
    return record === undefined || matchId(record, idHash, this.#service.now) === undefined ? undefined : record
  }

  /** @param handle Absent when notifications may have been missed. */
  #onNotification(handle: string | undefined): void {
    if (handle === undefined) for (const each of this.#sessions.keys()) this.#schedule.soon(each)
    else if (this.#sessions.has(handle)) this.#schedule.soon(handle)
  }

  async #refresh(handle: string): Promise<void> {
    const session = this.#sessions.get(handle)
    if (session === undefined) return
    try {
      const stored = await this.#read(session)
      if (!this.#isFollowed(session)) return
      if (stored === undefined) this.#end(session, this.#isOver(session) ? 'expired' : 'ended')
      else if (this.#isLive(stored)) this.#apply(session, stored)
      else this.#end(session, 'expired')
    } catch {
      // A store that fails ends no channel before the absolute deadline of its session.
      if (!this.#isFollowed(session)) return
      const { now } = this.#service
      if (now >= (session.stored?.record.expiresAt ?? Infinity)) this.#end(session, 'expired')
      else this.#schedule.at(handle, now + retryAfter * (1 + Math.random()))
    }
  }

  async #read(session: FollowedSession): Promise<StoredSession | undefined> {
    const { now, store } = this.#service
    const read = ++session.lastRead
    // Watched until after the next read but one, so that a late read leaves no gap.
    const stored = await store.watch(session.handle, now, now + 2 * session.interval + 30)
    if (read < session.lastApplied) return session.stored
    session.lastApplied = read
    return stored
  }

  #apply(session: FollowedSession, stored: StoredSession): void {
    const { now } = this.#service
    const { record } = stored
    session.stored = stored
    // The interval is jittered, so that the reads of channels that were opened together drift apart.
    const check = now + session.interval * (0.75 + Math.random() / 4)
    const { previousUntil = 0 } = record
    const overlapEnd = previousUntil > now ? previousUntil : Infinity
    this.#schedule.at(session.handle, Math.min(this.#deadline(record), overlapEnd, check))
    for (const channel of [...session.channels]) {
      if (matchId(record, channel.idHash, now) !== undefined) continue
      session.channels.delete(channel)
      channel.follower.ended('replaced')
    }
    const values = textsOfFields(stored.fields)
    if (!areSame(values, session.values)) {
      session.values = values
      for (const { follower } of [...session.channels]) follower.changed(values)
    }
    this.#removeUnused(session)
  }

  #end(session: FollowedSession, reason: ChannelEnd): void {
    const channels = [...session.channels]
    session.channels.clear()
    this.#remove(session)
    for (const { follower } of channels) follower.ended(reason)
  }

  #isFollowed(session: FollowedSession): boolean {
    return this.#sessions.get(session.handle) === session
  }

  #isLive({ record }: StoredSession): boolean {
    return isLive(record, this.#service.now, this.#service.options.timeouts)
  }

  #isOver({ stored }: FollowedSession): boolean {
    return stored !== undefined && this.#service.now >= this.#deadline(stored.record)
  }

  #deadline(record: SessionRecord): number {
    return deadlineOf(record, this.#service.options.timeouts)
  }

  #add(handle: string): FollowedSession {
    const session: FollowedSession = {
      handle,
      channels: new Set(),
      stored: undefined,
      values: noTexts,
      interval: Infinity,
      opening: 0,
      lastRead: 0,
      lastApplied: 0,
    }
    this.#sessions.set(handle, session)
    return session
  }

  #removeUnused(session: FollowedSession): void {
    if (session.channels.size === 0 && session.opening === 0) this.#remove(session)
  }

  #remove(session: FollowedSession): void {
    if (!this.#isFollowed(session)) return
    this.#sessions.delete(session.handle)
    this.#schedule.delete(session.handle)
    if (this.#sessions.size === 0) this.#subscription.release()
  }
}
