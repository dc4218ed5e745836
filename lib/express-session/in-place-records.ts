import type { Awaitable } from '../base/awaitable'
import { TimeoutQueue } from '../base/timeout-queue'
import { storeFailure } from '../stores/call-guard'
import type { ExpressSessionStore } from '../stores/express-session/express-session-store'
import { HandleQueue, type Turn } from '../stores/express-session/handle-queue'
import {
  askStore,
  askStoreFor,
  meansAbsent,
  meansGarbage,
  type Question,
} from '../stores/express-session/store-callback'
import { PendingWrites } from '../stores/express-session/pending-writes'
import type { Cookie } from './cookie'
import { type OldPlace, type Removal, type Snapshot, snapshotOf } from './old-place'
import { type Data, isData, put, refreshed, sessionIn, takenId } from './record-data'
import { accessIntervalOf, type NewSession, secondsOfADay, type SessionUpdate, type StoredSession } from './records'

type TouchingStore = ExpressSessionStore & {
  touch?: (id: string, session: object, callback?: (error?: unknown) => void) => unknown
  ttl?: unknown
}

interface Shared {
  readonly queue: HandleQueue
  /** By id: when the store drops what a write makes. */
  readonly pending: PendingWrites<number>
}

/** What middlewares over the same store object share, so that they are one as to order. */
const sharedOf = new WeakMap<object, Shared>()

/**
 * Records of express-session, in place: the key is the id, the record `{ cookie, ...values }`, nothing is added. So
 * express-session and this package can serve from one store side by side.
 *
 * Such a store reads and writes a session whole. So an update is a `get`, the changed keys put into it, and a `set`, made
 * one step within the process by a queue for each id. Between processes nothing makes the two one step: what another
 * process writes, or ends, in the time between is lost, or comes back.
 */
export class InPlaceRecords implements OldPlace {
  readonly #store: TouchingStore
  /** Reads for which no turn is taken have a time limit of their own. */
  readonly #loading: Question<StoredSession | undefined>
  readonly #copying: Question<Data | undefined>
  readonly #limit: number
  readonly #ttl: number | undefined
  readonly #shared: Shared

  /** @param storeTimeout Seconds that a call may take. @param ttl Seconds that a session lasts without `maxAge`. */
  constructor(store: ExpressSessionStore, storeTimeout: number, ttl: number | undefined) {
    this.#store = store
    const timeouts = new TimeoutQueue(storeTimeout)
    const limited = { failureOf: (cause: unknown) => storeFailure('load', cause), timeouts }
    this.#copying = { ...reading, ...limited }
    this.#loading = { ...reading, ...limited, valueOf: sessionOf }
    this.#limit = storeTimeout
    this.#ttl = ttl
    this.#shared = sharedOf.get(store) ?? {
      queue: new HandleQueue(),
      pending: new PendingWrites(
        (id) => this.#destroy(id),
        (deadline) => deadline,
      ),
    }
    sharedOf.set(store, this.#shared)
  }

  load(id: string): Awaitable<StoredSession | undefined> {
    return this.#get(id, this.#loading)
  }

  create(id: string, session: NewSession, isGiven: boolean): Awaitable<void> {
    const data = dataOfNew(session)
    return this.#inTurn('create', id, async (turn) => {
      if (isGiven && (await this.#get(id, reading)) !== undefined) throw takenId()
      this.#shared.pending.setEnded(id, false)
      await this.#set(turn, id, data)
    })
  }

  // The two frequent ones are methods: V8 forgets the compiled code of a closure that is made for each call.

  update(id: string, { set, remove, cookie, cookieChanged }: SessionUpdate): Awaitable<boolean> {
    const newCookie = cookieChanged ? cookie : undefined
    return this.#inTurn('update', id, this.#updateNow.bind(this, id, set, remove, newCookie))
  }

