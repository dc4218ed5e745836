import type { Clock } from '../base/clock'
import { DeadlineTimer } from '../base/timers'

/** After a lost connection all sessions are re-read; the store has requests to serve as well. */
const mostAtOnce = 64

/**
 * When each session is re-read from the store: soon, or at an instant. A session is re-read at most once a turn of the event
 * loop, however often that was asked for, and not within the call that asked. One that becomes due while it is being re-read
 * is re-read again afterwards.
 */
export class RefreshSchedule {
  readonly #refresh: (handle: string) => Promise<void>
  readonly #later: DeadlineTimer
  readonly #due = new Set<string>()
  readonly #running = new Set<string>()
  #turn: NodeJS.Immediate | undefined

  /** @param refresh Re-reads a session; must neither throw nor reject. */
  constructor(clock: Clock, refresh: (handle: string) => Promise<void>) {
    this.#refresh = refresh
    this.#later = new DeadlineTimer(clock, (handle) => this.soon(handle))
  }

  /** How many sessions are due, or being re-read. */
  get size(): number {
    return this.#due.size + this.#running.size
  }

  soon(handle: string): void {
    this.#due.add(handle)
    this.#turn ??= setImmediate(() => this.#takeTurn())
  }

  /** @param instant Seconds of the clock; replaces the instant that was given before. */
  at(handle: string, instant: number): void {
    this.#later.set(handle, instant)
  }

  delete(handle: string): void {
    this.#due.delete(handle)
    this.#later.delete(handle)
  }

  clear(): void {
    this.#due.clear()
    this.#later.clear()
    clearImmediate(this.#turn)
    this.#turn = undefined
  }

  #takeTurn(): void {
    this.#turn = undefined
    for (const handle of [...this.#due]) {
      if (this.#running.size >= mostAtOnce) return
      if (this.#running.has(handle)) continue
      this.#due.delete(handle)
      this.#running.add(handle)
      void this.#refresh(handle).then(() => {
        this.#running.delete(handle)
        if (this.#due.size > 0) this.#turn ??= setImmediate(() => this.#takeTurn())
      })
    }
  }
}
