import { ShardedMap } from './sharded-map'

/** Which items are whose. Most users have one session, so that one stands here itself, and only several are in a set. */
export class SubjectTable<T extends object> {
  readonly #table = new ShardedMap<T | Set<T>>()

  /** The items of a subject, in the order in which they were added; a list of its own. */
  of(subject: string): readonly T[] {
    const known = this.#table.get(subject)
    if (known === undefined) return []
    return known instanceof Set ? [...known] : [known]
  }

  add(subject: string, item: T): void {
    const known = this.#table.get(subject)
    if (known === item) return
    if (known === undefined) this.#table.set(subject, item)
    else if (known instanceof Set) known.add(item)
    else this.#table.set(subject, new Set([known, item]))
  }

  delete(subject: string, item: T): void {
    const known = this.#table.get(subject)
    if (known === item) this.#table.delete(subject)
    else if (known instanceof Set && known.delete(item) && known.size === 0) this.#table.delete(subject)
  }

  clear(): void {
    this.#table.clear()
  }
}
