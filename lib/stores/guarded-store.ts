import { type Awaitable, isPromise } from '../base/awaitable'
import type { CallDeadline } from '../base/call-deadline'
import { SessionError } from '../base/errors'
import type { ChangeResult, FieldChanges, RecordChange, SessionRecord, StoredSession } from '../session/record'
import type { DeleteConditions, DeleteResult, SessionStore, StoreListener } from '../session/store'
import { CallGuard, storeFailure } from './call-guard'
import { Withdrawals } from './withdrawals'

/** A store behind a {@link CallGuard}: its failures come out as `SessionError`, and what it cannot do at all as
 * `STORE_UNSUPPORTED`. */
export class GuardedStore {
  readonly #store: SessionStore
  readonly #guard: CallGuard
  readonly #withdrawals: Withdrawals

  /** @param timeout Seconds that a call may take. */
  constructor(store: SessionStore, timeout: number) {
    this.#store = store
    this.#guard = new CallGuard(timeout)
    this.#withdrawals = new Withdrawals((handle, hash) => this.delete(handle, Date.now() / 1000, { hash }))
  }

  load(handle: string, now: number): Awaitable<StoredSession | undefined> {
    let stored: Awaitable<StoredSession | undefined>
    try {
      stored = this.#store.load(handle, now)
    } catch (cause) {
      throw storeFailure('load', cause)
    }
    // What is there at once needs no limit, and not the time of day either.
    return isPromise(stored) ? this.#guard.limit('load', stored) : stored
  }

  /** A session that was stored although this failed is deleted: see {@link Withdrawals}. */
  insert(handle: string, session: StoredSession, now: number): Awaitable<void> {
    const { hash } = session.record
    this.#withdrawals.cancel(hash)
    return this.#guard.run(
      'insert',
      (deadline) => this.#store.insert(handle, session, now, deadline),
      () => {
        this.#withdrawals.hasHappened(hash)
      },
      ({ remaining }) => {
        this.withdraw(handle, hash, remaining)
      },
    )
  }

  /** As `insert`, where there is no record of that name. One that arrived too late stays: it is the session's, and the
   * next request finds it. */
  claim(handle: string, session: StoredSession, now: number): Awaitable<boolean> {
    const store = this.#store
    if (store.claim === undefined) throw unsupported('take sessions over from another store')
    return this.#guard.run('claim', (deadline) => store.claim?.(handle, session, now, deadline) ?? false)
  }

  /** As `change`, for a change whose new hash is no id's: one that was carried out although this failed, stays. */
  changeForGood(handle: string, change: RecordChange, now: number): Awaitable<ChangeResult> {
    return this.#guard.run('change', (deadline) => this.#store.change(handle, change, now, deadline))
  }

  /** As `insert`, over a record that is to be no session any more. One that arrived too late stays. */
  replace(handle: string, session: StoredSession, now: number): Awaitable<void> {
    return this.#guard.run('replace', (deadline) => this.#store.insert(handle, session, now, deadline))
  }

  /** A session whose new id was stored although this failed is deleted: see {@link Withdrawals}. */
  change(handle: string, change: RecordChange, now: number): Awaitable<ChangeResult> {
    // Without an epoch the id may be the one that the client has.
    const hash = change.epoch === undefined ? undefined : change.replace?.hash
    if (hash !== undefined) this.#withdrawals.cancel(hash)
    const deadline = this.#guard.begin()
    let result: Awaitable<ChangeResult>
    try {
      result = this.#store.change(handle, change, now, deadline)
    } catch (cause) {
      throw storeFailure('change', cause)
    }
    if (!isPromise(result)) return result
    return hash === undefined
      ? this.#guard.limit('change', result, deadline)
      : this.#limitChangeOfId(handle, hash, result, deadline)
  }

  #limitChangeOfId(
    handle: string,
    hash: string,
    result: PromiseLike<ChangeResult>,
    deadline: CallDeadline,
  ): Promise<ChangeResult> {
    return this.#guard.limit(
      'change',
      result,
      deadline,
      (late) => {
        if (late === 'stored') this.#withdrawals.hasHappened(hash)
        else this.#withdrawals.cancel(hash)
      },
      ({ remaining }) => {
        this.withdraw(handle, hash, remaining)
      },
    )
  }

  /**
   * Deletes a session whose id no client will get, without waiting, and again until the store has done it.
   *
   * @param wait Seconds until the call that may have stored it cannot be carried out any more.
   */
  withdraw(handle: string, hash: string, wait = 0): void {
    this.#withdrawals.add(handle, hash, wait)
  }

  delete(handle: string, now: number, only?: DeleteConditions): Awaitable<DeleteResult> {
    return this.#guard.run('delete', (deadline) => this.#store.delete(handle, now, only, deadline))
  }

  list(subject: string, now: number): Awaitable<ReadonlyMap<string, SessionRecord>> {
    const store = this.#store
    if (store.list === undefined) throw unsupported('list the sessions of a user')
    return this.#guard.run(
      'list',
      (deadline) => store.list?.(subject, now, deadline) ?? new Map<string, SessionRecord>(),
    )
  }

  deleteAll(subject: string, now: number, except?: string): Awaitable<number> {
    const store = this.#store
    if (store.deleteAll === undefined) throw unsupported('end all sessions of a user')
    return this.#guard.run('deleteAll', (deadline) => store.deleteAll?.(subject, now, except, deadline) ?? 0)
  }

  changeAll(subject: string, fields: FieldChanges, now: number): Awaitable<number> {
    const store = this.#store
    if (store.changeAll === undefined) throw unsupported('change all sessions of a user')
    return this.#guard.run('changeAll', (deadline) => store.changeAll?.(subject, fields, now, deadline) ?? 0)
  }

  /** As `load`, where the store publishes changes of every session. */
  watch(handle: string, now: number, until: number): Awaitable<StoredSession | undefined> {
    const store = this.#store
    return this.#guard.run('watch', () =>
      store.watch === undefined ? store.load(handle, now) : store.watch(handle, now, until),
    )
  }

  /** Undefined for a store that publishes nothing. */
  subscribe(listener: StoreListener): Awaitable<() => void> | undefined {
    return this.#store.subscribe?.(listener)
  }

  /** Whether `changeAll` can be called. */
  get canChangeAll(): boolean {
    return this.#store.changeAll !== undefined
  }

  async close(): Promise<void> {
    this.#withdrawals.close()
    await this.#store.close?.()
  }
}

function unsupported(what: string): SessionError {
  return new SessionError(
    'STORE_UNSUPPORTED',
    `this session store cannot ${what}; MemoryStore and RedisStore (from "holdfast/redis") can`,
  )
}
