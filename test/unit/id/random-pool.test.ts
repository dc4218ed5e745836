import crypto from 'node:crypto'
import { RandomPool } from '../../../lib/id/random-pool'

afterEach(() => jest.restoreAllMocks())

/** A generator that counts, so that a test sees which bytes were given. */
function counting() {
  let next = 0
  const buffers: Uint8Array[] = []
  const fill = jest.spyOn(crypto, 'randomFillSync').mockImplementation(((bytes: Uint8Array) => {
    buffers.push(bytes)
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, 0)
    for (let i = 0; i < bytes.length; i += 4) new DataView(bytes.buffer, bytes.byteOffset).setUint32(i, next++)
    return bytes
  }) as never)
  return { fill, buffers }
}

test('no byte is given twice', () => {
  const { fill } = counting()
  const pool = new RandomPool()
  const words = new Set<number>()
  for (let i = 0; i < 1000; i++) {
    const bytes = Buffer.from(pool.take(36), 'base64url')
    expect(bytes).toHaveLength(36)
    for (let at = 0; at < 36; at += 4) words.add(bytes.readUInt32BE(at))
  }
  expect(words.size).toBe(9000)
  expect(fill).toHaveBeenCalledTimes(Math.ceil(1000 / Math.floor(4096 / 36)))
})

test('the pool keeps no byte that it has given', () => {
  const { buffers } = counting()
  const pool = new RandomPool()
  for (let i = 0; i < 113; i++) pool.take(36)
  expect([...(buffers[0] ?? [])].slice(0, 113 * 36).every((byte) => byte === 0)).toBe(true)
  pool.take(36)
  expect([...(buffers[0] ?? [])].slice(0, 36).every((byte) => byte === 0)).toBe(true)
})

test('the pool fetches nothing before the first call, and gives any length up to 4096', () => {
  const { fill } = counting()
  const pool = new RandomPool()
  expect(fill).not.toHaveBeenCalled()
  for (const length of [1, 16, 268, 4096, 1]) expect(Buffer.from(pool.take(length), 'base64url')).toHaveLength(length)
})
