interface Entry {
  readonly key: string
  deadline: number
  index: number
}

/** Keys by deadline, earliest first: a binary heap that knows where each key stands, so that moving one costs O(log n). */
export class DeadlineQueue {
  readonly #heap: Entry[] = []
  readonly #entries = new Map<string, Entry>()

  get size(): number {
    return this.#heap.length
  }

  /** The key whose deadline comes first, or undefined. */
  first(): { readonly key: string; readonly deadline: number } | undefined {
    return this.#heap[0]
  }

  /** Adds the key, or moves it. */
  set(key: string, deadline: number): void {
    const known = this.#entries.get(key)
    if (known === undefined) {
      const entry: Entry = { key, deadline, index: this.#heap.length }
      this.#entries.set(key, entry)
      this.#heap.push(entry)
      this.#rise(entry)
      return
    }
    if (known.deadline === deadline) return
    const earlier = deadline < known.deadline
    known.deadline = deadline
    if (earlier) this.#rise(known)
    else this.#sink(known)
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    const last = this.#heap.pop()
    if (last === undefined || last === entry) return
    this.#place(last, entry.index)
    this.#rise(last)
    this.#sink(last)
  }

  clear(): void {
    this.#heap.length = 0
    this.#entries.clear()
  }

  #place(entry: Entry, index: number): void {
    this.#heap[index] = entry
    entry.index = index
  }

  #rise(entry: Entry): void {
    while (entry.index > 0) {
      const above = (entry.index - 1) >> 1
      const parent = this.#heap[above]
      if (parent === undefined || parent.deadline <= entry.deadline) return
      this.#place(parent, entry.index)
      this.#place(entry, above)
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1]
      const right = this.#heap[2 * entry.index + 2]
      if (left === undefined) return
      const child = right !== undefined && right.deadline < left.deadline ? right : left
      if (child.deadline >= entry.deadline) return
      const at = child.index
      this.#place(child, entry.index)
      this.#place(entry, at)
    }
  }
}
