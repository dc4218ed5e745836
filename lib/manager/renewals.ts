import { RecentKeys } from '../base/recent-keys'
import { warn } from '../base/warnings'
import type { ChangeResult, RecordChange, SessionRecord } from '../session/record'
import { type Awaitable, isPromise } from '../session/store'
import type { RenewSessionHooks } from './user-session-types'

type Renewal = NonNullable<RecordChange['renew']>

/**
 * The renewals that are under way here, or were made here: so that of many requests on one old id only one asks the
 * store, and so that the others can be told who was first. Who really is first the store decides, for all processes.
 */
export class Renewals {
  readonly #hooks: RenewSessionHooks
  readonly #known = new RecentKeys()

  constructor(hooks: RenewSessionHooks) {
    this.#hooks = hooks
  }

  /** Takes the renewal of the id with this hash. False, and the hook is told, when somebody here has it already. */
  begin(hash: string, handle: string, now: number): boolean {
    if (this.#known.has(hash, now)) {
      tell(this.#hooks.onRenewMadeAlreadyFromCurrentProcess, handle)
      return false
    }
    this.#known.keep(hash, Infinity, now)
    return true
  }

  /** Makes the renewal that was begun, and remembers it for as long as the id before it still opens the session. */
  make(handle: string, { from, previousUntil }: Renewal, now: number, ask: () => Awaitable<ChangeResult>): Awaitable<ChangeResult> {
    const settle = (result: ChangeResult): ChangeResult => {
      if (result === 'renewed') this.#known.keep(from, previousUntil, now)
      else this.#known.forget(from)
      if (result === 'stored') tell(this.#hooks.onRenewMadeAlreadyFromAnotherProcess, handle)
      return result
    }
    const fail = (error: unknown): never => {
      this.#known.forget(from)
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
    const { onRenewMadeAlreadyFromCurrentProcess, onRenewMadeAlreadyFromAnotherProcess } = this.#hooks
    const here = this.#known.has(previousHash, now)
    tell(here ? onRenewMadeAlreadyFromCurrentProcess : onRenewMadeAlreadyFromAnotherProcess, handle)
  }
}

/** Hooks are for logs: one that throws must not cost a user the request. */
function tell(hook: ((session: string) => void) | undefined, session: string): void {
  try {
    hook?.(session)
  } catch (error) {
    hookFailed(error)
  }
}

export function hookFailed(error: unknown): void {
  warn('HOLDFAST_HOOK_FAILED', `a hook of renewSessionHooks threw: ${error instanceof Error ? error.message : 'unknown reason'}`)
}
