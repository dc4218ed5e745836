import { bytesOf } from '../../../lib/session/json-value'
import { freshState, openedState } from '../../../lib/session/make-state'
import type { SessionState } from '../../../lib/session/session-state'

const record = { hash: 'h', epoch: 0, createdAt: 100, issuedAt: 100, accessedAt: 100, expiresAt: 200 }
const id = 'A'.repeat(48)
const tooLarge = expect.objectContaining({ code: 'SESSION_TOO_LARGE' })

const settingOf = (maxBytes?: number) => ({ now: 150, ttl: 100, secretBytes: 24, maxBytes })

function opened(fields: Record<string, string>, maxBytes?: number): SessionState {
  const stored = { record, fields: new Map(Object.entries(fields)) }
  return openedState(settingOf(maxBytes), { id, openedAs: 'current', stored })
}

/** Whether it was refused for its size. */
function isRefused(act: () => unknown): boolean {
  try {
    act()
    return false
  } catch (error) {
    expect(error).toEqual(tooLarge)
    return true
  }
}

/** Small pseudo-random numbers, the same in each run. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}

const samples: unknown[] = [
  ...['', 'x', 'plain text', 'é€😀', '\u0000\u0001\u0002\u0003', '"\\"'],
  ...[0, -0, 7, -1.5, 1e300, -1.2345678901234566e-300, true, false],
  ...[{ a: 'x' }, { a: [1, '\u0000'] }, [], [[]], { d: new Date(0) }, 'x'.repeat(30)],
]

describe('the size of a session', () => {
  const sizeOf = (values: ReadonlyMap<string, unknown>, except?: string): number => {
    let bytes = 0
    for (const [key, value] of values) if (key !== except) bytes += bytesOf(key, JSON.stringify(value))
    return bytes
  }

  test.each([1, 2, 3, 4])('is exact in whatever order values and messages are set (seed %d)', (seed) => {
    const pick = numbersFrom(seed)
    const maxBytes = 25 + pick(50)
    const isOpened = seed % 2 === 0
    const state = isOpened ? opened({ 'v:a': '"0123456789"', 'v:é': '1' }, maxBytes) : freshState(settingOf(maxBytes))
    const values = new Map<string, unknown>(isOpened ? Object.entries({ a: '0123456789', é: 1 }) : [])
    const messages = new Map<string, unknown>()
    let stored = isOpened ? new Map(values) : undefined
    let refusals = 0
    for (let i = 0; i < 300; i++) {
      const key = ['a', 'b', 'é', 'a longer key'][pick(4)] ?? ''
      const value = samples[pick(samples.length)]
      const act = pick(8)
      if (act === 0) {
        state.values.unset(key)
        values.delete(key)
      } else if (act === 1) {
        state.flash.takeBack(key)
        messages.delete(key)
      } else if (act === 2) {
        state.settle(record, state.changesWithin(Infinity))
        stored = new Map(values)
      } else {
        const [own, others] = act === 3 ? [messages, values] : [values, messages]
        const bytes = sizeOf(own, key) + sizeOf(others) + bytesOf(key, JSON.stringify(value))
        const expected = bytes > maxBytes && bytes > (stored === undefined ? 0 : sizeOf(stored))
        const put = () => (act === 3 ? state.putFlash(key, value) : state.setValue(key, value))
        expect([i, isRefused(put)]).toEqual([i, expected])
        if (expected) refusals++
        else own.set(key, value)
      }
      if (i % 20 !== 0) continue
      expect(Object.fromEntries(state.values.texts())).toEqual(
        Object.fromEntries([...values].map(([name, one]) => [name, JSON.stringify(one)])),
      )
    }
    expect(refusals).toBeGreaterThan(10)
  })

  test.each([
    ['a text', '\u0000'.repeat(3), 20],
    ['a number', -1.2345678901234566e-300, 24],
    ['an object', { '\u0000': '\u0000' }, 19],
  ])('of %s that JSON writes longest is known to the byte', (_, value, bytes) => {
    expect(bytesOf('a', JSON.stringify(value))).toBe(bytes + 1)
    expect(isRefused(() => freshState(settingOf(bytes + 1)).setValue('a', value))).toBe(false)
    expect(isRefused(() => freshState(settingOf(bytes)).setValue('a', value))).toBe(true)
  })

  test.each<[string, Record<string, string>, number]>([
    ['a new session', {}, 0],
    ['a session that was opened', { 'v:s': '1'.repeat(100) }, 101],
  ])('of %s is known to the byte after a long text', (_, fields, before) => {
    const state = opened(fields, before + 827)
    state.setValue('a', 'x'.repeat(800))
    // b"..." in the 24 bytes that are left
    expect(isRefused(() => state.setValue('b', 'x'.repeat(22)))).toBe(true)
    state.setValue('b', 'x'.repeat(21))
    expect(isRefused(() => state.setValue('c', 1))).toBe(true)
  })

  test('has no limit unless there is one', () => {
    const state = freshState(settingOf())
    state.setValue('a', 'x'.repeat(1_000_000))
    expect(state.changesWithin(Infinity).set.size).toBe(1)
  })
})

describe('changesWithin', () => {
  test('is refused where values and messages together have become too large, also in place', () => {
    const state = opened({ 'v:a': '[]' })
    state.putFlash('n', 'x')
    ;(state.values.get('a') as unknown[]).push('0123456789')
    // a["0123456789"] and n"x"
    expect(isRefused(() => state.changesWithin(18))).toBe(true)
    expect(state.changesWithin(19).set.size).toBe(2)
  })

  test('lets a session that was too large be saved where nothing is set, or where it does not grow', () => {
    const state = opened({ 'v:a': '[1,2,3]', 'v:b': '"0123456789"' })
    state.values.unset('a')
    expect(state.changesWithin(5)).toEqual({ set: new Map(), remove: ['v:a'] })
    state.setValue('a', [1, 2, 4])
    expect(state.changesWithin(5).set).toEqual(new Map([['v:a', '[1,2,4]']]))
    state.setValue('c', 1)
    expect(isRefused(() => state.changesWithin(5))).toBe(true)
  })

  test('takes the messages that can be read, unless it is to leave them', () => {
    const state = opened({ 'f:0:n': '1' })
    expect([state.changesWithin(100).remove, state.changesWithin(100, true).remove]).toEqual([['f:0:n'], ['f:0:n']])
    expect(state.changesWithin(100, false).remove).toEqual([])
    expect([state.changes().remove, state.changes(false).remove]).toEqual([['f:0:n'], []])
  })

  test('counts what was saved before', () => {
    const state = opened({}, 1000)
    state.setValue('a', ['x'.repeat(30)])
    state.settle(record, state.changesWithin(1000))
    state.setValue('b', 1)
    expect(isRefused(() => state.changesWithin(36))).toBe(true)
    expect(state.changesWithin(37).set.size).toBe(1)
  })
})
