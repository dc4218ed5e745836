const chunkBits = 12
const chunkSize = 1 << chunkBits

/**
 * Whole numbers by row, outside V8's heap, 0 where none was set. In chunks, because an array that grows is copied: with a
 * million entries that takes milliseconds.
 */
export class IntColumn {
  readonly #chunks: Int32Array[] = []

  get(row: number): number {
    return this.#chunks[row >> chunkBits]?.[row & (chunkSize - 1)] ?? 0
  }

  set(row: number, value: number): void {
    const chunk = this.#chunks[row >> chunkBits] ?? this.#grow(row)
    chunk[row & (chunkSize - 1)] = value
  }

  #grow(row: number): Int32Array {
    let chunk: Int32Array
    do {
      chunk = new Int32Array(chunkSize)
      this.#chunks.push(chunk)
    } while (this.#chunks.length <= row >> chunkBits)
    return chunk
  }
}
