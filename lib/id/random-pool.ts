import { randomFillSync } from 'node:crypto'

const poolSize = 4096

/**
 * Random bytes from the operating system's generator, fetched for a hundred ids at once: a call for each id is most of what
 * a new session costs (6 of 9 µs). `crypto.randomUUID` of Node does the same.
 */
export class RandomPool {
  readonly #bytes = Buffer.alloc(poolSize)
  #next = poolSize

  /** So many random bytes, at most 4096, in base64url. Each byte is given once, and is not in memory here afterwards. */
  take(count: number): string {
    if (this.#next + count > poolSize) {
      randomFillSync(this.#bytes)
      this.#next = 0
    }
    const start = this.#next
    const end = start + count
    const text = this.#bytes.toString('base64url', start, end)
    this.#bytes.fill(0, start, end)
    this.#next = end
    return text
  }
}
