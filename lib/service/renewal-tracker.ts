import { RecentKeys } from '../base/recent-keys'
import { warn } from '../base/warnings'
import type { RenewSessionHooks } from '../session/user-session-types'

/**
 * The renewals that are under way in this process, or were made lately: so that of many calls for one id only one goes on,
 * and so that the hooks learn who was first. Who really is first the store decides, for all processes.
 *
 * A key stands for one renewal; `name` is what the hooks get of it.
 */
export class RenewalTracker {
  readonly #hooks: RenewSessionHooks
  readonly #own = new RecentKeys()
  /** Those of this tracker, of others that share this, and of other processes as far as they are known. */
  readonly #all: RecentKeys

  constructor(hooks: RenewSessionHooks, all = new RecentKeys()) {
    this.#hooks = hooks
    this.#all = all
  }

  /** Takes the renewal. False, after a hook was called, when another call has it, or has made it. */
  begin(key: string, name: string, now: number): boolean {
    if (this.#all.has(key, now)) {
      this.report(key, name, now)
      return false
    }
    this.#keep(key, Infinity, now)
    return true
  }

  /** The renewal was not made. */
  abandon(key: string): void {
    this.#own.forget(key)
    this.#all.forget(key)
  }

  /** The renewal was made; the id before it works until then. */
  succeed(key: string, until: number, now: number): void {
    this.#keep(key, until, now)
  }

  /** Another process was first. Calls a hook. */
  lose(key: string, name: string, until: number, now: number): void {
    this.#own.forget(key)
    this.#all.keep(key, until, now)
    this.report(key, name, now)
  }

  /** Calls a hook: the client has sent an id for which a renewal has issued another one. */
  report(key: string, name: string, now: number): void {
    const { onRenewMadeAlreadyFromCurrentProcess, onRenewMadeAlreadyFromAnotherProcess } = this.#hooks
    const hook = this.#own.has(key, now) ? onRenewMadeAlreadyFromCurrentProcess : onRenewMadeAlreadyFromAnotherProcess
    callHook(() => hook?.(name))
  }

  #keep(key: string, until: number, now: number): void {
    this.#own.keep(key, until, now)
    this.#all.keep(key, until, now)
  }
}

/** Hooks are for logs: one that throws must not cost a user the request. */
export function callHook(hook: () => void): void {
  try {
    hook()
  } catch (error) {
    warn('HOLDFAST_HOOK_FAILED', error instanceof Error ? error.message : 'unknown reason')
  }
}
