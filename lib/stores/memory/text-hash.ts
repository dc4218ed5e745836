import { randomBytes } from 'node:crypto'

/** New in each process, so that no user can choose texts of which all have one hash. */
const key = randomBytes(8)
const low = key.readInt32LE(0)
const high = key.readInt32LE(4)

/** Rounds after the last word. */
const finalRounds = 3

/**
 * A hash of 32 bits that only who knows the key can compute: HalfSipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF", 2012) of the UTF-16 units of a text.
 */
export function hashText(text: string, key0 = low, key1 = high): number {
  const { length } = text
  const words = length >> 1
  let v0 = key0
  let v1 = key1
  let v2 = 0x6c796765 ^ key0
  let v3 = 0x74656462 ^ key1
  for (let round = 0; round <= words + finalRounds; round++) {
    let word = 0
    if (round < words) word = text.charCodeAt(2 * round) | (text.charCodeAt(2 * round + 1) << 16)
    // The last word has the length in bytes, modulo 256, and the unit that is left over.
    else if (round === words) word = (length << 25) | ((length & 1) === 0 ? 0 : text.charCodeAt(length - 1))
    else if (round === words + 1) v2 ^= 0xff
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  return v1 ^ v3
}
