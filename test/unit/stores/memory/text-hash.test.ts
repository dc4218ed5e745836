import { hashText } from '../../../../lib/stores/memory/text-hash'

/** A text whose UTF-16 units are the bytes 0, 1, 2, … */
const ofBytes = (count: number) =>
  Array.from({ length: count / 2 }, (_, unit) => String.fromCharCode((2 * unit) | ((2 * unit + 1) << 8))).join('')

/** HalfSipHash-1-3 of the bytes 0, 1, 2, …, with the bytes 0 to 7 as the key: of the test vectors of the Linux kernel. */
test.each([
  [0, 0x5814c896],
  [2, 0xbc4b0e30],
  [4, 0x7e059ea6],
  [6, 0xa0080b65],
])('a text of %d bytes has the published hash', (count, expected) => {
  expect(hashText(ofBytes(count), 0x03020100, 0x07060504) >>> 0).toBe(expected)
})

test('the hash of a text is the same each time, and another with another key', () => {
  expect(hashText('user1')).toBe(hashText(['user', 1].join('')))
  expect(hashText('user1', 1, 2)).not.toBe(hashText('user1', 1, 3))
})

test('the hashes of like texts fill all buckets alike', () => {
  const buckets = Array.from({ length: 64 }, () => 0)
  for (let n = 0; n < 6400; n++) {
    const bucket = hashText(`user${n}`) & 63
    buckets[bucket] = (buckets[bucket] ?? 0) + 1
  }
  expect(Math.min(...buckets)).toBeGreaterThan(50)
  expect(Math.max(...buckets)).toBeLessThan(160)
})
