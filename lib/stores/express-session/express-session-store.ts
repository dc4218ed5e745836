import { applyChanges } from '../../session/fields'
import { isLive, retainUntil } from '../../session/lifetime'
import {
  changeRecord,
  type ChangeResult,
  isNotifiable,
  isRenewed,
  type RecordChange,
  type StoredSession,
} from '../../session/record'
import {
  type DeleteConditions,
  type DeleteResult,
  meetsConditions,
  type SessionStore,
  type StoreListener,
} from '../../session/store'
import { StoreListeners } from '../store-listeners'
import { HandleQueue, type Turn } from './handle-queue'
import { decodeSession, encodeSession, type ExpressSessionData, isHoldfastData } from './session-format'
import { askStore, meansAbsent, meansGarbage } from './store-callback'
import { PendingWrites } from './pending-writes'

/**
 * A store written for express-session, recognised by its shape: nothing of express-session need be installed. `sid` is the
 * session's handle, never an id. `touch` and the listing methods that many such stores have are not used.
 */
export interface ExpressSessionStore {
  /** Calls back with the session, or with null or undefined when there is none; an error with the code `ENOENT` says the
   * same. */
  get(sid: string, callback: (error?: unknown, session?: unknown) => void): unknown
  /** Keeps the session in place of any that was there, and drops it at `cookie.expires`. */
  set(sid: string, session: { cookie: object }, callback?: (error?: unknown) => void): unknown
  /** Drops the session, if there is one. */
  destroy(sid: string, callback?: (error?: unknown) => void): unknown
}

export interface ExpressSessionStoreOptions {
  /** Seconds that a write may take, waiting for others of the same session included; a write without a reply by then
   * rejects with `STORE_TIMEOUT`. Default 5, as for `SessionOptions.storeTimeout`. */
  storeTimeout?: number
}

/** Whether the value has the methods of a store written for express-session (and is not one of the package's own). */
export function isExpressSessionStore(value: unknown): value is ExpressSessionStore {
  if (typeof value !== 'object' || value === null) return false
  const has = (method: string) => typeof (value as Record<string, unknown>)[method] === 'function'
  return has('get') && has('set') && has('destroy') && !(has('insert') && has('change'))
}

/** The store as one of the package's; see {@link ExpressSessionStoreAdapter}. */
export function adaptExpressSessionStore(
  store: ExpressSessionStore,
  options?: ExpressSessionStoreOptions,
): ExpressSessionStoreAdapter {
  return new ExpressSessionStoreAdapter(store, options)
}

/** What adapters over the same store object share, so that they are one as to order. */
interface Shared {
  readonly queue: HandleQueue
  readonly pending: PendingWrites
  readonly listeners: StoreListeners
}

const sharedOf = new WeakMap<ExpressSessionStore, Shared>()

/**
 * Serves the store contract over any store written for express-session, as it is.
 *
 * Such a store can only read and write a session whole. So a change is a `get` and a `set`, and a delete a `get` and a
 * `destroy`, made one step by a queue for each session: within one process every promise of the package holds, also for
 * several adapters over the same store object. A clean read is one `get` and waits for no other call.
 *
 * Between processes (or two store objects over one database) nothing makes `get` and `set` one step. Requests may overlap
 * as they like, because a save reads again before it writes; but when another process writes the same session between
 * the `get` and the `set` of one save, which is the time of one round trip:
 * - what the other wrote is lost, whatever its keys (P3);
 * - a session that the other ended is back, with what it held (P4);
 * - a login in the other process is undone: its new id is invalid, the id from before opens the session as it was
 *   before the login, never the logged-in one (P5);
 * - two processes may each issue a new id at a renewal, and the one that was stored first is invalid (P6).
 *
 * A write to which the store has not replied within the time limit may still land. It does not revive a session that this
 * process ended in the meantime, but it may replace what was written in the meantime.
 *
 * The users' index cannot be kept in such a store, so `list`, `deleteAll` and `changeAll` are absent. The app made the
 * store and closes it: `close` is absent too. The format is that of `ExpressSessionData`; anything else in the store is no
 * session. How exactly a store drops sessions in time is its own affair; the record's deadlines rule what is live.
 */
export class ExpressSessionStoreAdapter implements SessionStore {
  readonly #store: ExpressSessionStore
  readonly #limit: number
  readonly #queue: HandleQueue
  readonly #pending: PendingWrites
  readonly #listeners: StoreListeners

  constructor(store: ExpressSessionStore, { storeTimeout = 5 }: ExpressSessionStoreOptions = {}) {
    const shared = sharedOf.get(store) ?? {
      queue: new HandleQueue(),
      pending: new PendingWrites((handle) => destroy(store, handle)),
      listeners: new StoreListeners(),
    }
    sharedOf.set(store, shared)
    this.#store = store
    this.#limit = storeTimeout
    this.#queue = shared.queue
    this.#pending = shared.pending
    this.#listeners = shared.listeners
  }

