import { type Awaitable, isPromise } from '../base/awaitable'
import type { ChangeResult, RecordChange, SessionRecord } from '../session/record'
import type { RenewSessionHooks } from '../session/user-session-types'
import { RenewalTracker } from './renewal-tracker'

type Renewal = NonNullable<RecordChange['renew']>

/** The renewals of records in a store. */
export class Renewals {
  /** By what is renewed ({@link keyOf}), and by the hash of each new id. */
  readonly #tracker: RenewalTracker

  constructor(hooks: RenewSessionHooks) {
    this.#tracker = new RenewalTracker(hooks)
  }

  /** Takes the renewal of the record's id. False, after a hook was called, when another request has it already. */
  begin(record: SessionRecord, handle: string, now: number): boolean {
    return this.#tracker.begin(keyOf(record.hash, record.pending?.at(-1)), handle, now)
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
      if (result === 'renewed') {
        this.#tracker.succeed(key, previousUntil, now)
        this.#tracker.succeed(to, previousUntil, now)
      } else if (result === 'stored') this.#tracker.lose(key, handle, previousUntil, now)
      else this.#tracker.abandon(key)
      return result
    }
    const fail = (error: unknown): never => {
      this.#tracker.abandon(key)
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
    this.#tracker.report(pending?.at(-1) ?? hash, handle, now)
  }
}

/** One renewal: of this id, once so many were issued. A hash has no space in it. */
function keyOf(hash: string, lastPending: string | undefined): string {
  return `${hash} ${lastPending ?? ''}`
}
