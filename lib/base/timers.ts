import type { Clock } from './clock'
import { DeadlineQueue } from './deadline-queue'

/** The longest delay that `setTimeout` takes, in milliseconds; a longer one fires at once. */
export const longestTimer = 2 ** 31 - 1

/** As `setTimeout`, in seconds. More than `setTimeout` takes (24.8 days) fires when that time has passed. */
export function startTimer(seconds: number, action: () => void): NodeJS.Timeout {
  // A microsecond less, because 0.1 + 0.2 seconds are not to become 301 ms.
  return setTimeout(action, Math.min(longestTimer, Math.max(1, Math.ceil(seconds * 1000 - 0.001))))
}

/**
 * As `startTimer`, for the time limit of a reply. After a process was stopped or its event loop was blocked, a timer is due
 * before the sockets are read. The action is called in the check phase, which comes after that: a reply that has arrived
 * counts. It is called also where the timer was cleared meanwhile, so it has to know whether it is still meant.
 */
export function startReplyTimer(seconds: number, action: () => void): NodeJS.Timeout {
  return startTimer(seconds, setImmediate.bind(undefined, action))
}

/**
 * Calls a function when the deadline of a key has passed, for any number of keys with one timer. Deadlines may be further
 * away than `setTimeout` can wait. The timer does not keep the process alive.
 */
export class DeadlineTimer {
  readonly #clock: Clock
  readonly #onDue: (key: string) => void
  readonly #queue = new DeadlineQueue()
  #timer: NodeJS.Timeout | undefined
  #timerDue = Infinity

  /** @param onDue Called once for each key, after the key was removed; may set it again. */
  constructor(clock: Clock, onDue: (key: string) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  get size(): number {
    return this.#queue.size
  }

  /** The key with the earliest deadline, or undefined. */
  first(): { readonly key: string; readonly deadline: number } | undefined {
    return this.#queue.first()
  }

  /** Sets or replaces the deadline of a key, in seconds of the clock. */
  set(key: string, deadline: number): void {
    this.#queue.set(key, deadline)
    if (deadline < this.#timerDue) this.#start()
  }

  delete(key: string): void {
    this.#queue.delete(key)
    if (this.#queue.size === 0) this.#start()
  }

  clear(): void {
    this.#queue.clear()
    this.#start()
  }

  #start(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const first = this.#queue.first()
    this.#timerDue = first?.deadline ?? Infinity
    if (first === undefined) return
    this.#timer = startTimer(first.deadline - this.#clock(), () => this.#fire())
    this.#timer.unref()
  }

  #fire(): void {
    const now = this.#clock()
    for (let first = this.#queue.first(); first !== undefined && first.deadline <= now; first = this.#queue.first()) {
      this.#queue.delete(first.key)
      this.#onDue(first.key)
    }
    this.#start()
  }
}