  async #updateNow(
    id: string,
    set: SessionUpdate['set'],
    remove: SessionUpdate['remove'],
    newCookie: Cookie | undefined,
    turn: Turn,
  ): Promise<boolean> {
    const found = await this.#get(id, reading)
    const data = found === undefined ? undefined : refreshed(found, newCookie)
    if (data === undefined) return false
    for (const key of remove) Reflect.deleteProperty(data, key)
    for (const [key, { value }] of set) put(data, key, value)
    await this.#set(turn, id, data)
    return true
  }

  recordAccess(id: string): Awaitable<boolean> {
    return this.#inTurn('touch', id, this.#recordAccessNow.bind(this, id))
  }

  async #recordAccessNow(id: string, turn: Turn): Promise<boolean> {
    // Read first, also for a store that has `touch`: some of those write what they are given, and so would bring back
    // a session that has ended, or values that have changed.
    const found = await this.#get(id, reading)
    const data = found === undefined ? undefined : refreshed(found, undefined)
    if (data === undefined) return false
    if (typeof this.#store.touch !== 'function') await this.#set(turn, id, data)
    else if (turn.held) await askStore(this.#store, 'touch', id, data)
    return true
  }

  end(id: string): Awaitable<void> {
    return this.#inTurn('destroy', id, (turn) => this.#end(turn, id))
  }

  async snapshot(id: string): Promise<Snapshot | undefined> {
    return snapshotOf(await this.#get(id, this.#copying))
  }

  removeUnchanged(id: string, { text }: Snapshot): Promise<Removal> {
    return this.#inTurn('destroy', id, async (turn) => {
      const found = snapshotOf(await this.#get(id, reading))
      if (found === undefined) return 'absent'
      if (found.text !== text) return found
      await this.#end(turn, id)
      return 'removed'
    })
  }

  putUnchanged(id: string, session: NewSession, before: Snapshot | undefined): Promise<boolean> {
    const data = dataOfNew(session)
    return this.#inTurn('put', id, async (turn) => {
      const found = snapshotOf(await this.#get(id, reading))
      if (found?.text !== before?.text) return false
      this.#shared.pending.setEnded(id, false)
      await this.#set(turn, id, data)
      return true
    })
  }

  accessInterval(lifetime: number | undefined): number {
    let interval = accessIntervalOf(undefined)
    for (const span of [lifetime, this.#ttl, this.#store.ttl]) {
      if (typeof span === 'number' && span > 0) interval = accessIntervalOf(span, interval)
    }
    return interval
  }

  #inTurn<T>(operation: Operation, id: string, task: (turn: Turn) => Promise<T>): Promise<T> {
    // The queue has the time limit.
    return this.#shared.queue.run(id, this.#limit, task, failureOf[operation])
  }

  #get<T>(id: string, question: Question<T>): Promise<T> {
    if (this.#shared.pending.isEnded(id)) return Promise.resolve(question.valueOf(undefined))
    return askStoreFor(question, this.#store, 'get', id)
  }

  /** Nothing is to be done after it but to return: the turn keeps what its cut does. */
  #set(turn: Turn, id: string, data: Data): Promise<unknown> {
    // The turn may have been cut while the store was asked: then what was read is no longer what is there.
    if (!turn.held) return Promise.resolve()
    const result = askStore(this.#store, 'set', id, data)
    turn.onCut = this.#keepPending.bind(this, id, (data.cookie as Cookie).maxAge, result, Date.now() / 1000)
    return result
  }

  #keepPending(id: string, maxAge: unknown, write: Promise<unknown>, now: number): void {
    const lifetime = typeof maxAge === 'number' ? maxAge / 1000 : (this.#ttl ?? secondsOfADay)
    this.#shared.pending.add(id, now + lifetime, write, now)
  }

  async #end(turn: Turn, id: string): Promise<void> {
    if (!turn.held) return
    const { pending } = this.#shared
    const wasEnded = pending.isEnded(id)
    pending.setEnded(id, true)
    try {
      await this.#destroy(id)
    } catch (error) {
      pending.setEnded(id, wasEnded)
      throw error
    }
  }

  async #destroy(id: string): Promise<void> {
    try {
      await askStore(this.#store, 'destroy', id)
    } catch (error) {
      if (!meansAbsent(error)) throw error
    }
  }
}

type Operation = 'create' | 'update' | 'touch' | 'destroy' | 'put'

const failureOf: Readonly<Record<Operation, (cause: unknown) => unknown>> = {
  create: (cause) => storeFailure('create', cause),
  update: (cause) => storeFailure('update', cause),
  touch: (cause) => storeFailure('touch', cause),
  destroy: (cause) => storeFailure('destroy', cause),
  put: (cause) => storeFailure('put', cause),
}

/** Within a turn. */
const reading: Question<Data | undefined> = { valueOf: dataOf, meansUndefined: meansNoSession }

function dataOf(reply: unknown): Data | undefined {
  return isData(reply) ? reply : undefined
}

function sessionOf(reply: unknown): StoredSession | undefined {
  return sessionIn(dataOf(reply))
}

function dataOfNew({ cookie, values }: NewSession): Data {
  const data: Data = { cookie }
  for (const [key, { value }] of values) put(data, key, value)
  return data
}

function meansNoSession(error: unknown): boolean {
  return meansAbsent(error) || meansGarbage(error) || meansOtherType(error)
}

/** A Redis key that holds no string: something else's, so no session. */
function meansOtherType(error: unknown): boolean {
  const { message } = (error ?? {}) as { message?: unknown }
  return typeof message === 'string' && message.startsWith('WRONGTYPE')
}
