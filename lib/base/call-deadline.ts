/**
 * Until when the caller of a store call waits for its result. By the monotonic clock of the process, so that neither a test
 * that turns the session's clock nor a correction of the machine's clock changes it.
 */
export class CallDeadline {
  /** As `performance.now()`, in milliseconds. */
  readonly startedAt = performance.now()
  readonly #timeout: number
  #isReported = false

  /** @param timeout Seconds. */
  constructor(timeout: number) {
    this.#timeout = timeout
  }

  /** Seconds that are left; 0 or less when the call has failed for the caller. */
  get remaining(): number {
    return this.remainingAt(performance.now())
  }

  /** As `remaining`, for a caller that has just read the clock. @param now As `performance.now()`. */
  remainingAt(now: number): number {
    return this.#isReported ? 0 : this.#timeout - (now - this.startedAt) / 1000
  }

  get isOver(): boolean {
    return this.remaining <= 0
  }

  /** The call has failed for the caller. A timer may fire up to a millisecond before this clock says so. */
  report(): void {
    this.#isReported = true
  }
}
