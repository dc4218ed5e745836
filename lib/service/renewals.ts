import { type Awaitable, isPromise } from '../base/awaitable'
import { RecentKeys } from '../base/recent-keys'
import { warn } from '../base/warnings'
import type { ChangeResult, RecordChange, SessionRecord } from '../session/record'
import type { RenewSessionHooks } from '../session/user-session-types'

type Renewal = NonNullable<RecordChange['renew']>

/**
 * The renewals that are under way here, or were made here: so that of many requests on one id only one asks the store, and
 * so that the hooks learn who was first. Who really is first the store decides, for all processes.
 */
export class Renewals {
  readonly #hooks: RenewSessionHooks
  /** By what is renewed ({@link keyOf}) while that is under way or was just done, and by the hash of each new id. */
  readonly #here = new RecentKeys()
  readonly #elsewhere = new RecentKeys()

  constructor(hooks: RenewSessionHooks) {
    this.#hooks = hooks
  }

  /** Takes the renewal of the record's id. False, after a hook was called, when another request has it already. */
  begin(record: SessionRecord, handle: string, now: number): boolean {
    const key = keyOf(record.hash, record.pending?.at(-1))
    if (this.#here.has(key, now) || this.#elsewhere.has(key, now)) {
      this.#callHook(key, handle, now)
      return false
    }
    this.#here.keep(key, Infinity, now)
    return true
  }

  /** Makes the renewal that was begun, and remembers what became of it. */
  make(
    handle: string,
    { from, after, to, previousUntil }: Renewal,
    now: number,
    ask: () => Awaitable<ChangeResult>,
  ): Awaitable<ChangeResult> {
    const key = keyOf(from, after)
    const settle = (result: ChangeResult): ChangeResult => {
      this.#here.forget(key)
      if (result === 'renewed') {
        this.#here.keep(key, previousUntil, now)
        this.#here.keep(to, previousUntil, now)
      }
      if (result === 'stored') {
        this.#elsewhere.keep(key, previousUntil, now)
        this.#callHook(key, handle, now)
      }
      return result
    }
    const fail = (error: unknown): never => {
      this.#here.forget(key)
      throw error
    }
    try {
      const result = ask()
      return isPromise(result) ? result.then(settle, fail) : settle(result)
    } catch (error) {
      return fail(error)
    }
  }

  /** A client has sent an id for which a renewal has issued another one. */
  reportRenewed({ hash, pending }: SessionRecord, handle: string, now: number): void {
    this.#callHook(pending?.at(-1) ?? hash, handle, now)
  }

  /** @param key Of a renewal, or the hash of the id that it has issued. */
  #callHook(key: string, handle: string, now: number): void {
    const { onRenewMadeAlreadyFromCurrentProcess, onRenewMadeAlreadyFromAnotherProcess } = this.#hooks
    const hook = this.#here.has(key, now) ? onRenewMadeAlreadyFromCurrentProcess : onRenewMadeAlreadyFromAnotherProcess
    callHook(() => hook?.(handle))
  }
}

/** One renewal: of this id, once so many were issued. A hash has no space in it. */
function keyOf(hash: string, lastPending: string | undefined): string {
  return `${hash} ${lastPending ?? ''}`
}

/** Hooks are for logs: one that throws must not cost a user the request. */
export function callHook(hook: () => void): void {
  try {
    hook()
  } catch (error) {
    warn('HOLDFAST_HOOK_FAILED', error instanceof Error ? error.message : 'unknown reason')
  }
}
