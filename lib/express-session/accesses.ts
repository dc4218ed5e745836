import { whenDone } from '../base/awaitable'
import { systemClock } from '../base/clock'
import { RecentKeys } from '../base/recent-keys'
import { warnRarely } from '../base/warnings'
import type { Records } from './records'
import type { ResponseSaves } from '../hold/response-saves'
import type { CommittableSession } from './tracked-session'

/**
 * Records that sessions are used, behind the responses: in steps, so that a clean read stays one store command. What was
 * recorded from here is remembered, because some stores move a session's end without changing its record.
 */
export class Accesses {
  readonly #records: Records
  readonly #recent = new RecentKeys()

  constructor(records: Records) {
    this.#records = records
  }

  /** Records the access of an opened session when the response is over, where that is due. */
  record(id: string, session: CommittableSession, saves: ResponseSaves): void {
    const now = systemClock()
    if (this.#recent.has(id, now)) return
    const { expires } = session.cookie
    const lifetime = lifetimeOf(session)
    const interval = this.#records.accessInterval(lifetime)
    if (lifetime !== undefined && expires instanceof Date) {
      const last = expires.getTime() / 1000 - lifetime
      if (now - last < interval) return
    }
    this.#recent.keep(id, now + interval, now)
    saves.whenOver(() => this.#recordNow(id, session))
  }

  /** The session was written, with its access. */
  wasRecorded(session: CommittableSession): void {
    const now = systemClock()
    this.#recent.keep(session.id, now + this.#records.accessInterval(lifetimeOf(session)), now)
  }

  #recordNow(id: string, session: CommittableSession): void {
    if (session.ended || session.modified) return
    whenDone(
      () => this.#records.recordAccess(id, session.cookie),
      () => undefined,
      (error) => {
        this.#recent.forget(id)
        const reason = error instanceof Error ? error.message : 'unknown reason'
        warnRarely('HOLDFAST_ACCESS_NOT_RECORDED', reason)
      },
    )
  }
}

/** Seconds; undefined for a session that ends with the browser. */
function lifetimeOf({ cookie: { originalMaxAge } }: CommittableSession): number | undefined {
  return typeof originalMaxAge === 'number' ? originalMaxAge / 1000 : undefined
}
