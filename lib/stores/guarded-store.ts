import type { Awaitable } from '../base/awaitable'
import { SessionError } from '../base/errors'
import type { ChangeResult, FieldChanges, RecordChange, SessionRecord, StoredSession } from '../session/record'
import type { DeleteConditions, DeleteResult, SessionStore, StoreListener } from '../session/store'
import { CallGuard } from './call-guard'

/** A store behind a {@link CallGuard}: its failures come out as `SessionError`, and what it cannot do at all as
 * `STORE_UNSUPPORTED`. */
export class GuardedStore {
  readonly #store: SessionStore
  readonly #guard: CallGuard

  /** @param timeout Seconds that a call may take. */
  constructor(store: SessionStore, timeout: number) {
    this.#store = store
    this.#guard = new CallGuard(timeout)
  }

  load(handle: string, now: number): Awaitable<StoredSession | undefined> {
    return this.#guard.run('load', () => this.#store.load(handle, now))
  }

  insert(handle: string, session: StoredSession, now: number): Awaitable<void> {
    return this.#guard.run(
      'insert',
      (deadline) => this.#store.insert(handle, session, now, deadline),
      () => this.#withdraw(handle, session.record.hash, now),
    )
  }

  /** As `insert`, where there is no record of that name. One that arrived too late stays: it is the session's, and the
   * next request finds it. */
  claim(handle: string, session: StoredSession, now: number): Awaitable<boolean> {
    const store = this.#store
    if (store.claim === undefined) throw unsupported('take sessions over from another store')
    return this.#guard.run('claim', (deadline) => store.claim?.(handle, session, now, deadline) ?? false)
  }

  /** As `insert`, over a record that is to be no session any more. One that arrived too late stays. */
  replace(handle: string, session: StoredSession, now: number): Awaitable<void> {
    return this.#guard.run('replace', (deadline) => this.#store.insert(handle, session, now, deadline))
  }

  change(handle: string, change: RecordChange, now: number): Awaitable<ChangeResult> {
    // Without an epoch the id may be the one that the client has.
    const replace = change.epoch === undefined ? undefined : change.replace
    return this.#guard.run(
      'change',
      (deadline) => this.#store.change(handle, change, now, deadline),
      replace === undefined
        ? undefined
        : (result) => {
            if (result === 'stored') this.#withdraw(handle, replace.hash, now)
          },
    )
  }

  /** Deletes a session whose new id was stored too late for its response: the client was told that it failed and does not
   * have the id, so nothing can open the session, and it would stand among its user's devices. */
  #withdraw(handle: string, hash: string, now: number): void {
    void (async () => this.#store.delete(handle, now, { hash }))().catch(() => undefined)
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

  /** As `load`, where the store tells of every session unasked. */
  watch(handle: string, now: number, until: number): Awaitable<StoredSession | undefined> {
    const store = this.#store
    return this.#guard.run('watch', () =>
      store.watch === undefined ? store.load(handle, now) : store.watch(handle, now, until),
    )
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
}

function unsupported(what: string): SessionError {
  return new SessionError(
    'STORE_UNSUPPORTED',
    `this session store cannot ${what}; MemoryStore and RedisStore (from "holdfast/redis") can`,
  )
}
