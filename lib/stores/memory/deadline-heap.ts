import type { IntColumn } from './int-column'

const chunkBits = 10
/** Rows in one chunk. */
const chunkSize = 1 << chunkBits

interface Chunk {
  readonly rows: Int32Array
  readonly deadlines: Float64Array
}

/**
 * Rows by deadline, earliest first: a binary heap that knows the place of each row, so that moving or removing one costs
 * O(log n). It stands in chunks, because an array that grows is copied: with a million rows that took 25 ms. Rows are
 * numbers from 1 on.
 */
export class DeadlineHeap {
  readonly #chunks: Chunk[] = []
  readonly #places: IntColumn
  #size = 0

  /** @param places The place of each row in its heap. Heaps may share it: no row is in two of them. */
  constructor(places: IntColumn) {
    this.#places = places
  }

  /** 0 when the heap is empty. */
  get first(): number {
    return this.#rowAt(0)
  }

  /** Infinity when the heap is empty. */
  get firstDeadline(): number {
    return this.#deadlineAt(0)
  }

  add(row: number, deadline: number): void {
    if (this.#size >> chunkBits === this.#chunks.length) {
      this.#chunks.push({ rows: new Int32Array(chunkSize), deadlines: new Float64Array(chunkSize) })
    }
    this.#rise(row, deadline, this.#size++)
  }

  move(row: number, deadline: number): void {
    const place = this.#places.get(row)
    const before = this.#deadlineAt(place)
    if (deadline === before) return
    if (deadline < before) this.#rise(row, deadline, place)
    else this.#sink(row, deadline, place)
  }

  delete(row: number): void {
    const place = this.#places.get(row)
    const last = this.#rowAt(this.#size - 1)
    const deadline = this.#deadlineAt(this.#size - 1)
    this.#size--
    // One chunk more than needed stays, so that a size that goes up and down around a border makes none.
    if (this.#chunks.length > (this.#size >> chunkBits) + 2) this.#chunks.pop()
    if (last === row) return
    if (deadline < this.#deadlineAt(place)) this.#rise(last, deadline, place)
    else this.#sink(last, deadline, place)
  }

  #rowAt(place: number): number {
    if (place >= this.#size) return 0
    return this.#chunks[place >> chunkBits]?.rows[place & (chunkSize - 1)] ?? 0
  }

  #deadlineAt(place: number): number {
    if (place >= this.#size) return Infinity
    return this.#chunks[place >> chunkBits]?.deadlines[place & (chunkSize - 1)] ?? Infinity
  }

  #put(row: number, deadline: number, place: number): void {
    const chunk = this.#chunks[place >> chunkBits]
    if (chunk === undefined) return
    chunk.rows[place & (chunkSize - 1)] = row
    chunk.deadlines[place & (chunkSize - 1)] = deadline
    this.#places.set(row, place)
  }

  #rise(row: number, deadline: number, from: number): void {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const parentDeadline = this.#deadlineAt(above)
      if (parentDeadline <= deadline) break
      this.#put(this.#rowAt(above), parentDeadline, place)
      place = above
    }
    this.#put(row, deadline, place)
  }

  #sink(row: number, deadline: number, from: number): void {
    let place = from
    for (;;) {
      const left = 2 * place + 1
      const below = this.#deadlineAt(left + 1) < this.#deadlineAt(left) ? left + 1 : left
      const childDeadline = this.#deadlineAt(below)
      if (childDeadline >= deadline) break
      this.#put(this.#rowAt(below), childDeadline, place)
      place = below
    }
    this.#put(row, deadline, place)
  }
}
