const pageBits = 16
/** Bytes. */
const pageSize = 1 << pageBits
const unitBits = 5
/** Blocks are multiples of this many bytes, and begin at one. */
const unit = 1 << unitBits
/** Empty pages that are kept for the next blocks, of whatever size; the others are given back. */
const mostSpare = 16

/** A piece of memory outside V8's heap, seen as bytes and as numbers. It holds blocks of one size. */
export interface Page {
  readonly bytes: Buffer
  readonly doubles: Float64Array
  readonly ints: Int32Array
  readonly place: number
  /** Of its blocks, in units. */
  units: number
  used: number
  /** Where the blocks begin that were never used. */
  fresh: number
  /** The byte where the first free block begins, which has in it where the next one does; or -1. */
  free: number
  /** Its neighbours in the list of pages that have room for a block of this size. */
  next: Page | undefined
  previous: Page | undefined
}

/**
 * Blocks of memory outside V8's heap, by address: what is kept in them costs its garbage collector nothing. Pages of
 * 64 kB hold blocks of one size each, a multiple of 32 bytes; a page that has become empty serves blocks of any size.
 */
export class ByteBlocks {
  /** Undefined where a page was given back. */
  readonly #pages: (Page | undefined)[] = []
  readonly #vacant: number[] = []
  readonly #spare: Page[] = []
  /** By units of a block, the first page with room. */
  readonly #withRoom: (Page | undefined)[] = []

  /** The address of a block of at least so many bytes, at most a page. Its content is undefined. */
  allocate(bytes: number): number {
    const units = (bytes + unit - 1) >> unitBits
    const page = this.#withRoom[units] ?? this.#addPage(units)
    let at = page.free
    if (at === -1) {
      at = page.fresh
      page.fresh += units << unitBits
    } else page.free = page.ints[at >> 2] ?? -1
    page.used++
    if (!hasRoom(page)) this.#unlist(page)
    return (page.place << (pageBits - unitBits)) | (at >> unitBits)
  }

  free(address: number): void {
    const page = this.pageOf(address)
    const at = offsetOf(address)
    const wasFull = !hasRoom(page)
    page.ints[at >> 2] = page.free
    page.free = at
    page.used--
    if (wasFull) this.#list(page)
    if (page.used === 0) this.#release(page)
  }

  /** Whether the block has so many bytes and not a unit more. */
  fits(address: number, bytes: number): boolean {
    return this.pageOf(address).units === (bytes + unit - 1) >> unitBits
  }

  pageOf(address: number): Page {
    const page = this.#pages[address >>> (pageBits - unitBits)]
    if (page === undefined) throw new RangeError('there is no block at this address')
    return page
  }

  #addPage(units: number): Page {
    const page = this.#spare.pop() ?? makePage(this.#vacant.pop() ?? this.#pages.length)
    this.#pages[page.place] = page
    page.units = units
    page.fresh = 0
    page.free = -1
    this.#list(page)
    return page
  }

  #release(page: Page): void {
    this.#unlist(page)
    if (this.#spare.length < mostSpare) {
      this.#spare.push(page)
      return
    }
    this.#pages[page.place] = undefined
    this.#vacant.push(page.place)
  }

  #list(page: Page): void {
    const next = this.#withRoom[page.units]
    page.next = next
    page.previous = undefined
    if (next !== undefined) next.previous = page
    this.#withRoom[page.units] = page
  }

  #unlist(page: Page): void {
    const { next, previous } = page
    if (next !== undefined) next.previous = previous
    if (previous !== undefined) previous.next = next
    else this.#withRoom[page.units] = next
  }
}

/** The byte of its page at which a block begins. */
export function offsetOf(address: number): number {
  return (address << unitBits) & (pageSize - 1)
}

function hasRoom({ free, fresh, units }: Page): boolean {
  return free !== -1 || fresh + (units << unitBits) <= pageSize
}

function makePage(place: number): Page {
  const memory = new ArrayBuffer(pageSize)
  return {
    bytes: Buffer.from(memory),
    doubles: new Float64Array(memory),
    ints: new Int32Array(memory),
    place,
    units: 0,
    used: 0,
    fresh: 0,
    free: -1,
    next: undefined,
    previous: undefined,
  }
}
