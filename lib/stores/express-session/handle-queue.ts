import { startReplyTimer } from '../../base/timers'
import { storeTimeout } from '../call-guard'

/** A task's place in the queue of one handle. */
export interface Turn {
  /** False once the time limit has passed: the handle is the next one's, and this task must not write any more. */
  readonly held: boolean
  /** Set by a task whose write is on its way: called when the time limit passes before the task is done. */
  onCut?: (() => void) | undefined
}

/** A task that was given, and what has become of it. */
class Waiting implements Turn {
  held = true
  onCut: (() => void) | undefined
  readonly handle: string
  /** The one after it in the line of its handle. Not an array, which V8 would come to allocate in the old generation, where
   * it keeps whole requests in memory after it is garbage. */
  next: Waiting | undefined
  readonly outcome: Promise<unknown>
  readonly #task: (turn: Turn) => Promise<unknown>
  readonly #leave: (turn: Waiting) => void
  readonly #failureOf: ((error: unknown) => unknown) | undefined
  readonly #due: number
  #isOver = false
  readonly #timer: NodeJS.Timeout
  #resolve: ((value: unknown) => void) | undefined
  #reject: ((error: unknown) => void) | undefined

  /** @param limit Seconds. @param leave Called once, when the task is over or was cut. */
  constructor(
    handle: string,
    task: (turn: Turn) => Promise<unknown>,
    limit: number,
    leave: (turn: Waiting) => void,
    failureOf: ((error: unknown) => unknown) | undefined,
  ) {
    this.handle = handle
    this.outcome = new Promise(this.#keep.bind(this))
    this.#task = task
    this.#leave = leave
    this.#failureOf = failureOf
    this.#due = performance.now() + limit * 1000
    this.#timer = startReplyTimer(limit, this.#expire.bind(this))
    this.#timer.unref()
  }

  /** False when it was too late to start. */
  start(): boolean {
    // The one before may have used up this one's time as well, with this one's timer about to fire.
    if (performance.now() >= this.#due) {
      this.#cut()
      return false
    }
    void this.#run()
    return true
  }

  async #run(): Promise<void> {
    try {
      this.#resolve?.(await this.#task(this))
    } catch (error) {
      this.#reject?.(this.#failureOf === undefined ? error : this.#failureOf(error))
    }
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#leave(this)
  }

  #keep(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    this.#resolve = resolve
    this.#reject = reject
  }

  #expire(): void {
    if (this.#isOver) return
    this.#cut()
    this.#leave(this)
  }

  #cut(): void {
    this.held = false
    this.onCut?.()
    this.#reject?.(storeTimeout())
  }
}

/**
 * One task at a time for each handle, in the order in which they were given; tasks of different handles run side by
 * side. This is what makes "read, then write" one step within the process, over a store that has no such step.
 *
 * A task has a time limit, counted from when it was given, waiting included. A task that it cuts rejects with
 * `STORE_TIMEOUT` and gives its place away: a store that never replies delays no caller for longer than the limit, and a
 * task that has waited too long does not begin.
 */
export class HandleQueue {
  /** By handle, the one whose turn it is. */
  readonly #lines = new Map<string, Waiting>()
  readonly #onLeave = this.#leave.bind(this)

  /** Handles that have a task now. */
  get size(): number {
    return this.#lines.size
  }

  /**
   * @param limit Seconds.
   * @param failureOf What the promise rejects with for an error of the task; default: that error.
   */
  run<T>(
    handle: string,
    limit: number,
    task: (turn: Turn) => Promise<T>,
    failureOf?: (error: unknown) => unknown,
  ): Promise<T> {
    const turn = new Waiting(handle, task, limit, this.#onLeave, failureOf)
    const first = this.#lines.get(handle)
    if (first === undefined) {
      this.#lines.set(handle, turn)
      turn.start()
    } else {
      let last = first
      while (last.next !== undefined) last = last.next
      last.next = turn
    }
    return turn.outcome as Promise<T>
  }

  #leave(turn: Waiting): void {
    const { handle } = turn
    const first = this.#lines.get(handle)
    if (first !== turn) {
      // It was cut while it waited, or has long left.
      let before = first
      while (before !== undefined && before.next !== turn) before = before.next
      if (before !== undefined) before.next = turn.next
      return
    }
    for (let next = turn.next; next !== undefined; next = next.next) {
      this.#lines.set(handle, next)
      if (next.start()) return
    }
    this.#lines.delete(handle)
  }
}
