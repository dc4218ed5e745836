import {
  applyChanges,
  bytesOfTexts,
  type FieldChanges,
  keyOfField,
  type Texts,
  textsOfFields,
  valueField,
} from './fields'
import { bytesOf, type KeptValue, parseValue, serializeValue } from './json-value'

/**
 * Values by key that know which of them changed. They stay text until they are read; the ones that were handed
 * out are compared, as text, with what the store has, so that `values.get('cart').push(x)` counts and reading does not.
 *
 * What the store has are the fields of a record, as they were loaded: opening a session copies nothing, however many values
 * it has.
 */
export class TrackedValues {
  /** The fields that the store has: never changed, only replaced. */
  #stored: Texts
  // Made when they are needed: a request that reads a number or a text needs none of the three.
  #live: Map<string, unknown> | undefined
  #removed: Set<string> | undefined
  /** What the app holds of a value that is kept as a copy, with the text of the copy. */
  #sources: Map<string, { readonly source: unknown; text: string }> | undefined

  /** @param stored The fields of a record; never changed here. Those that hold no value are left alone. */
  constructor(stored: Texts) {
    this.#stored = stored
  }

  get size(): number {
    return this.keys().length
  }

  keys(): string[] {
    const keys = new Set([...textsOfFields(this.#stored).keys(), ...(this.#live?.keys() ?? [])])
    return [...keys].filter((key) => this.has(key))
  }

  has(key: string): boolean {
    if (this.#live?.has(key) === true) return true
    return this.#removed?.has(key) !== true && this.#textOf(key) !== undefined
  }

  get(key: string): unknown {
    if (this.#sources !== undefined) this.#followSource(key)
    const live = this.#live?.get(key)
    if (live !== undefined || this.#removed?.has(key) === true) return live
    const text = this.#textOf(key)
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
    if (this.#textOf(key) !== undefined) this.#setRemoved(key)
  }

  /** Adds to `set` and `remove`, by field, what became of the values since they were loaded or last saved. */
  changes(set: Map<string, string>, remove: string[]): void {
    if (this.#sources !== undefined) for (const key of this.#sources.keys()) this.#followSource(key)
    if (this.#live !== undefined) {
      for (const [key, value] of this.#live) {
        const text = serializeValue(key, value)
        if (text !== this.#textOf(key)) set.set(valueField(key), text)
      }
    }
    if (this.#removed !== undefined) for (const key of this.#removed) remove.push(valueField(key))
  }

  /** The store has these changes now. What changed since they were taken is still a change. */
  settle(changes: FieldChanges): void {
    const before = this.#stored
    this.#stored = applyChanges(before, changes)
    for (const name of changes.remove) this.#removed?.delete(keyOfField(name) ?? '')
    for (const [name, text] of changes.set) {
      const key = keyOfField(name)
      if (key === undefined || this.#live?.has(key) === true) continue
      // Unset while the save was under way: the store has it, the session does not. What was text all the time is still there.
      if (before.get(name) !== text) this.#setRemoved(key)
    }
  }

  /** Of what the store has. */
  get storedBytes(): number {
    return bytesOfTexts(textsOfFields(this.#stored))
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
    const texts = new Map(textsOfFields(this.#stored))
    for (const key of this.#removed ?? []) texts.delete(key)
    for (const [key, value] of this.#live ?? []) texts.set(key, serializeValue(key, value))
    return texts
  }

  /** What the store has of a key. */
  #textOf(key: string): string | undefined {
    return this.#stored.get(valueField(key))
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
