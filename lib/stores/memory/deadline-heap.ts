/** What a {@link DeadlineHeap} holds: it keeps its place in the heap up to date. */
export interface HeapItem {
  /** -1 while it is in none. */
  place: number
}

const chunkBits = 10
/** Items in one chunk. */
const chunkSize = 1 << chunkBits

/** Some items, and their deadlines in an array of their own, where a number takes 8 bytes. */
interface Chunk<T> {
  readonly items: (T | undefined)[]
  readonly deadlines: Float64Array
}

/**
 * Items by deadline, earliest first: a binary heap whose items know their place, so that moving or removing one costs
 * O(log n) and no look-up. It stands in chunks, because an array that grows is copied: with a million items that
 * took 25 ms.
 */
export class DeadlineHeap<T extends HeapItem> {
  readonly #chunks: Chunk<T>[] = []
  #size = 0

  get first(): T | undefined {
    return this.#itemAt(0)
  }

  /** Infinity when the heap is empty. */
  get firstDeadline(): number {
    return this.#deadlineAt(0)
  }

  add(item: T, deadline: number): void {
    if (this.#size >> chunkBits === this.#chunks.length) {
      this.#chunks.push({ items: [], deadlines: new Float64Array(chunkSize) })
    }
    this.#rise(item, deadline, this.#size++)
  }

  move(item: T, deadline: number): void {
    const { place } = item
    const before = this.#deadlineAt(place)
    if (deadline === before) return
    if (deadline < before) this.#rise(item, deadline, place)
    else this.#sink(item, deadline, place)
  }

  delete(item: T): void {
    const { place } = item
    item.place = -1
    const last = this.#itemAt(this.#size - 1)
    const deadline = this.#deadlineAt(this.#size - 1)
    if (last === undefined) return
    this.#size--
    this.#chunks[this.#size >> chunkBits]?.items.pop()
    // One chunk more than needed stays, so that a size that goes up and down around a border makes none.
    if (this.#chunks.length > (this.#size >> chunkBits) + 2) this.#chunks.pop()
    if (last === item) return
    if (deadline < this.#deadlineAt(place)) this.#rise(last, deadline, place)
    else this.#sink(last, deadline, place)
  }

  clear(): void {
    this.#chunks.length = 0
    this.#size = 0
  }

  #itemAt(place: number): T | undefined {
    return this.#chunks[place >> chunkBits]?.items[place & (chunkSize - 1)]
  }

  #deadlineAt(place: number): number {
    if (place >= this.#size) return Infinity
    return this.#chunks[place >> chunkBits]?.deadlines[place & (chunkSize - 1)] ?? Infinity
  }

  #put(item: T, deadline: number, place: number): void {
    const chunk = this.#chunks[place >> chunkBits]
    if (chunk === undefined) return
    chunk.items[place & (chunkSize - 1)] = item
    chunk.deadlines[place & (chunkSize - 1)] = deadline
    item.place = place
  }

  #rise(item: T, deadline: number, from: number): void {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#itemAt(above)
      const parentDeadline = this.#deadlineAt(above)
      if (parent === undefined || parentDeadline <= deadline) break
      this.#put(parent, parentDeadline, place)
      place = above
    }
    this.#put(item, deadline, place)
  }

  #sink(item: T, deadline: number, from: number): void {
    let place = from
    for (;;) {
      const left = 2 * place + 1
      const below = this.#deadlineAt(left + 1) < this.#deadlineAt(left) ? left + 1 : left
      const child = this.#itemAt(below)
      const childDeadline = this.#deadlineAt(below)
      if (child === undefined || childDeadline >= deadline) break
      this.#put(child, childDeadline, place)
      place = below
    }
    this.#put(item, deadline, place)
  }
}
