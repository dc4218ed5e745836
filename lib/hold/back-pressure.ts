import type { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'

interface Source {
  unpipe?: (destination: unknown) => unknown
}

/**
 * What streams have to be told of a held response: to wait, because `write` answered false in Node's place; to go on
 * ('drain'), unless Node will say so itself; and, where the answer was refused, that nobody takes it any more.
 */
export class BackPressure {
  readonly #res: ServerResponse
  readonly #sources: unknown[] = []
  #owed = false
  #lastWrite: unknown

  constructor(res: ServerResponse) {
    this.#res = res
    if (Object.hasOwn(res, 'on') && typeof res.on === 'function') this.#gatherListeners()
  }

  piped(source: unknown): void {
    this.#sources.push(source)
  }

  /** A write was answered false, and nobody has said 'drain' since. */
  get isOwed(): boolean {
    return this.#owed
  }

  /** A write is held: its maker was told to wait. */
  owe(): void {
    this.#owed = true
  }

  /** What Node has answered to a write. */
  wrote(answer: unknown): void {
    this.#lastWrite = answer
  }

  /** Everything that was held has gone to Node. Where that answered false too, it will emit 'drain' when it has. */
  pay(ended: boolean): void {
    const res = this.#res
    if (this.#owed && !ended && this.#lastWrite !== false && typeof res.emit === 'function') res.emit('drain')
    this.#owed = false
  }

  /** Nobody takes what was held, or what would follow: a stream that is piped in must not run into another answer. */
  cutOff(): void {
    this.#owed = false
    for (const source of this.#sources.splice(0)) (source as Source).unpipe?.(this.#res)
  }

  /** Who has replaced `on` (compression does) leads listeners for 'drain' away to a stream of its own, that knows nothing
   * of our writes. So these listeners stay with the response, and hear of the stream's 'drain' as well. */
  #gatherListeners(): void {
    const res = this.#res
    const wrapped = res.on.bind(res) as EventEmitter['on']
    const plain = (Object.getPrototypeOf(res) as EventEmitter).on.bind(res)
    wrapped('drain', function relay(this: unknown) {
      if (this !== res) res.emit('drain')
    })
    res.on = function (type: string, listener: (...args: unknown[]) => void) {
      if (type !== 'drain') wrapped(type, listener)
      else plain(type, listener)
      return res
    } as never
  }
}
