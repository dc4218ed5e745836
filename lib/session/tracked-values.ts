import { bytesOf, type KeptValue, parseValue, serializeValue } from './json-value'

/**
 * Values by key that know which of them changed. They stay text until they are read; the ones that were handed
 * out are compared, as text, with what the store has, so that `values.get('cart').push(x)` counts and reading does not.
 */
export class TrackedValues {
  readonly #stored: Map<string, string>
  // Made when they are needed: a request that reads a number or a text needs none of the three.
  #live: Map<string, unknown> | undefined
  #removed: Set<string> | undefined
  /** What the app holds of a value that is kept as a copy, with the text of the copy. */
  #sources: Map<string, { readonly source: unknown; text: string }> | undefined

  constructor(stored: Map<string, string>) {
    this.#stored = stored
  }

  get size(): number {
    let size = this.#stored.size - (this.#removed?.size ?? 0)
    for (const key of this.#live?.keys() ?? []) if (!this.#stored.has(key)) size++
    return size
  }

  keys(): string[] {
    return [...new Set([...this.#stored.keys(), ...(this.#live?.keys() ?? [])])].filter((key) => this.has(key))
  }

  has(key: string): boolean {
    return this.#live?.has(key) === true || (this.#stored.has(key) && this.#removed?.has(key) !== true)
  }

  get(key: string): unknown {
    if (this.#sources !== undefined) this.#followSource(key)
    const live = this.#live?.get(key)
    if (live !== undefined || this.#removed?.has(key) === true) return live
    const text = this.#stored.get(key)
    if (text === undefined) return undefined
    const value = parseValue(text)
    // A text that is `null` or no JSON is nothing that `set` has written: it reads as absent and stays as it is.
    if (value === undefined || value === null) return undefined
    // Only an object can be changed in place.
    if (typeof value === 'object') this.#setLive(key, value)
    return value
  }

  setPlain(key: string, value: unknown): void {
    this.#setLive(key, value)
    this.#removed?.delete(key)
    this.#sources?.delete(key)
  }

  /** @param source What the app gave; it may go on changing it. */
  set(key: string, { value, isCopy }: KeptValue, source: unknown): void {
    this.#setLive(key, value)
    this.#removed?.delete(key)
    if (isCopy) (this.#sources ??= new Map()).set(key, { source, text: JSON.stringify(value) })
    else this.#sources?.delete(key)
  }

  unset(key: string): void {
    this.#live?.delete(key)
    this.#sources?.delete(key)
    if (this.#stored.has(key)) this.#setRemoved(key)
  }

  /** Adds to `set` and `remove` what became of the values since they were loaded or last saved, each key as the name of a
   * field: with the prefix. */
  changes(prefix: string, set: Map<string, string>, remove: string[]): void {
    if (this.#sources !== undefined) for (const key of this.#sources.keys()) this.#followSource(key)
    if (this.#live !== undefined) {
      for (const [key, value] of this.#live) {
        const text = serializeValue(key, value)
        if (text !== this.#stored.get(key)) set.set(prefix + key, text)
      }
    }
    if (this.#removed !== undefined) for (const key of this.#removed) remove.push(prefix + key)
  }

  /** The store has these changes now. What changed since they were taken is still a change. */
  settle(prefix: string, set: ReadonlyMap<string, string>, remove: readonly string[]): void {
    for (const name of remove) {
      if (!name.startsWith(prefix)) continue
      const key = name.slice(prefix.length)
      this.#stored.delete(key)
      this.#removed?.delete(key)
    }
    for (const [name, text] of set) {
      if (!name.startsWith(prefix)) continue
      const key = name.slice(prefix.length)
      this.#stored.set(key, text)
      // Unset while the save was under way: the store has it, the session does not.
      if (this.#live?.has(key) !== true) this.#setRemoved(key)
    }
  }

  /** Of what the store has. */
  get storedBytes(): number {
    let bytes = 0
    for (const [key, text] of this.#stored) bytes += bytesOf(key, text)
    return bytes
  }

  /** Bytes of all but one key. */
  bytesWithout(excluded: string | undefined): number {
    let bytes = 0
    for (const [key, text] of this.texts()) if (key !== excluded) bytes += bytesOf(key, text)
    return bytes
  }

  /** All of it, as text, changed or not. */
  texts(): Map<string, string> {
    if (this.#sources !== undefined) for (const key of this.#sources.keys()) this.#followSource(key)
    const texts = new Map(this.#stored)
    for (const key of this.#removed ?? []) texts.delete(key)
    for (const [key, value] of this.#live ?? []) texts.set(key, serializeValue(key, value))
    return texts
  }

  #setLive(key: string, value: unknown): void {
    ;(this.#live ??= new Map()).set(key, value)
  }

  #setRemoved(key: string): void {
    ;(this.#removed ??= new Set()).add(key)
  }

  /** What the app changed in its own object, after it was set, is a change too. The copy that `get` gave wins where both
   * were changed. */
  #followSource(key: string): void {
    const kept = this.#sources?.get(key)
    if (kept === undefined) return
    const text = serializeValue(key, kept.source)
    if (text === kept.text) return
    if (JSON.stringify(this.#live?.get(key)) === kept.text) this.#setLive(key, parseValue(text))
    kept.text = text
  }
}
