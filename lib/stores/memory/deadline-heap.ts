/** What a {@link DeadlineHeap} holds: it keeps its place in the heap up to date. */
export interface HeapItem {
  /** -1 while it is in none. */
  place: number
}

/**
 * Items by deadline, earliest first: a binary heap whose items know their place, so that moving or removing one costs
 * O(log n) and no look-up. The deadlines stand in an array of their own, where a number takes 8 bytes.
 */
export class DeadlineHeap<T extends HeapItem> {
  readonly #items: T[] = []
  readonly #deadlines: number[] = []

  get first(): T | undefined {
    return this.#items[0]
  }

  /** Infinity when the heap is empty. */
  get firstDeadline(): number {
    return this.#deadlines[0] ?? Infinity
  }

  add(item: T, deadline: number): void {
    this.#items.push(item)
    this.#deadlines.push(deadline)
    this.#rise(item, deadline, this.#items.length - 1)
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
    const last = this.#items.pop()
    const deadline = this.#deadlines.pop()
    if (last === undefined || deadline === undefined || last === item) return
    if (deadline < this.#deadlineAt(place)) this.#rise(last, deadline, place)
    else this.#sink(last, deadline, place)
  }

  clear(): void {
    this.#items.length = 0
    this.#deadlines.length = 0
  }

  #deadlineAt(place: number): number {
    return this.#deadlines[place] ?? Infinity
  }

  #put(item: T, deadline: number, place: number): void {
    this.#items[place] = item
    this.#deadlines[place] = deadline
    item.place = place
  }

  #rise(item: T, deadline: number, from: number): void {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#items[above]
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
      const child = this.#items[below]
      const childDeadline = this.#deadlineAt(below)
      if (child === undefined || childDeadline >= deadline) break
      this.#put(child, childDeadline, place)
      place = below
    }
    this.#put(item, deadline, place)
  }
}
