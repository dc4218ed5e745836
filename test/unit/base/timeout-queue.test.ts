import { AsyncLocalStorage } from 'node:async_hooks'
import { type Expiring, TimeoutQueue } from '../../../lib/base/timeout-queue'

let expired: string[] = []
let queue: TimeoutQueue

class Entry implements Expiring {
  readonly startedAt = performance.now()
  previous: Expiring | undefined
  next: Expiring | undefined
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  expire(): void {
    expired.push(`${this.name}@${performance.now() - start - check}`)
  }
}

let start = 0

beforeEach(() => {
  jest.useFakeTimers()
  expired = []
  start = performance.now()
  queue = new TimeoutQueue(5)
})
afterEach(() => jest.useRealTimers())

/** With turned timers the check phase, in which entries expire, is a millisecond after the phase of timers. */
const check = 1

function pass(milliseconds: number): void {
  jest.advanceTimersByTime(milliseconds)
}

function add(name: string): Entry {
  const entry = new Entry(name)
  queue.add(entry)
  return entry
}

test('a timeout queue expires each entry when its time is over, with one timer', () => {
  for (const name of ['a', 'b', 'c']) {
    add(name)
    pass(1000)
  }
  expect(jest.getTimerCount()).toBe(1)
  pass(60_000)
  expect(expired).toEqual(['a@5000', 'b@6000', 'c@7000'])
  expect(jest.getTimerCount()).toBe(0)
})

test('a timeout queue expires nothing that was removed, from the front, the middle or the end, once or twice', () => {
  const entries = ['a', 'b', 'c', 'd', 'e'].map(add)
  for (const at of [0, 2, 4, 2, 4]) queue.remove(entries[at] ?? new Entry('none'))
  queue.remove(new Entry('never added'))
  pass(5000 + check)
  expect(expired).toEqual(['b@5000', 'd@5000'])
  for (const entry of entries) queue.remove(entry)
  add('f')
  pass(5000 + check)
  expect(expired).toEqual(['b@5000', 'd@5000', 'f@10001'])
  for (const entry of entries) expect([entry.previous, entry.next]).toEqual([undefined, undefined])
})

test('a timeout queue gives each entry its whole time when the timer of an earlier one is still running', () => {
  queue.remove(add('a'))
  pass(4000)
  add('b')
  pass(5000)
  expect(expired).toEqual([])
  pass(check)
  expect(expired).toEqual(['b@9000'])
})

test('a timeout queue expires what is due although an entry before it throws', () => {
  const failing = new Entry('a')
  failing.expire = () => {
    throw new Error('of the entry')
  }
  queue.add(failing)
  add('b')
  expect(() => pass(5000 + check)).toThrow('of the entry')
  pass(1 + check)
  expect(expired).toEqual(['b@5002'])
})

test('a timeout queue expires what an entry adds when it expires, after its own time', () => {
  const again = new Entry('a')
  again.expire = () => void add('b')
  queue.add(again)
  pass(5000 + check + 5000)
  expect(expired).toEqual([])
  pass(check)
  expect(expired).toEqual(['b@10001'])
})

test('the timer of a timeout queue keeps the process alive while something waits, and only then', () => {
  jest.useRealTimers()
  const handles: NodeJS.Timeout[] = []
  const spy = jest.spyOn(globalThis, 'setTimeout')
  const real = new TimeoutQueue(60)
  const entry = new Entry('a')
  real.add(entry)
  for (const { value } of spy.mock.results) handles.push(value as NodeJS.Timeout)
  expect(handles).toHaveLength(1)
  const isAlive = () => handles.map((timer) => timer.hasRef())
  expect(isAlive()).toEqual([true])
  real.remove(entry)
  expect(isAlive()).toEqual([false])
  real.add(entry)
  expect(isAlive()).toEqual([true])
  real.remove(entry)
  spy.mockRestore()
  for (const timer of handles) clearTimeout(timer)
})

describe('a timeout queue whose timer was started', () => {
  test('with the real clock expires by the turned one, when a test of an app has turned it', () => {
    jest.useRealTimers()
    const real = new TimeoutQueue(60)
    const before = new Entry('a')
    real.add(before)
    real.remove(before)
    jest.useFakeTimers()
    start = performance.now()
    real.add(new Entry('b'))
    pass(60_000 + check)
    expect(expired).toEqual(['b@60000'])
  })

  test.each(['setTimeout', 'setImmediate'] as const)(
    'while a test of an app had turned %s, for an entry that still waits, expires that and later ones by the real clock',
    async (turnedFunction) => {
      jest.useRealTimers()
      const short = new TimeoutQueue(0.01)
      const real = globalThis[turnedFunction]
      const turned = (): NodeJS.Timeout => ({ ref: () => turned(), unref: () => turned() }) as unknown as NodeJS.Timeout
      Object.assign(globalThis, { [turnedFunction]: turned })
      try {
        short.add(new Entry('a'))
        if (turnedFunction === 'setImmediate') await new Promise((resolve) => setTimeout(resolve, 20))
      } finally {
        Object.assign(globalThis, { [turnedFunction]: real })
      }
      expect(expired).toEqual([])
      short.add(new Entry('b'))
      while (expired.length < 2) await new Promise((resolve) => setTimeout(resolve, 1))
      expect(expired.map((entry) => entry[0])).toEqual(['a', 'b'])
    },
  )

  test('with a turned clock expires by the real one, when the test is over', async () => {
    const short = new TimeoutQueue(0.01)
    const before = new Entry('a')
    short.add(before)
    short.remove(before)
    jest.useRealTimers()
    const entry = new Entry('b')
    await new Promise<void>((resolve) => {
      entry.expire = resolve
      short.add(entry)
    })
    expect([entry.previous, entry.next, expired]).toEqual([undefined, undefined, []])
  })

  test('and was cleared expires by the next one', () => {
    queue.remove(add('a'))
    jest.clearAllTimers()
    pass(5001)
    add('b')
    pass(5000 + check)
    expect(expired).toEqual(['b@10001'])
  })

  test('and is late is replaced, and means nothing when it comes after all', () => {
    const timers = jest.spyOn(globalThis, 'setTimeout')
    queue.remove(add('a'))
    const late = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 6000)
    add('b')
    late.mockRestore()
    expect(jest.getTimerCount()).toBe(1)
    const [[first] = []] = timers.mock.calls
    first?.()
    pass(check)
    expect([timers.mock.calls.length, jest.getTimerCount(), expired]).toEqual([2, 1, []])
    timers.mockRestore()
  })

  test('and has fired is started again for what comes next, also at the same instant', () => {
    const standing = jest.spyOn(performance, 'now').mockReturnValue(1000)
    add('a')
    pass(5000 + check)
    add('b')
    pass(5000 + check)
    standing.mockRestore()
    expect(expired.map((text) => text[0])).toEqual(['a', 'b'])
  })
})

test('a timeout queue keeps nothing of the request in which its timer was started', async () => {
  jest.useRealTimers()
  const request = new AsyncLocalStorage<string>()
  const short = new TimeoutQueue(0.01)
  const found = await new Promise((resolve) => {
    const entry = new Entry('a')
    entry.expire = () => resolve(request.getStore())
    request.run('of the request', () => short.add(entry))
  })
  expect(found).toBeUndefined()
})