  async load(handle: string, now: number): Promise<StoredSession | undefined> {
    const session = decodeSession(await this.#get(handle))
    if (session === undefined || now >= retainUntil(session.record)) return undefined
    return this.#pending.isEnded(handle) ? undefined : session
  }

  insert(handle: string, session: StoredSession, now: number): Promise<void> {
    // Copied before the first wait: until its turn comes, the caller may change what it gave.
    const data = encodeSession(session, skewOf(now))
    return this.#queue.run(handle, this.#limit, async (turn) => {
      this.#pending.setEnded(handle, false)
      await this.#set(turn, handle, data, now)
    })
  }

  claim(handle: string, session: StoredSession, now: number): Promise<boolean> {
    const data = encodeSession(session, skewOf(now))
    return this.#queue.run(handle, this.#limit, async (turn) => {
      const before = decodeSession(await this.#get(handle))
      const isKept = before !== undefined && now < retainUntil(before.record)
      if (isKept && !this.#pending.isEnded(handle)) return false
      this.#pending.setEnded(handle, false)
      await this.#set(turn, handle, data, now)
      return true
    })
  }

  change(handle: string, change: RecordChange, now: number): Promise<ChangeResult> {
    const own = copyChange(change)
    const skew = skewOf(now)
    return this.#queue.run(handle, this.#limit, async (turn) => {
      const before = decodeSession(await this.#get(handle))
      if (before === undefined || !isLive(before.record, now) || this.#pending.isEnded(handle)) return 'gone'
      const record = changeRecord(before.record, own)
      if (record === undefined) return 'gone'
      const fields = applyChanges(before.fields, own.fields)
      await this.#set(turn, handle, encodeSession({ record, fields }, skew), now)
      if (isNotifiable(own)) this.#listeners.notify(handle)
      return isRenewed(before.record, own) ? 'renewed' : 'stored'
    })
  }

  delete(handle: string, now: number, only?: DeleteConditions): Promise<DeleteResult> {
    return this.#queue.run(handle, this.#limit, async (turn) => {
      const data = await this.#get(handle)
      const record = decodeSession(data)?.record
      // A write that the store has not replied to may make a record yet; it counts as well.
      const coming = this.#pending.recordOf(handle)
      const found = [record, coming].filter((one) => one !== undefined)
      if (found.length > 0 && !found.some((one) => meetsConditions(one, only))) {
        return found.some((one) => isLive(one, now)) ? 'refused' : 'absent'
      }
      // Damaged data of ours meets no condition; without one it is removed. What is not ours stays.
      if (found.length === 0 && (only !== undefined || !isHoldfastData(data))) return 'absent'
      const wasLive = record !== undefined && isLive(record, now) && !this.#pending.isEnded(handle)
      await this.#end(turn, handle)
      this.#listeners.notify(handle)
      return wasLive ? 'ended' : 'absent'
    })
  }

  /** Notifies of what adapters over the same store object change, and of nothing that another process does. */
  subscribe(listener: StoreListener): () => void {
    return this.#listeners.add(listener)
  }

  async #get(handle: string): Promise<unknown> {
    try {
      return await askStore(this.#store, 'get', handle)
    } catch (error) {
      if (meansAbsent(error) || meansGarbage(error)) return undefined
      throw error
    }
  }

  async #set(turn: Turn, handle: string, data: ExpressSessionData, now: number): Promise<void> {
    // The turn may have been cut while the store was asked: then what was read is no longer what is there.
    if (!turn.held) return
    const { record } = data.holdfast
    const reply = askStore(this.#store, 'set', handle, data)
    turn.onCut = () => {
      this.#pending.add(handle, record, reply, now)
    }
    await reply
  }

  async #end(turn: Turn, handle: string): Promise<void> {
    if (!turn.held) return
    // Before the store is asked: a pending write may land at any moment from here on.
    const wasEnded = this.#pending.isEnded(handle)
    this.#pending.setEnded(handle, true)
    try {
      await destroy(this.#store, handle)
    } catch (error) {
      this.#pending.setEnded(handle, wasEnded)
      throw error
    }
  }
}

async function destroy(store: ExpressSessionStore, handle: string): Promise<void> {
  try {
    await askStore(store, 'destroy', handle)
  } catch (error) {
    if (!meansAbsent(error)) throw error
  }
}

/** Seconds by which the session's clock is behind the machine's, which the store goes by: 0 but for tests that turn it. */
function skewOf(now: number): number {
  return Math.max(0, Date.now() / 1000 - now)
}

function copyChange(change: RecordChange): RecordChange {
  const { fields, bind } = change
  return {
    ...change,
    ...(fields !== undefined && { fields: { set: new Map(fields.set), remove: [...fields.remove] } }),
    ...(bind !== undefined && { bind: structuredClone(bind) }),
  }
}
