import type { Awaitable } from '../base/awaitable'
import { monotonicSeconds } from '../base/clock'
import { startTimer } from '../base/timers'

/** More than these are not remembered: of the rest the oldest are given up, and end at their deadline. */
const mostPending = 1000
/** Seconds after which one is given up. */
const longestTime = 600
/** Seconds between two attempts while the store fails, at the most. */
const longestPause = 30
/** Seconds after the time limit of a call. */
const grace = 0.05

interface Pending {
  readonly handle: string
  readonly since: number
  due: number
}

/**
 * Sessions that may have been stored although their request got an error: the connection broke before the reply came.
 * The client does not have the id, so no client can open such a session, and it would stand among its user's devices
 * until its deadline. It is deleted as soon as the store serves again, and only while it still has the very id that was
 * not delivered.
 *
 * One attempt at a time, so that a store that has just come back is not flooded. Keeps no process alive.
 */
export class Withdrawals {
  readonly #remove: (handle: string, hash: string) => Awaitable<unknown>
  /** By the hash of the id. */
  readonly #pending = new Map<string, Pending>()
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #isRunning = false
  #isClosed = false

  /** @param remove Deletes the session that has this handle and an id with this hash; rejects when the store fails. */
  constructor(remove: (handle: string, hash: string) => Awaitable<unknown>) {
    this.#remove = remove
  }

  get size(): number {
    return this.#pending.size
  }

  /** @param wait Seconds until the call cannot be carried out any more, so that nothing is stored after the deletion. */
  add(handle: string, hash: string, wait: number): void {
    if (this.#isClosed) return
    for (const [oldest] of this.#pending) {
      if (this.#pending.size < mostPending) break
      this.#pending.delete(oldest)
    }
    const now = monotonicSeconds()
    this.#pending.set(hash, { handle, since: now, due: wait <= 0 ? now : now + wait + grace })
    this.#schedule()
  }

  /** The call has been carried out, late: no need to wait. Nothing, where the id was stored once more since. */
  hasHappened(hash: string): void {
    const pending = this.#pending.get(hash)
    if (pending === undefined) return
    pending.due = 0
    this.#schedule()
  }

  /** The session does not exist, or is about to be stored once more: its request tries again. */
  cancel(hash: string): void {
    if (this.#pending.size > 0) this.#pending.delete(hash)
  }

  close(): void {
    this.#isClosed = true
    this.#pending.clear()
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#isRunning || this.#pending.size === 0) return
    const due = Math.min(...[...this.#pending.values()].map((one) => one.due))
    const pause = this.#failures === 0 ? 0 : Math.min(longestPause, 0.5 * 2 ** this.#failures)
    this.#timer = startTimer(Math.max(0, due - monotonicSeconds(), pause), () => void this.#run())
    this.#timer.unref()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (const [hash, pending] of this.#pending) {
      const now = monotonicSeconds()
      if (pending.due > now) continue
      try {
        await this.#remove(pending.handle, hash)
        this.#failures = 0
      } catch {
        if (now - pending.since < longestTime) {
          this.#failures++
          break
        }
      }
      if (this.#pending.get(hash) === pending) this.#pending.delete(hash)
    }
    this.#isRunning = false
    this.#schedule()
  }
}
