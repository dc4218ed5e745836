import type { Awaitable } from '../base/awaitable'
import type { FieldChanges } from '../session/record'

/**
 * Why a channel ended. `ended`: its session was ended (by logout, `delete`, `deleteAll`, `clear`), or dropped by
 * a store that needed the room. `expired`: its idle or absolute deadline has passed. `replaced`: the id that opened the
 * channel is not valid any more, because of a login, a `regenerateId`, or a renewal whose overlap is over; the client can
 * connect again with its new id.
 * `closed`: the manager was closed, the session may live on.
 */
export type ChannelEnd = 'ended' | 'expired' | 'replaced' | 'closed'

/** One channel, as its store sees it. Neither method throws. */
export interface ChannelFollower {
  /** What the session holds now, all of it: JSON text by key. Once at least, as soon as it is known; then after each
   * change, also one of its own; a call too many does no harm. The map is not changed afterwards. */
  changed(values: ReadonlyMap<string, string>): void
  /** The session is over for this channel. The last call. */
  ended(reason: ChannelEnd): void
}

/**
 * Where channels keep their session, and what notifies them of changes. `sessions.openChannel` has one that leads to the
 * app's own sessions; an app that keeps something else for each user can write one, in memory in some thirty lines. Values
 * are JSON text by key, so that nothing is shared by accident and differences are found by comparing text.
 *
 * @example
 * class Notes implements ChannelStore {
 *   #notes = new Map<string, Map<string, string>>()
 *   #followers = new Map<string, Set<ChannelFollower>>()
 *   follow(id, follower) {
 *     const all = this.#followers.get(id) ?? new Set()
 *     this.#followers.set(id, all.add(follower))
 *     follower.changed(this.#notes.get(id) ?? new Map())
 *     return () => { if (all.delete(follower) && all.size === 0) this.#followers.delete(id) }
 *   }
 *   change(id, { set, remove }) {
 *     const values = new Map([...this.#notes.get(id) ?? [], ...set])
 *     for (const key of remove) values.delete(key)
 *     this.#notes.set(id, values)
 *     for (const follower of this.#followers.get(id) ?? []) follower.changed(values)
 *     return true
 *   }
 *   end(id) {
 *     this.#notes.delete(id)
 *     for (const follower of this.#followers.get(id) ?? []) follower.ended('ended')
 *   }
 * }
 */
export interface ChannelStore {
  /** Calls the follower with what the session that the channel id names holds, and with each change, until the function that
   * it returns is called. For a session that does not exist (any more) it calls `ended`. */
  follow(channelId: string, follower: ChannelFollower): () => void

  /** Keeps what a channel has set, as one step: these keys and no others, so that writers of different keys do not lose
   * each other's. Calls every follower that it concerns, in every process; that of the channel itself may be among them. False,
   * and nothing kept, when the session is over. Throws or rejects when it could not be kept. */
  change(channelId: string, changes: FieldChanges): Awaitable<boolean>

  /** The most bytes that the values of a session may take, keys included, as JSON. Channels refuse more, before `change` is
   * called, with `SESSION_TOO_LARGE`. Default: no limit. */
  readonly maxBytes?: number | undefined

  /** Ends the session for all channels, and calls `ended` of its followers. One that is over already stays so. */
  end(channelId: string): Awaitable<void>

  /** Records that the client has just used the channel. Absent where use does not matter. */
  recordActivity?(channelId: string): void
}

/** A holder of one client's session: what code that handles messages needs of it, wherever the messages come from. */
export interface UserSessionService<T extends object> {
  /** Whether what is held differs from what was last taken over. */
  readonly sessionChanged: boolean
  /** Takes over what the session is, as unchanged. */
  setInitial(session: T): void
  /** Replaces what is held. */
  set(session: T): Awaitable<void>
  /** Ends the session: nothing is held any more. */
  clear(): Awaitable<void>
  /** What is held, or undefined. */
  get(): T | undefined
}
