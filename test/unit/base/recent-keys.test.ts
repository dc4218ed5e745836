import { RecentKeys } from '../../../lib/base/recent-keys'

test('remembers a key until its instant, which is too late itself', () => {
  const keys = new RecentKeys()
  keys.keep('a', 110, 100)
  expect([100, 109.999, 110].map((now) => keys.has('a', now))).toEqual([true, true, false])
  expect(keys.has('b', 100)).toBe(false)
})

test('forgets on request, and moves a key that is kept again', () => {
  const keys = new RecentKeys()
  keys.keep('a', 110, 100)
  keys.keep('a', 120, 105)
  expect(keys.has('a', 115)).toBe(true)
  keys.forget('a')
  expect(keys.has('a', 115)).toBe(false)
  expect(keys.size).toBe(0)
})

test('what is over makes room by itself', () => {
  const keys = new RecentKeys()
  for (let i = 0; i < 50; i++) keys.keep(`a${i}`, 110, 100)
  keys.keep('b', 130, 120)
  expect(keys.size).toBe(1)
})

test('never holds more than ten thousand: the oldest goes first', () => {
  const keys = new RecentKeys()
  for (let i = 0; i < 10_001; i++) keys.keep(`a${i}`, Infinity, 100)
  expect(keys.size).toBe(10_000)
  expect(keys.has('a0', 100)).toBe(false)
  expect(keys.has('a1', 100)).toBe(true)
})

test('holds more than ten thousand where it was made without a limit', () => {
  const keys = new RecentKeys(Infinity)
  for (let i = 0; i < 10_001; i++) keys.keep(`a${i}`, Infinity, 100)
  expect([keys.size, keys.has('a0', 100)]).toEqual([10_001, true])
})
