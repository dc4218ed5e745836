/** A reply that took longer, in milliseconds, says too little about the server's clock. */
const longestSample = 250

/** How often a reply is asked for the server's time, in milliseconds: some hundred times in a period, of which the fastest counts. */
const interval = 50

/** For how long the highest of the measured values counts, in milliseconds. */
const period = 10_000

/**
 * What time it is for Redis, by the monotonic clock of this process: so that a call's time limit can travel with its
 * command, whatever the clocks of the machines show. Scripts reply with the server's time when they are asked for it. It was read after the
 * command was sent and before the reply came, so the two instants here enclose the true one: `earliest` is never later than
 * the clock of the server, and `latest` never earlier. Of the values of the last periods the highest counts, also on a cluster
 * whose nodes differ. A clock that was set back or forth corrects itself: a command that was refused too early is sent again.
 */
export class RedisClock {
  readonly #earliest = new RecentHighest()
  readonly #latest = new RecentHighest()
  #learntAt = -Infinity

  /** Whether nothing is known yet. */
  get isUnknown(): boolean {
    return this.#latest.value === -Infinity
  }

  /** Whether a command that is sent now asks for the time. */
  isDue(now: number): boolean {
    return now - this.#learntAt >= interval
  }

  /**
   * @param sentAt As `performance.now()`.
   * @param time The server's time in the reply, Unix milliseconds, its fraction cut off; 1 or less for none.
   */
  learn(sentAt: number, time: unknown): void {
    if (typeof time !== 'number' || !(time > 1) || !Number.isFinite(time)) return
    const receivedAt = performance.now()
    if (receivedAt - sentAt > longestSample && !this.isUnknown) return
    this.#learntAt = receivedAt
    this.#earliest.add(time - receivedAt, receivedAt)
    this.#latest.add(time - sentAt, receivedAt)
  }

  /** Unix milliseconds on the server at an instant of this process (as `performance.now()`), or undefined while nothing is
   * known. Never late, early by what the fastest reply of the last seconds took. */
  earliest(instant: number): number | undefined {
    const difference = this.#earliest.value
    return difference === -Infinity ? undefined : Math.floor(instant + difference)
  }

  /** As `earliest`, but never early, and late by some milliseconds. */
  latest(instant: number): number | undefined {
    const difference = this.#latest.value
    return difference === -Infinity ? undefined : Math.ceil(instant + difference)
  }
}

/** The highest of the values of this period and the one before. */
class RecentHighest {
  #current = -Infinity
  #before = -Infinity
  #since = 0

  get value(): number {
    return Math.max(this.#current, this.#before)
  }

  add(value: number, now: number): void {
    if (now - this.#since >= period) {
      this.#before = now - this.#since < 2 * period ? this.#current : -Infinity
      this.#current = -Infinity
      this.#since = now
    }
    this.#current = Math.max(this.#current, value)
  }
}
