import { SessionError } from '../base/errors'
import type { ChangeResult, FieldChanges, RecordChange, SessionRecord, StoredSession } from '../session/record'
import type { Awaitable, SessionStore, StoreListener } from '../session/store'
import { isPromise } from '../session/store'

/** The longest wait that `setTimeout` takes. */
const longestTimer = 2 ** 31 - 1

/**
 * A store behind a guard: whatever goes wrong in it, in whatever way, comes out as one `SessionError` that Express
 * answers with 503 (`STORE_UNAVAILABLE`, or `STORE_TIMEOUT` for a call that did not answer in time), with the store's own
 * error as `cause`; and what the store cannot do at all as `STORE_UNSUPPORTED`. A store that answers at once costs no
 * timer.
 */
export class GuardedStore {
  readonly #store: SessionStore
  readonly #timeout: number

  /** @param timeout Seconds that a call may take. */
  constructor(store: SessionStore, timeout: number) {
    this.#store = store
    this.#timeout = timeout
  }

  load(handle: string, now: number): Awaitable<StoredSession | undefined> {
    return this.#guard('load', () => this.#store.load(handle, now))
  }

  insert(handle: string, session: StoredSession, now: number): Awaitable<void> {
    return this.#guard('insert', () => this.#store.insert(handle, session, now))
  }

  change(handle: string, change: RecordChange, now: number): Awaitable<ChangeResult> {
    return this.#guard('change', () => this.#store.change(handle, change, now))
  }

  delete(handle: string, now: number, ofSubject?: string): Awaitable<boolean> {
    return this.#guard('delete', () => this.#store.delete(handle, now, ofSubject))
  }

  list(subject: string, now: number): Awaitable<ReadonlyMap<string, SessionRecord>> {
    const store = this.#store
    if (store.list === undefined) throw unsupported('list the sessions of a user')
    return this.#guard('list', () => store.list?.(subject, now) ?? new Map<string, SessionRecord>())
  }

  deleteAll(subject: string, now: number, except?: string): Awaitable<number> {
    const store = this.#store
    if (store.deleteAll === undefined) throw unsupported('end all sessions of a user')
    return this.#guard('deleteAll', () => store.deleteAll?.(subject, now, except) ?? 0)
  }

  changeAll(subject: string, fields: FieldChanges, now: number): Awaitable<number> {
    const store = this.#store
    if (store.changeAll === undefined) throw unsupported('change all sessions of a user')
    return this.#guard('changeAll', () => store.changeAll?.(subject, fields, now) ?? 0)
  }

  /** As `load`, where the store tells of every session unasked. */
  watch(handle: string, now: number, until: number): Awaitable<StoredSession | undefined> {
    const store = this.#store
    return this.#guard('watch', () => (store.watch === undefined ? store.load(handle, now) : store.watch(handle, now, until)))
  }

  /** Undefined for a store that tells nothing. */
  subscribe(listener: StoreListener): Awaitable<() => void> | undefined {
    return this.#store.subscribe?.(listener)
  }

  /** Whether `changeAll` can be called. */
  get canChangeAll(): boolean {
    return this.#store.changeAll !== undefined
  }

  async close(): Promise<void> {
    await this.#store.close?.()
  }

  #guard<T>(operation: string, call: () => Awaitable<T>): Awaitable<T> {
    let answer: Awaitable<T>
    try {
      answer = call()
    } catch (cause) {
      throw failure(operation, cause)
    }
    return isPromise(answer) ? this.#cut(operation, answer) : answer
  }

  #cut<T>(operation: string, answer: PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(
        () => {
          reject(new SessionError('STORE_TIMEOUT', `the session store did not answer "${operation}" in time`))
        },
        Math.min(longestTimer, this.#timeout * 1000),
      )
      answer.then(
        (value) => {
          clearTimeout(timer)
          resolve(value)
        },
        (cause: unknown) => {
          clearTimeout(timer)
          reject(failure(operation, cause))
        },
      )
    })
  }
}

function failure(operation: string, cause: unknown): SessionError {
  if (cause instanceof SessionError) return cause
  return new SessionError('STORE_UNAVAILABLE', `the session store failed at "${operation}"; see cause`, { cause })
}

function unsupported(what: string): SessionError {
  return new SessionError(
    'STORE_UNSUPPORTED',
    `this session store cannot ${what}; MemoryStore and RedisStore (from "holdfast/redis") can`,
  )
}
