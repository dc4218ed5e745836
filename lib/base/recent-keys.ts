/** Remembers keys for a while, and no more of them than a process can spare: where there is a limit, to forget one early must
 * do no harm. */
export class RecentKeys {
  readonly #mostKeys: number
  readonly #until = new Map<string, number>()

  /** @param mostKeys More are not remembered: the oldest is forgotten first. */
  constructor(mostKeys = 10_000) {
    this.#mostKeys = mostKeys
  }

  get size(): number {
    return this.#until.size
  }

  has(key: string, now: number): boolean {
    const until = this.#until.get(key)
    return until !== undefined && now < until
  }

  /** Remembers the key until that instant, from now on. */
  keep(key: string, until: number, now: number): void {
    // Taken out first, so that the order is that of the last call: those that end first stand, by and large, in front.
    this.#until.delete(key)
    for (const [oldest, end] of this.#until) {
      if (now < end && this.#until.size < this.#mostKeys) break
      this.#until.delete(oldest)
    }
    this.#until.set(key, until)
  }

  forget(key: string): void {
    this.#until.delete(key)
  }
}
