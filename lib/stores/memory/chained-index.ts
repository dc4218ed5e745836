import { IntColumn } from './int-column'

/**
 * Rows by hash: linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing", 1980), with the rows of a
 * bucket in a chain. It grows by one bucket with each row, so no call ever copies the table. Rows are numbers from 1 on;
 * several rows may have one hash.
 */
export class ChainedIndex {
  readonly #hashes = new IntColumn()
  readonly #next = new IntColumn()
  readonly #previous = new IntColumn()
  /** The first row of each bucket, or 0. */
  readonly #first = new IntColumn()
  #buckets = 1
  /** The largest power of two that is at most `#buckets`. */
  #power = 1
  #size = 0

  /** The row with that hash which was added last, or 0. */
  find(hash: number): number {
    return this.#from(this.#first.get(this.#bucketOf(hash)), hash)
  }

  /** The row of the same hash that was added before, or 0. */
  findNext(row: number): number {
    return this.#from(this.#next.get(row), this.#hashes.get(row))
  }

  add(row: number, hash: number): void {
    if (++this.#size > this.#buckets) this.#split()
    const bucket = this.#bucketOf(hash)
    const next = this.#first.get(bucket)
    this.#hashes.set(row, hash)
    this.#previous.set(row, 0)
    this.#next.set(row, next)
    if (next !== 0) this.#previous.set(next, row)
    this.#first.set(bucket, row)
  }

  delete(row: number): void {
    this.#size--
    const next = this.#next.get(row)
    const previous = this.#previous.get(row)
    if (next !== 0) this.#previous.set(next, previous)
    if (previous !== 0) this.#next.set(previous, next)
    else this.#first.set(this.#bucketOf(this.#hashes.get(row)), next)
  }

  #from(start: number, hash: number): number {
    let row = start
    while (row !== 0 && this.#hashes.get(row) !== hash) row = this.#next.get(row)
    return row
  }

  /** Buckets from `#power` on are the second halves of the first ones, as far as those have been split. */
  #bucketOf(hash: number): number {
    const bucket = hash & (2 * this.#power - 1)
    return bucket < this.#buckets ? bucket : bucket & (this.#power - 1)
  }

  /** Moves half of the next bucket to a new one; both keep their order. */
  #split(): void {
    const from = this.#buckets - this.#power
    const to = this.#buckets++
    let row = this.#first.get(from)
    this.#first.set(from, 0)
    let [lastKept, lastMoved] = [0, 0]
    while (row !== 0) {
      const next = this.#next.get(row)
      if ((this.#hashes.get(row) & this.#power) === 0) lastKept = this.#append(row, from, lastKept)
      else lastMoved = this.#append(row, to, lastMoved)
      row = next
    }
    if (this.#buckets === 2 * this.#power) this.#power = this.#buckets
  }

  #append(row: number, bucket: number, last: number): number {
    if (last === 0) this.#first.set(bucket, row)
    else this.#next.set(last, row)
    this.#previous.set(row, last)
    this.#next.set(row, 0)
    return row
  }
}
