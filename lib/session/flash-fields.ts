import type { FieldChanges } from './fields'
import { bytesOf, keepValue, parseValue, serializeValue } from './json-value'

const prefix = 'f:'
let counter = 0
const noNames: readonly string[] = []

/**
 * Flash messages of one session: those that this request may read, and those for the next.
 *
 * In a record every message is a field of its own, `f:<tag>:<key>`, with a tag that no other has. So the request that
 * could read a message removes exactly the fields that it was given, and never a newer message of the same key that a
 * parallel request left in the meantime; no comparing is needed. Tags sort by time: the latest of a key is read.
 */
export class FlashFields {
  // Most sessions have no message: what they do not need is not made. Four empty tables took 700 bytes a request.
  #readable: Map<string, unknown> | undefined
  #given = noNames
  #next: Map<string, unknown> | undefined
  #saved: Map<string, { field: string; text: string }> | undefined

  static isField(name: string): boolean {
    return name.startsWith(prefix)
  }

  /** The key of the message in a field. */
  static keyOf(name: string): string {
    return name.slice(name.indexOf(':', prefix.length) + 1)
  }

  /** Takes over the messages among the fields that a record has. */
  static read(fields: ReadonlyMap<string, string>): FlashFields {
    const flash = new FlashFields()
    flash.#given = [...fields.keys()].filter((name) => FlashFields.isField(name)).sort()
    for (const name of flash.#given) {
      const value = parseValue(fields.get(name) ?? '')
      if (value !== undefined && value !== null) {
        flash.#makeReadable(FlashFields.keyOf(name), value)
      }
    }
    return flash
  }

  /** Messages that never were in a record, readable at once. */
  static of(messages: Iterable<readonly [string, unknown]>): FlashFields {
    const flash = new FlashFields()
    for (const [key, value] of messages) {
      if (value !== undefined && value !== null) flash.#makeReadable(key, keepValue(key, value).value)
    }
    return flash
  }

  get size(): number {
    return this.#readable?.size ?? 0
  }

  has(key: string): boolean {
    return this.#readable?.has(key) ?? false
  }

  get(key: string): unknown {
    return this.#readable?.get(key)
  }

  keys(): Iterable<string> {
    return this.#readable?.keys() ?? noNames
  }

  /** Leaves a message, which JSON can carry, for the next request; it may be changed until then. */
  put(key: string, value: unknown): void {
    ;(this.#next ??= new Map()).set(key, value)
  }

  /** Takes a message for the next request back. */
  takeBack(key: string): void {
    this.#next?.delete(key)
  }

  /** Bytes of the messages for the next request, of all keys but one. */
  bytesWithout(excluded: string | undefined): number {
    let bytes = 0
    for (const [key, text] of this.texts()) if (key !== excluded) bytes += bytesOf(key, text)
    return bytes
  }

  /** What the next request will read, as text. */
  texts(): Map<string, string> {
    return new Map([...(this.#next ?? [])].map(([key, value]) => [key, serializeValue(key, value)]))
  }

  /** @param takesReadable Whether what can be read here is removed. */
  changes(set: Map<string, string>, remove: string[], takesReadable = true): void {
    if (takesReadable) remove.push(...this.#given)
    if (this.#next === undefined) return
    for (const [key, value] of this.#next) {
      const text = serializeValue(key, value)
      const saved = this.#saved?.get(key)
      if (saved?.text === text) continue
      if (saved !== undefined) remove.push(saved.field)
      set.set(`${prefix}${nextTag()}:${key}`, text)
    }
    for (const [key, { field }] of this.#saved ?? []) if (!this.#next.has(key)) remove.push(field)
  }

  /** The store has these changes now. */
  settle({ set, remove }: FieldChanges): void {
    if (remove.length > 0) {
      const removed = new Set(remove)
      this.#given = this.#given.filter((field) => !removed.has(field))
      for (const [key, { field }] of this.#saved ?? []) if (removed.has(field)) this.#saved?.delete(key)
    }
    if (this.#next === undefined) return
    const saved = (this.#saved ??= new Map<string, { field: string; text: string }>())
    for (const [field, text] of set) {
      if (FlashFields.isField(field)) saved.set(FlashFields.keyOf(field), { field, text })
    }
  }

  #makeReadable(key: string, value: unknown): void {
    ;(this.#readable ??= new Map()).set(key, value)
  }
}

/** Sorts by time, and is unique: two requests in one millisecond, or in two processes, never share one. */
function nextTag(): string {
  counter = (counter + 1) % 46_656
  const order = Date.now().toString(36).padStart(9, '0') + counter.toString(36).padStart(3, '0')
  return order + Math.random().toString(36).slice(2, 8)
}
