import { ByteBlocks, offsetOf } from '../../../../lib/stores/memory/byte-blocks'
import { Random } from '../../../model/random'

test('blocks of all sizes keep what is in them while others come and go', () => {
  const random = new Random(20261122)
  const blocks = new ByteBlocks()
  const kept = new Map<number, { size: number; mark: number }>()
  let mark = 0
  const bytesOf = (address: number, size: number) => {
    const at = offsetOf(address)
    return blocks.pageOf(address).bytes.subarray(at, at + size)
  }
  const addresses: number[] = []
  for (const [most, adds] of [
    [3000, 0.8],
    [100, 0.2],
    [2000, 0.6],
    [0, 0],
  ] as const) {
    while (adds > 0.5 ? kept.size < most : kept.size > most) {
      if (kept.size === 0 || random.next() < adds) {
        const size = 1 + Math.floor(random.next() ** 3 * 4000)
        const address = blocks.allocate(size)
        expect(kept.has(address)).toBe(false)
        mark = (mark + 1) % 256
        bytesOf(address, size).fill(mark)
        kept.set(address, { size, mark })
        addresses.push(address)
      } else {
        const [address = -1] = addresses.splice(Math.floor(random.next() * addresses.length), 1)
        const { size, mark: own } = kept.get(address) ?? { size: 0, mark: -1 }
        const bytes = bytesOf(address, size)
        expect(bytes.every((byte) => byte === own)).toBe(true)
        blocks.free(address)
        kept.delete(address)
      }
    }
    for (const [address, { size, mark: own }] of kept) {
      expect(bytesOf(address, size).every((byte) => byte === own)).toBe(true)
    }
  }
})

test('a block fits what has its size, and nothing that needs a larger or a smaller one', () => {
  const blocks = new ByteBlocks()
  const address = blocks.allocate(100)
  expect([97, 128].map((bytes) => blocks.fits(address, bytes))).toEqual([true, true])
  expect([96, 129].map((bytes) => blocks.fits(address, bytes))).toEqual([false, false])
})

test('the room of a full page is used again, and that of a page between two others that have room', () => {
  const blocks = new ByteBlocks()
  const [first, second, third] = [1, 2, 3].map(() => Array.from({ length: 64 }, () => blocks.allocate(1024)))
  if (first === undefined || second === undefined || third === undefined) throw new Error('no pages')
  const holes = [first, second, third].map((page) => page[7] ?? -1)
  for (const address of holes) blocks.free(address)
  for (const address of second) if (!holes.includes(address)) blocks.free(address)
  const again = Array.from({ length: 2 + 2 * 64 }, () => blocks.allocate(1024))
  expect(again.slice(0, 2).sort()).toEqual([first[7], third[7]].sort())
  expect(new Set([...first, ...third, ...again]).size).toBe(64 * 4)
})

test('what has become empty serves blocks of another size', () => {
  const blocks = new ByteBlocks()
  const pages = new Set<unknown>()
  for (let round = 0; round < 20; round++) {
    const size = 64 + 32 * round
    const addresses = Array.from({ length: 5000 }, () => blocks.allocate(size))
    for (const address of addresses) pages.add(blocks.pageOf(address).bytes)
    for (const address of addresses) blocks.free(address)
  }
  const first = blocks.pageOf(blocks.allocate(64)).bytes
  expect(pages.has(first)).toBe(true)
})

test('pages beyond the spare ones are given back, and their places used again', () => {
  const blocks = new ByteBlocks()
  const fill = () => Array.from({ length: 2048 }, () => blocks.allocate(2048))
  const before = fill()
  const given = before.map((address) => blocks.pageOf(address))
  for (const address of before) blocks.free(address)
  const after = fill()
  expect(new Set(after).size).toBe(2048)
  expect(Math.max(...after)).toBeLessThanOrEqual(Math.max(...before))
  const kept = new Set(given)
  const again = new Set(after.map((address) => blocks.pageOf(address)).filter((page) => kept.has(page)))
  expect(again.size).toBe(16)
})

test('an address of no block is refused', () => {
  expect(() => new ByteBlocks().pageOf(5000)).toThrow(RangeError)
})
