import { AsyncResource } from 'node:async_hooks'
import { startReplyTimer } from './timers'

/** What waits for a reply, in a {@link TimeoutQueue}: an entry is its own link, so that adding one allocates nothing. */
export interface Expiring {
  /** As `performance.now()`. */
  readonly startedAt: number
  /** The queue's own. */
  previous: Expiring | undefined
  /** The queue's own. */
  next: Expiring | undefined
  /** Called when the time is over, after the entry was removed. */
  expire(): void
}

/**
 * Expires what has waited for a time that is the same for all, with one timer: a timer for each reply takes more CPU time than
 * all else that a time limit needs. Keeps the process alive while something waits. It is a {@link startReplyTimer}: a reply that
 * has arrived counts.
 */
export class TimeoutQueue {
  readonly #milliseconds: number
  /** Where timers start: in the request that happens to start one, they would keep what `AsyncLocalStorage` has for it. */
  readonly #scope = new AsyncResource('HoldfastTimeout')
  #first: Expiring | undefined
  #last: Expiring | undefined
  #timer: NodeJS.Timeout | undefined
  /** What time it is, at the least, when the timer fires: it may do so a little before this clock says so. */
  #timerDue = 0
  /** What started it and what it will call, while it runs. Others are there when a test of an app has turned its timers, or back. */
  #timerOf: typeof setTimeout | undefined
  #immediateOf: typeof setImmediate | undefined

  /** @param timeout Seconds. */
  constructor(timeout: number) {
    this.#milliseconds = timeout * 1000
  }

  /** Entries come in the order of `startedAt`, but for what happens within one turn. */
  add(entry: Expiring): void {
    const last = this.#last
    this.#last = entry
    const isRunning = this.#timerOf === setTimeout && this.#immediateOf === setImmediate
    if (last !== undefined) {
      entry.previous = last
      last.next = entry
      if (!isRunning) this.#start(this.#first ?? entry, this.#milliseconds)
      return
    }
    this.#first = entry
    if (isRunning && entry.startedAt <= this.#timerDue) this.#timer?.ref()
    else this.#start(entry, this.#milliseconds)
  }

  /** Does nothing to what is not in the queue. */
  remove(entry: Expiring): void {
    const { previous, next } = entry
    if (previous === undefined && this.#first !== entry) return
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    entry.previous = entry.next = undefined
    // The timer goes on, for what comes next: to start one for each reply is what is to be saved.
    if (this.#first === undefined) this.#timer?.unref()
  }

  #start(first: Expiring, milliseconds: number): void {
    if (this.#timerOf === setTimeout) clearTimeout(this.#timer)
    this.#timerOf = setTimeout
    this.#immediateOf = setImmediate
    this.#timerDue = this.#dueAt(first)
    const act = this.#expire.bind(this, this.#timerDue)
    this.#timer = this.#scope.runInAsyncScope(startReplyTimer, undefined, milliseconds / 1000, act)
  }

  /** @param due What the timer was started for: one that was replaced meanwhile means nothing. */
  #expire(due: number): void {
    if (due !== this.#timerDue) return
    const now = Math.max(performance.now(), due)
    try {
      for (let first = this.#first; first !== undefined && this.#dueAt(first) <= now; first = this.#first) {
        this.remove(first)
        first.expire()
      }
    } finally {
      if (this.#first === undefined) this.#timerOf = undefined
      else this.#start(this.#first, this.#dueAt(this.#first) - now)
    }
  }

  #dueAt(entry: Expiring): number {
    return entry.startedAt + this.#milliseconds
  }
}
