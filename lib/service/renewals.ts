import { type Awaitable, isPromise } from '../base/awaitable'
import { RecentKeys } from '../base/recent-keys'
import { warn } from '../base/warnings'
import type { ChangeResult, RecordChange, SessionRecord } from '../session/record'
import type { RenewSessionHooks } from '../session/user-session-types'

type Renewal = NonNullable<RecordChange['renew']>

/**
 * The renewals that are under way here, or were made here: so that of many requests on one old id only one asks the
 * store, and so that the others can be told who was first. Who really is first the store decides, for all processes.
 */
export class Renewals {
  readonly #hooks: RenewSessionHooks
  /** By the hash of the old id, for as long as that may still be shown. */
  readonly #here = new RecentKeys()
  readonly #elsewhere = new RecentKeys()

  constructor(hooks: RenewSessionHooks) {
    this.#hooks = hooks
  }

  /** Takes the renewal of the id with this hash. False, and a hook is told, when somebody has it already. */
  begin(hash: string, handle: string, now: number): boolean {
    if (this.#here.has(hash, now) || this.#elsewhere.has(hash, now)) {
      this.#tell(hash, handle, now)
      return false
    }
    this.#here.keep(hash, Infinity, now)
    return true
  }

  /** Makes the renewal that was begun, and remembers what became of it. */
  make(
    handle: string,
    { from, previousUntil }: Renewal,
    now: number,
    ask: () => Awaitable<ChangeResult>,
  ): Awaitable<ChangeResult> {
    const settle = (result: ChangeResult): ChangeResult => {
      this.#here.forget(from)
      if (result === 'renewed') this.#here.keep(from, previousUntil, now)
      if (result === 'stored') {
        this.#elsewhere.keep(from, previousUntil, now)
        this.#tell(from, handle, now)
      }
      return result
    }
    const fail = (error: unknown): never => {
      this.#here.forget(from)
      throw error
    }
    try {
      const answer = ask()
      return isPromise(answer) ? answer.then(settle, fail) : settle(answer)
    } catch (error) {
      return fail(error)
    }
  }

  /** Somebody came with the id from before a renewal. */
  tellRenewed({ previousHash = '' }: SessionRecord, handle: string, now: number): void {
    this.#tell(previousHash, handle, now)
  }

  #tell(hash: string, handle: string, now: number): void {
    const { onRenewMadeAlreadyFromCurrentProcess, onRenewMadeAlreadyFromAnotherProcess } = this.#hooks
    const hook = this.#here.has(hash, now) ? onRenewMadeAlreadyFromCurrentProcess : onRenewMadeAlreadyFromAnotherProcess
    try {
      hook?.(handle)
    } catch (error) {
      hookFailed(error)
    }
  }
}

/** Hooks are for logs: one that throws must not cost a user the request. */
export function hookFailed(error: unknown): void {
  warn('HOLDFAST_HOOK_FAILED', error instanceof Error ? error.message : 'unknown reason')
}
