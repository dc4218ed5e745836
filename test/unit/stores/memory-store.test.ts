import { MemoryStore } from '../../../lib/stores/memory-store'
import { newHandle, recordWith, setting } from '../../contract/samples'

/** A store on a clock that the test turns, with the timers of the test. */
function turned(maxSessions?: number) {
  const time = { now: 1000 }
  const store = new MemoryStore({ clock: () => time.now, ...(maxSessions !== undefined && { maxSessions }) })
  const insert = (ttl: number, handle = newHandle(), subject?: string) => {
    const times = { createdAt: time.now, issuedAt: time.now, accessedAt: time.now, expiresAt: time.now + ttl }
    store.insert(handle, { record: recordWith({ ...times, subject }), fields: new Map() })
    return handle
  }
  const pass = (seconds: number) => {
    time.now += seconds
    jest.advanceTimersByTime(seconds * 1000)
  }
  return { store, time, insert, pass }
}

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

describe('bound', () => {
  test('one session more evicts the one that would expire first, and its listing', () => {
    const { store, time, insert } = turned(3)
    const [long, short, longest] = [insert(200), insert(100, newHandle(), 'u1'), insert(300)]
    const late = insert(150)
    expect(store.size).toBe(3)
    expect(store.load(short, time.now)).toBeUndefined()
    expect(store.list('u1', time.now).size).toBe(0)
    for (const handle of [long, longest, late]) expect(store.load(handle, time.now)).toBeDefined()
  })

  test('a session that moved its deadline has moved its turn', () => {
    const { store, time, insert } = turned(2)
    const [first, second] = [insert(100), insert(200)]
    const bind = { createdAt: time.now, expiresAt: time.now + 900 }
    store.change(first, { bind }, time.now)
    insert(300)
    expect(store.load(first, time.now)).toBeDefined()
    expect(store.load(second, time.now)).toBeUndefined()
  })

  test('a flood costs a bound number of sessions', () => {
    const { store, insert } = turned(50)
    for (let i = 0; i < 5000; i++) insert(1000 + (i % 7))
    expect(store.size).toBe(50)
  })

  test('a change of a session, and inserting it again, need no room', () => {
    const { store, time, insert } = turned(2)
    const [one, two] = [insert(100), insert(200)]
    insert(300, two)
    expect(store.change(one, setting({ 'v:a': '1' }), time.now)).toBe('stored')
    expect(store.size).toBe(2)
  })

  test.each([0, -1, 1.5, NaN, Infinity, '5', null])('maxSessions %p is refused', (maxSessions) => {
    const error = expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('maxSessions') })
    expect(() => new MemoryStore({ maxSessions: maxSessions as number })).toThrow(error)
  })
})

describe('sweep', () => {
  test('expired sessions leave without being asked for', () => {
    const { store, insert, pass } = turned()
    insert(10)
    insert(20, newHandle(), 'u1')
    pass(11)
    expect(store.size).toBe(1)
    pass(10)
    expect(store.size).toBe(0)
    expect(jest.getTimerCount()).toBe(0)
  })

  test('an earlier deadline moves the sweep, a later one waits its turn', () => {
    const { store, insert, pass } = turned()
    insert(1000)
    insert(5)
    expect(jest.getTimerCount()).toBe(1)
    pass(6)
    expect(store.size).toBe(1)
    pass(995)
    expect(store.size).toBe(0)
  })

  test('sessions that end one after the other are swept at most once a second', () => {
    const { store, insert, pass } = turned()
    const spy = jest.spyOn(globalThis, 'setTimeout')
    for (let i = 0; i < 1000; i++) insert(5 + i / 1000)
    spy.mockClear()
    for (let i = 0; i < 1000; i++) pass(0.01)
    expect(store.size).toBe(0)
    expect(spy.mock.calls.length).toBeLessThan(4)
  })

  test('a lifetime of years does not fire at once', () => {
    const { store, insert, pass } = turned()
    insert(400 * 86_400)
    const spy = jest.spyOn(globalThis, 'setTimeout')
    jest.advanceTimersByTime(60_000)
    expect(spy).not.toHaveBeenCalled()
    for (let day = 0; day < 400; day++) {
      expect(store.size).toBe(1)
      pass(86_400)
    }
    expect(store.size).toBe(0)
    for (const [, wait] of spy.mock.calls) expect(wait).toBeLessThanOrEqual(2 ** 31 - 1)
  })

  test('the timer does not keep the process alive', () => {
    jest.useRealTimers()
    const spy = jest.spyOn(globalThis, 'setTimeout')
    const { store, insert } = turned()
    insert(3600)
    const timers = spy.mock.results.map(({ value }) => value as NodeJS.Timeout)
    expect(timers).toHaveLength(1)
    for (const timer of timers) expect(timer.hasRef()).toBe(false)
    store.close()
    spy.mockRestore()
  })
})

test('close forgets everything and stops the timer', () => {
  const { store, insert } = turned()
  insert(10)
  store.close()
  expect(store.size).toBe(0)
  expect(jest.getTimerCount()).toBe(0)
})

test('listing, too, is refused after close', () => {
  const { store, time } = turned()
  store.close()
  const closed = expect.objectContaining({ code: 'STORE_CLOSED' })
  expect(() => store.list('u1', time.now)).toThrow(closed)
  expect(() => store.deleteAll('u1', time.now)).toThrow(closed)
  expect(() => store.changeAll('u1', { set: new Map(), remove: [] }, time.now)).toThrow(closed)
})
