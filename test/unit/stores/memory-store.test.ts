import { MemoryStore } from '../../../lib/stores/memory-store'
import { newHandle, recordWith, setting } from '../../contract/samples'
import { collectWarnings } from '../../support/warnings'

/** A store on a clock that the test turns, with the timers of the test. */
function turned(limits: { maxSessions?: number; maxTotalBytes?: number } = {}) {
  const time = { now: 1000 }
  const store = new MemoryStore({ clock: () => time.now, ...limits })
  const insert = (ttl: number, subject?: string, fields: Record<string, string> = {}) => {
    const handle = newHandle()
    const times = { createdAt: time.now, issuedAt: time.now, accessedAt: time.now, expiresAt: time.now + ttl }
    const session = { record: recordWith({ ...times, subject }), fields: new Map(Object.entries(fields)) }
    store.insert(handle, session, time.now)
    return handle
  }
  const pass = (seconds: number) => {
    time.now += seconds
    jest.advanceTimersByTime(seconds * 1000)
  }
  const isKept = (handle: string) => store.load(handle, time.now) !== undefined
  return { store, time, insert, pass, isKept }
}

let warnings: ReturnType<typeof collectWarnings>
beforeEach(() => {
  jest.useFakeTimers()
  warnings = collectWarnings()
})
afterEach(() => {
  jest.restoreAllMocks()
  jest.useRealTimers()
})

describe('maxSessions', () => {
  test('one session more evicts the anonymous session with the earliest deadline', () => {
    const { store, insert, isKept } = turned({ maxSessions: 3 })
    const [long, short, longest] = [insert(200), insert(100), insert(300)]
    const late = insert(150)
    expect(store.size).toBe(3)
    expect(isKept(short)).toBe(false)
    for (const handle of [long, longest, late]) expect(isKept(handle)).toBe(true)
  })

  test('a flood of visitors evicts no login, whatever their deadlines', () => {
    const { store, insert, isKept } = turned({ maxSessions: 50 })
    const logins = [insert(5, 'ann'), insert(100, 'bob'), insert(900_000, 'bob')]
    for (let i = 0; i < 5000; i++) insert(1000 + (i % 7))
    expect(store.size).toBe(50)
    for (const handle of logins) expect(isKept(handle)).toBe(true)
    expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_MEMORY_STORE_FULL'])
  })

  test('a visitor who logs in is evicted last from then on', () => {
    const { store, time, insert, isKept } = turned({ maxSessions: 2 })
    const [visitor, other] = [insert(100), insert(200)]
    store.change(visitor, { bind: { subject: 'ann', createdAt: time.now, expiresAt: time.now + 10 } }, time.now)
    insert(300)
    insert(300)
    expect(isKept(visitor)).toBe(true)
    expect(isKept(other)).toBe(false)
  })

  test('a login evicts a visitor first, and another login only when there is none', () => {
    const { store, time, insert, isKept } = turned({ maxSessions: 3 })
    const [ann, bob, visitor] = [insert(100, 'ann'), insert(50, 'bob'), insert(900)]
    const carol = insert(70, 'carol')
    expect([ann, bob, visitor, carol].map(isKept)).toEqual([true, true, false, true])
    const dave = insert(80, 'dave')
    expect([ann, bob, carol, dave].map(isKept)).toEqual([true, false, true, true])
    expect(store.list('bob', time.now).size).toBe(0)
  })

  test('a visitor is refused when all that is kept are logins', () => {
    const { store, insert, pass, isKept } = turned({ maxSessions: 2 })
    const [ann, bob] = [insert(100, 'ann'), insert(50, 'bob')]
    const refused = expect.objectContaining({ code: 'STORE_UNAVAILABLE', status: 503 })
    expect(() => insert(900)).toThrow(refused)
    expect([ann, bob].map(isKept)).toEqual([true, true])
    expect(warnings).toEqual([])
    pass(49)
    expect(() => insert(900)).toThrow(refused)
    pass(3)
    expect(isKept(insert(900))).toBe(true)
    expect(isKept(ann)).toBe(true)
    expect(store.size).toBe(2)
  })

  test('what has expired but was not swept yet is evicted first, without a warning', () => {
    const { time, insert, isKept } = turned({ maxSessions: 2 })
    insert(10, 'ann')
    const visitor = insert(100)
    time.now += 11
    insert(100)
    expect(isKept(visitor)).toBe(true)
    expect(warnings).toEqual([])
  })

  test('a session that moved its deadline has moved its turn', () => {
    const { store, time, insert, isKept } = turned({ maxSessions: 2 })
    const [first, second] = [insert(100), insert(200)]
    store.change(first, { bind: { createdAt: time.now, expiresAt: time.now + 900 } }, time.now)
    insert(300)
    expect(isKept(first)).toBe(true)
    expect(isKept(second)).toBe(false)
  })

  test('a change needs no room', () => {
    const { store, time, insert } = turned({ maxSessions: 2 })
    const [one] = [insert(100), insert(200)]
    expect(store.change(one, setting({ 'v:a': '1' }), time.now)).toBe('stored')
    expect(store.size).toBe(2)
  })

  test.each(['maxSessions', 'maxTotalBytes'])('%s is refused when it is no whole number of at least 1', (name) => {
    for (const value of [0, -1, 1.5, NaN, Infinity, '5', null]) {
      const error = expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(name) })
      expect(() => new MemoryStore({ [name]: value })).toThrow(error)
    }
  })

  test('an unknown option is refused, with the one that was meant', () => {
    const error = expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('maxSessions') })
    expect(() => new MemoryStore({ maxSession: 5 } as never)).toThrow(error)
  })
})

