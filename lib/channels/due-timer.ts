import type { Clock } from '../base/clock'
import { DeadlineQueue } from '../base/deadline-queue'

/** The longest wait that `setTimeout` takes; a longer one would fire at once. */
const longestTimer = 2 ** 31 - 1

/** Calls at an instant for each of many keys, with one timer for all. The timer keeps no process alive. */
export class DueTimer {
  readonly #clock: Clock
  readonly #onDue: (key: string) => void
  readonly #queue = new DeadlineQueue()
  #timer: NodeJS.Timeout | undefined
  #timerDue = Infinity

  constructor(clock: Clock, onDue: (key: string) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  get size(): number {
    return this.#queue.size
  }

  /** Calls for the key at this instant, in Unix seconds, and not at the one that was set before. */
  set(key: string, at: number): void {
    this.#queue.set(key, at)
    if (at < this.#timerDue) this.#arm()
  }

  delete(key: string): void {
    this.#queue.delete(key)
    if (this.#queue.size === 0) this.#arm()
  }

  clear(): void {
    this.#queue.clear()
    this.#arm()
  }

  #arm(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const first = this.#queue.first()
    this.#timerDue = first?.deadline ?? Infinity
    if (first === undefined) return
    const wait = Math.ceil((first.deadline - this.#clock()) * 1000)
    this.#timer = setTimeout(() => this.#fire(), Math.min(longestTimer, Math.max(1, wait)))
    this.#timer.unref()
  }

  #fire(): void {
    const now = this.#clock()
    for (let first = this.#queue.first(); first !== undefined && first.deadline <= now; first = this.#queue.first()) {
      this.#queue.delete(first.key)
      this.#onDue(first.key)
    }
    this.#arm()
  }
}
