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
  spy.mockRestore()
  expect(handles).toHaveLength(1)
  const isAlive = () => handles.map((timer) => timer.hasRef())
  expect(isAlive()).toEqual([true])
  real.remove(entry)
  expect(isAlive()).toEqual([false])
  real.add(entry)
  expect(isAlive()).toEqual([true])
  real.remove(entry)
  for (const timer of handles) clearTimeout(timer)
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