describe('maxTotalBytes', () => {
  const kilobyte = { 'v:a': 'x'.repeat(997) }
  const size = 1400

  test('bounds the sessions together, logins last', () => {
    const { store, insert, isKept } = turned({ maxTotalBytes: 10 * size })
    const login = insert(5, 'ann', kilobyte)
    for (let i = 0; i < 500; i++) insert(1000, undefined, kilobyte)
    expect(store.size).toBe(10)
    expect(isKept(login)).toBe(true)
    expect(warnings.map(({ code }) => code)).toEqual(['HOLDFAST_MEMORY_STORE_FULL'])
  })

  test('counts bytes, not characters', () => {
    const { store, insert } = turned({ maxTotalBytes: 10 * size })
    for (let i = 0; i < 100; i++) insert(1000, undefined, { 'v:a': '\u4e16'.repeat(997) })
    expect(store.size).toBe(4)
  })

  test('a session that grows evicts others and never itself', () => {
    const { store, time, insert, isKept } = turned({ maxTotalBytes: 4 * size })
    const [first, second, third] = [insert(100), insert(200), insert(300)]
    expect(store.change(first, setting({ 'v:a': 'x'.repeat(4 * size - 1000) }), time.now)).toBe('stored')
    expect([first, second, third].map(isKept)).toEqual([true, false, true])
    store.change(first, setting({}, ['v:a']), time.now)
    for (let i = 0; i < 3; i++) insert(400, undefined, kilobyte)
    expect([first, third].map(isKept)).toEqual([true, true])
  })

  test('a session that is larger than all room is refused, and what it was stays', () => {
    const { store, time, insert } = turned({ maxTotalBytes: size })
    const tooLarge = expect.objectContaining({ code: 'SESSION_TOO_LARGE' })
    expect(() => insert(100, undefined, { 'v:a': 'x'.repeat(size) })).toThrow(tooLarge)
    const handle = insert(100, 'ann', { 'v:a': '1' })
    expect(() => store.change(handle, setting({ 'v:a': 'x'.repeat(size) }), time.now)).toThrow(tooLarge)
    expect(store.load(handle, time.now)?.fields).toEqual(new Map([['v:a', '1']]))
    expect(store.list('ann', time.now).size).toBe(1)
    store.delete(handle, time.now)
    insert(100, undefined, { 'v:a': 'x'.repeat(size - 403) })
    expect(store.size).toBe(1)
  })

  test('a session that a listener deletes, while others are evicted so that it may grow, has ended', () => {
    const { store, time, insert, isKept } = turned({ maxTotalBytes: 4 * size })
    const [first, second, third] = [insert(100), insert(200), insert(300)]
    store.subscribe((handle) => {
      if (handle === second) store.delete(first, time.now)
    })
    expect(store.change(first, setting({ 'v:a': 'x'.repeat(4 * size - 1000) }), time.now)).toBe('gone')
    expect([first, second, third].map(isKept)).toEqual([false, false, true])
    const late = insert(50)
    expect([late, third].map(isKept)).toEqual([true, true])
    expect(store.size).toBe(2)
  })

  test('a session that may not grow ends when it would have ended', () => {
    const { store, time, insert, pass, isKept } = turned({ maxTotalBytes: 3 * size })
    const [login, visitor] = [insert(1000, 'ann', kilobyte), insert(100)]
    const grow = setting({ 'v:a': 'x'.repeat(2 * size) })
    expect(() => store.change(visitor, grow, time.now)).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
    pass(101)
    expect(store.size).toBe(1)
    expect(isKept(login)).toBe(true)
  })

  test('a session that grew keeps its turn', () => {
    const { store, time, insert, isKept } = turned({ maxTotalBytes: 4 * size })
    const [first, second] = [insert(100), insert(200)]
    insert(300)
    expect(store.change(second, setting({ 'v:a': 'x'.repeat(4 * size - 1000) }), time.now)).toBe('stored')
    expect(isKept(first)).toBe(false)
    insert(900)
    store.change(second, setting({}, ['v:a']), time.now)
    for (let i = 0; i < 3; i++) insert(400, undefined, kilobyte)
    expect(isKept(second)).toBe(false)
  })

  test('a visitor whose session grows evicts no login', () => {
    const { store, time, insert, isKept } = turned({ maxTotalBytes: 3 * size })
    const [login, visitor] = [insert(100, 'ann', kilobyte), insert(100)]
    const grow = setting({ 'v:a': 'x'.repeat(2 * size) })
    expect(() => store.change(visitor, grow, time.now)).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
    expect([login, visitor].map(isKept)).toEqual([true, true])
    store.change(visitor, { bind: { subject: 'bob', createdAt: time.now, expiresAt: time.now + 100 } }, time.now)
    expect(store.change(visitor, grow, time.now)).toBe('stored')
    expect([login, visitor].map(isKept)).toEqual([false, true])
  })
})

describe('sweep', () => {
  test('expired sessions leave without being asked for', () => {
    const { store, insert, pass } = turned()
    insert(10)
    insert(20, 'u1')
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

  test('sessions that expire together are dropped in slices, between which the event loop has its turn', () => {
    const { store, insert, pass } = turned()
    for (let i = 0; i < 3000; i++) insert(10, i % 2 === 0 ? `u${i}` : undefined)
    // Each reading of the clock finds two milliseconds passed.
    let elapsed = 0
    jest.spyOn(performance, 'now').mockImplementation(() => (elapsed += 2))
    pass(10)
    const afterOneSlice = store.size
    expect(afterOneSlice).toBeGreaterThan(2500)
    expect(afterOneSlice).toBeLessThan(3000)
    jest.advanceTimersByTime(1)
    expect(store.size).toBeLessThan(afterOneSlice)
    jest.advanceTimersByTime(100)
    expect(store.size).toBe(0)
    expect(jest.getTimerCount()).toBe(0)
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
