import type { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'

interface Source {
  unpipe?: (destination: unknown) => unknown
}

/**
 * The back-pressure of a held response. `write` returns false while it is held, so a 'drain' event is due once the held
 * calls were replayed, unless Node emits one itself. Streams that were piped into a discarded response are unpiped.
 */
export class Drain {
  readonly #res: ServerResponse
  readonly #sources: unknown[] = []
  #due = false
  #lastWrite: unknown

  constructor(res: ServerResponse) {
    this.#res = res
    if (Object.hasOwn(res, 'on') && typeof res.on === 'function') this.#keepDrainListeners()
  }

  piped(source: unknown): void {
    this.#sources.push(source)
  }

  /** A held `write` has returned false, and no 'drain' was emitted since. */
  get isDue(): boolean {
    return this.#due
  }

  /** A `write` is held and returns false. */
  expect(): void {
    this.#due = true
  }

  /** What Node's `write` returned. */
  wrote(result: unknown): void {
    this.#lastWrite = result
  }

  /** All held calls were replayed. Where Node's `write` returned false too, Node emits 'drain' itself. */
  emit(ended: boolean): void {
    const res = this.#res
    if (this.#due && !ended && this.#lastWrite !== false && typeof res.emit === 'function') res.emit('drain')
    this.#due = false
  }

  /** The response was discarded: a stream that is piped into it must not run into the response that replaces it. */
  unpipeAll(): void {
    this.#due = false
    for (const source of this.#sources.splice(0)) (source as Source).unpipe?.(this.#res)
  }

  /** `compression` overrides `res.on` and moves 'drain' listeners to its own stream, which sees no held `write`. These
   * listeners stay with the response, which also emits the 'drain' of that stream. */
  #keepDrainListeners(): void {
    const res = this.#res
    const inherited = (Object.getPrototypeOf(res) as Partial<EventEmitter> | null)?.on
    // A stub of a response, with nothing below its own method.
    if (inherited === undefined) return
    const wrapped = res.on.bind(res) as EventEmitter['on']
    const plain = inherited.bind(res)
    wrapped('drain', function relay(this: unknown) {
      if (this !== res) res.emit('drain')
    })
    const on = (type: string, listener: (...args: unknown[]) => void): ServerResponse => {
      if (type !== 'drain') wrapped(type, listener)
      else plain(type, listener)
      return res
    }
    Object.assign(res, { on })
  }
}
