import type { SessionRecord } from '../../session/record'
import { ByteBlocks, offsetOf, type Page } from './byte-blocks'
import type { KeptSession } from './kept-session'
import { sharedNames, shareNames } from './shared-names'

/*
 * A packed session:
 *
 *     8 doubles     the instants, the epoch, the estimate of its size; NaN where there is none
 *     1 int         whether the text has 1 or 2 bytes a character
 *     1 int         the number of its list of names, or -1 when the names are in the text
 *     1 int         how many fields it has
 *     ints          the length of each part of the text in characters, -1 where there is none
 *     the text      handle, hash, subject, context, ids before and after (JSON), names (JSON), the text of each field
 */
const doubles = 8
const firstInt = 2 * doubles
const partsBeforeFields = 6
const firstLength = firstInt + 3
const fieldLengths = firstLength + partsBeforeFields

/** Characters of a session's text, and fields. What is longer is not packed: a read would copy all of it for one value. */
const longestPacked = 1000
const mostFields = 100

/** An address that is none. */
export const notPacked = -1

/** Sessions outside V8's heap, one in a block of memory each. A read makes the session anew. */
export class PackedSessions {
  readonly #blocks = new ByteBlocks()

  /**
   * Packs a session, in the block of the one that it replaces where that has its size.
   *
   * @param before The address of the session that it replaces, or `notPacked`. That block is free afterwards, or has the session.
   * @returns The address, or `notPacked` when the session is too large.
   */
  put(kept: KeptSession, before: number): number {
    const { handle, record, context, fields } = kept
    const { texts } = fields
    const shared = texts.length <= mostFields ? shareNames(fields.names) : -1
    const ids = idsText(record)
    const names = shared === -1 ? JSON.stringify(fields.names) : ''
    let text = handle + record.hash + (record.subject ?? '') + (context ?? '') + (ids ?? '') + names
    for (let place = 0; place < texts.length && text.length <= longestPacked; place++) text += texts[place] ?? ''
    if (text.length > longestPacked || texts.length > mostFields) {
      if (before !== notPacked) this.#blocks.free(before)
      return notPacked
    }
    const isAscii = Buffer.byteLength(text) === text.length
    const textAt = 4 * (fieldLengths + texts.length)
    const address = this.#blockFor(before, textAt + text.length * (isAscii ? 1 : 2))
    const page = this.#blocks.pageOf(address)
    const at = offsetOf(address)
    putNumbers(page, at, kept)
    const { ints } = page
    let next = (at >> 2) + firstInt
    ints[next++] = isAscii ? 1 : 2
    ints[next++] = shared
    ints[next++] = texts.length
    ints[next++] = handle.length
    ints[next++] = record.hash.length
    ints[next++] = record.subject?.length ?? -1
    ints[next++] = context?.length ?? -1
    ints[next++] = ids?.length ?? -1
    ints[next++] = names.length
    for (const { length } of texts) ints[next++] = length
    page.bytes.write(text, at + textAt, isAscii ? 'latin1' : 'utf16le')
    return address
  }

  /** @param row Of the session, in the table. */
  read(address: number, row: number): KeptSession {
    const page = this.#blocks.pageOf(address)
    const at = offsetOf(address)
    const { ints, doubles: numbers } = page
    const first = at >> 2
    const size = ints[first + firstInt] ?? 1
    const shared = ints[first + firstInt + 1] ?? -1
    const count = ints[first + firstInt + 2] ?? 0
    const textAt = at + 4 * (fieldLengths + count)
    let length = 0
    for (let part = firstLength; part < fieldLengths + count; part++) length += Math.max(0, ints[first + part] ?? 0)
    const text = page.bytes.toString(size === 1 ? 'latin1' : 'utf16le', textAt, textAt + length * size)
    const parts = new Parts(text, ints, first + firstLength)
    const handle = parts.next() ?? ''
    const hash = parts.next() ?? ''
    const subject = parts.next()
    const context = parts.next()
    const ids = parts.next()
    const ownNames = parts.next() ?? ''
    const names = shared === -1 ? (JSON.parse(ownNames) as string[]) : sharedNames(shared)
    // As long as it has to be: a list that grows takes room for seventeen.
    const texts = names.slice()
    for (let place = 0; place < count; place++) texts[place] = parts.next() ?? ''
    const { previous, pending } = ids === undefined ? noIds : (JSON.parse(ids) as OtherIds)
    const from = at >> 3
    const record: SessionRecord = {
      hash,
      previous,
      previousUntil: numberOrNone(numbers[from + 5]),
      pending,
      epoch: numbers[from + 6] ?? 0,
      subject,
      context: undefined,
      createdAt: numbers[from] ?? 0,
      issuedAt: numbers[from + 1] ?? 0,
      accessedAt: numbers[from + 2] ?? 0,
      idleUntil: numberOrNone(numbers[from + 4]),
      expiresAt: numbers[from + 3] ?? 0,
    }
    return { row, handle, record, context, fields: { names, texts }, bytes: numbers[from + 7] ?? 0 }
  }

  free(address: number): void {
    this.#blocks.free(address)
  }

  #blockFor(before: number, bytes: number): number {
    if (before !== notPacked) {
      if (this.#blocks.fits(before, bytes)) return before
      this.#blocks.free(before)
    }
    return this.#blocks.allocate(bytes)
  }
}

/** Cuts a text into parts, one after the other. */
class Parts {
  readonly #text: string
  readonly #lengths: Int32Array
  #place: number
  #from = 0

  constructor(text: string, lengths: Int32Array, first: number) {
    this.#text = text
    this.#lengths = lengths
    this.#place = first
  }

  next(): string | undefined {
    const length = this.#lengths[this.#place++] ?? -1
    if (length === -1) return undefined
    const from = this.#from
    this.#from = from + length
    return this.#text.slice(from, this.#from)
  }
}

type OtherIds = Pick<SessionRecord, 'previous' | 'pending'>
const noIds: OtherIds = {}

/** JSON of the ids that a session has beside its current one, if it has any: hashes. */
function idsText({ previous, pending }: SessionRecord): string | undefined {
  return previous === undefined && pending === undefined ? undefined : JSON.stringify({ previous, pending })
}

function putNumbers({ doubles: numbers }: Page, at: number, { record, bytes }: KeptSession): void {
  const from = at >> 3
  numbers[from] = record.createdAt
  numbers[from + 1] = record.issuedAt
  numbers[from + 2] = record.accessedAt
  numbers[from + 3] = record.expiresAt
  numbers[from + 4] = record.idleUntil ?? NaN
  numbers[from + 5] = record.previousUntil ?? NaN
  numbers[from + 6] = record.epoch
  numbers[from + 7] = bytes
}

function numberOrNone(value = NaN): number | undefined {
  return Number.isNaN(value) ? undefined : value
}
