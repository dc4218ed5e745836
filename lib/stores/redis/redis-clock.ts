/** A reply that took longer, in milliseconds, says too little about the server's clock. */
const longestSample = 250

/** For how long the highest of the measured values counts, in milliseconds. */
const period = 10_000

/**
 * What time it is for Redis, told by the monotonic clock of this process: so that a call's time limit can travel with its
 * command, whatever the clocks of the machines show. Each script replies with the server's time. It was read after the
 * command was sent, so that `server time - time of sending` is never less than the true difference; of the values of the
 * last periods the highest counts. So a limit is some milliseconds late rather than early, also on a cluster whose nodes
 * differ. A clock that was set back or forth corrects itself: a command that was refused too early is sent again.
 */
export class RedisClock {
  #current = -Infinity
  #before = -Infinity
  #since = 0

  /**
   * @param sentAt As `performance.now()`.
   * @param time The server's time in the reply, Unix milliseconds.
   */
  learn(sentAt: number, time: unknown, receivedAt = performance.now()): void {
    if (typeof time !== 'number' || !Number.isFinite(time)) return
    if (receivedAt - sentAt > longestSample && this.#highest !== -Infinity) return
    if (receivedAt - this.#since >= period) {
      this.#before = receivedAt - this.#since < 2 * period ? this.#current : -Infinity
      this.#current = -Infinity
      this.#since = receivedAt
    }
    this.#current = Math.max(this.#current, time - sentAt)
  }

  /** Unix milliseconds on the server at an instant of this process (as `performance.now()`), or undefined while nothing is
   * known. At most some milliseconds late, never early. */
  at(instant: number): number | undefined {
    const difference = this.#highest
    return difference === -Infinity ? undefined : Math.ceil(instant + difference)
  }

  get #highest(): number {
    return Math.max(this.#current, this.#before)
  }
}
