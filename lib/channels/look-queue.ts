import { type Awaitable, isPromise } from '../base/awaitable'

/** How many looks are under way at a time: after a lost connection all sessions are looked at, and the store has others
 * to serve. */
const mostAtOnce = 64

/**
 * Which sessions are to be looked at. Once a turn of the event loop at the most, however often they were added, and not
 * within the call that added them; one that is added while it is being looked at is looked at again.
 */
export class LookQueue {
  readonly #look: (handle: string) => Awaitable<void>
  readonly #waiting = new Set<string>()
  readonly #running = new Set<string>()
  #turn: NodeJS.Immediate | undefined

  /** @param look Must neither throw nor reject. */
  constructor(look: (handle: string) => Awaitable<void>) {
    this.#look = look
  }

  /** How many are waiting, or being looked at. */
  get size(): number {
    return this.#waiting.size + this.#running.size
  }

  add(handle: string): void {
    this.#waiting.add(handle)
    this.#schedule()
  }

  delete(handle: string): void {
    this.#waiting.delete(handle)
  }

  clear(): void {
    this.#waiting.clear()
    clearImmediate(this.#turn)
    this.#turn = undefined
  }

  #schedule(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined
      this.#takeTurn()
    })
  }

  #takeTurn(): void {
    for (const handle of [...this.#waiting]) {
      if (this.#running.size >= mostAtOnce) return
      if (this.#running.has(handle)) continue
      this.#waiting.delete(handle)
      const answer = this.#look(handle)
      if (!isPromise(answer)) continue
      this.#running.add(handle)
      void answer.then(() => {
        this.#running.delete(handle)
        if (this.#waiting.size > 0) this.#schedule()
      })
    }
  }
}
