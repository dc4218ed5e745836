import { DueTimer } from '../../../lib/channels/due-timer'

let now = 1000
let called: string[] = []
let timer: DueTimer

beforeEach(() => {
  jest.useFakeTimers()
  now = 1000
  called = []
  timer = new DueTimer(
    () => now,
    (key) => called.push(`${key}@${now}`),
  )
})
afterEach(() => jest.useRealTimers())

function pass(seconds: number): void {
  for (let i = 0; i < seconds; i++) {
    now++
    jest.advanceTimersByTime(1000)
  }
}

test('calls for each key at its instant, with one timer', () => {
  for (const at of [1030, 1010, 1020]) timer.set(`k${at}`, at)
  expect(jest.getTimerCount()).toBe(1)
  pass(40)
  expect(called).toEqual(['k1010@1010', 'k1020@1020', 'k1030@1030'])
  expect([jest.getTimerCount(), timer.size]).toEqual([0, 0])
})

test('a key that is set again is called for at the later word only', () => {
  timer.set('a', 1010)
  timer.set('a', 1020)
  timer.set('b', 1030)
  timer.set('b', 1005)
  pass(40)
  expect(called).toEqual(['b@1005', 'a@1020'])
})

test('a deleted key is not called for, and the last one takes the timer along', () => {
  timer.set('a', 1010)
  timer.set('b', 1020)
  timer.delete('a')
  expect(jest.getTimerCount()).toBe(1)
  timer.delete('b')
  expect(jest.getTimerCount()).toBe(0)
  timer.set('c', 1010)
  timer.clear()
  expect(jest.getTimerCount()).toBe(0)
  pass(40)
  expect(called).toEqual([])
})

test('may be set again from within the call, and waits longer than a timer can', () => {
  const again = new DueTimer(
    () => now,
    (key) => {
      called.push(key)
      if (called.length < 3) again.set(key, now + 10)
    },
  )
  again.set('a', 1010)
  pass(40)
  expect(called).toEqual(['a', 'a', 'a'])
  again.set('far', now + 3_000_000)
  jest.advanceTimersByTime(1000)
  expect(called).toHaveLength(3)
})

test('a clock that is behind its timer is waited for', () => {
  timer.set('a', 1001)
  jest.advanceTimersByTime(1500)
  expect(called).toEqual([])
  now = 1001
  jest.advanceTimersByTime(1000)
  expect(called).toEqual(['a@1001'])
})
