import { ChainedIndex } from './chained-index'
import { IntColumn } from './int-column'
import { copySession, type KeptSession } from './kept-session'
import { notPacked, PackedSessions } from './packed-sessions'
import { hashText } from './text-hash'

const chunkBits = 10
const chunkSize = 1 << chunkBits

/**
 * Sessions by handle and by subject. Each has a row: a number from 1 on, which is its own for as long as it is kept. Small
 * sessions are packed outside V8's heap, larger ones are objects.
 */
export class SessionTable {
  readonly #packed = new PackedSessions()
  /** Of packed sessions; of a row that is vacant the next vacant one. */
  readonly #addresses = new IntColumn()
  readonly #large: (KeptSession | undefined)[][] = []
  readonly #byHandle = new ChainedIndex()
  readonly #bySubject = new ChainedIndex()
  #firstVacant = 0
  #rows = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The session with that handle. */
  find(handle: string): KeptSession | undefined {
    let row = this.#byHandle.find(hashText(handle))
    for (; row !== 0; row = this.#byHandle.findNext(row)) {
      const kept = this.read(row)
      if (kept.handle === handle) return kept
    }
    return undefined
  }

  /** The sessions of a subject, in the order in which they were bound to it. */
  ofSubject(subject: string): KeptSession[] {
    const found: KeptSession[] = []
    let row = this.#bySubject.find(hashText(subject))
    for (; row !== 0; row = this.#bySubject.findNext(row)) {
      const kept = this.read(row)
      if (kept.record.subject === subject) found.push(kept)
    }
    return found.reverse()
  }

  /** A copy. */
  read(row: number): KeptSession {
    const address = this.#addresses.get(row)
    const kept = address === notPacked ? this.#large[row >> chunkBits]?.[row & (chunkSize - 1)] : undefined
    return kept === undefined ? this.#packed.read(address, row) : copySession(kept)
  }

  /** Gives the session a row, and adds it: it is the table's from now on. The handle is no other session's. */
  add(kept: KeptSession): void {
    const row = this.#firstVacant === 0 ? this.#rows + 1 : this.#firstVacant
    if (this.#firstVacant === 0) this.#rows = row
    else this.#firstVacant = this.#addresses.get(row)
    kept.row = row
    this.#addresses.set(row, notPacked)
    this.#write(kept)
    this.#byHandle.add(row, hashText(kept.handle))
    this.#index(kept)
    this.#size++
  }

  /** Puts a session in the place of what it was; it is the table's from now on. */
  replace(before: KeptSession, kept: KeptSession): void {
    this.#write(kept)
    if (before.record.subject === kept.record.subject) return
    this.#unindex(before)
    this.#index(kept)
  }

  delete(kept: KeptSession): void {
    const { row } = kept
    const address = this.#addresses.get(row)
    if (address === notPacked) this.#setLarge(row, undefined)
    else this.#packed.free(address)
    this.#byHandle.delete(row)
    this.#unindex(kept)
    this.#addresses.set(row, this.#firstVacant)
    this.#firstVacant = row
    this.#size--
  }

  #write(kept: KeptSession): void {
    const before = this.#addresses.get(kept.row)
    const address = this.#packed.put(kept, before)
    this.#addresses.set(kept.row, address)
    if (address === notPacked) this.#setLarge(kept.row, kept)
    else if (before === notPacked) this.#setLarge(kept.row, undefined)
  }

  #setLarge(row: number, kept: KeptSession | undefined): void {
    const chunk = this.#large[row >> chunkBits]
    if (chunk !== undefined) chunk[row & (chunkSize - 1)] = kept
    else if (kept !== undefined) {
      while (this.#large.length <= row >> chunkBits) this.#large.push([])
      this.#setLarge(row, kept)
    }
  }

  #index({ row, record: { subject } }: KeptSession): void {
    if (subject !== undefined) this.#bySubject.add(row, hashText(subject))
  }

  #unindex({ row, record: { subject } }: KeptSession): void {
    if (subject !== undefined) this.#bySubject.delete(row)
  }
}
