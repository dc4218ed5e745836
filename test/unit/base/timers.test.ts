import { DeadlineTimer, longestTimer, startTimer } from '../../../lib/base/timers'

let now = 1000
let called: string[] = []
let timer: DeadlineTimer

beforeEach(() => {
  jest.useFakeTimers()
  now = 1000
  called = []
  timer = new DeadlineTimer(
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

test('a deadline timer calls for each key at its deadline, with one timer', () => {
  for (const at of [1030, 1010, 1020]) timer.set(`k${at}`, at)
  expect(timer.first()).toMatchObject({ key: 'k1010', deadline: 1010 })
  expect(jest.getTimerCount()).toBe(1)
  pass(40)
  expect(called).toEqual(['k1010@1010', 'k1020@1020', 'k1030@1030'])
  expect([jest.getTimerCount(), timer.size, timer.first()]).toEqual([0, 0, undefined])
})

test('a deadline timer calls at the later deadline only when a key is set again', () => {
  timer.set('a', 1010)
  timer.set('a', 1020)
  timer.set('b', 1030)
  timer.set('b', 1005)
  pass(40)
  expect(called).toEqual(['b@1005', 'a@1020'])
})

test('a deadline timer calls for no deleted key, and stops its timer when the last key is deleted', () => {
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

test('a deadline timer can be set from within its call, and waits longer than setTimeout can', () => {
  const again = new DeadlineTimer(
    () => now,
    (key) => {
      called.push(key)
      if (called.length < 3) again.set(key, now + 10)
    },
  )
  again.set('a', 1010)
  pass(40)
  expect(called).toEqual(['a', 'a', 'a'])
  const far = now + 3_000_000
  again.set('far', far)
  now += longestTimer / 1000
  jest.advanceTimersByTime(longestTimer)
  expect(called).toHaveLength(3)
  now = far
  jest.advanceTimersByTime(3_000_000_001 - longestTimer)
  expect(called).toEqual(['a', 'a', 'a', 'far'])
})

test('a deadline timer waits on when its clock is behind', () => {
  timer.set('a', 1001)
  jest.advanceTimersByTime(1500)
  expect(called).toEqual([])
  now = 1001
  jest.advanceTimersByTime(1000)
  expect(called).toEqual(['a@1001'])
})

test('a timer in seconds fires neither early nor at once when its delay is longer than setTimeout takes', () => {
  const fire = jest.fn()
  startTimer(2.5, fire)
  jest.advanceTimersByTime(2499)
  expect(fire).not.toHaveBeenCalled()
  jest.advanceTimersByTime(1)
  expect(fire).toHaveBeenCalledTimes(1)
  startTimer(1e9, fire)
  jest.advanceTimersByTime(longestTimer - 1)
  expect(fire).toHaveBeenCalledTimes(1)
})
