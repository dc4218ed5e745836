import { forgetWarnings, warn, warnOnce, warnRarely } from '../../../lib/base/warnings'
import { addressOf } from '../../../lib/base/guide-address'

let emitted: [string, unknown][]

beforeEach(() => {
  jest.useFakeTimers()
  forgetWarnings()
  emitted = []
  jest.spyOn(process, 'emitWarning').mockImplementation(((message: string, options: unknown) => {
    emitted.push([message, options])
  }) as typeof process.emitWarning)
})
afterEach(() => {
  jest.useRealTimers()
})

test('warn emits the text of the code, with the detail and the address of the guide behind it', () => {
  warn('HOLDFAST_SHORT_SECRET')
  warn('HOLDFAST_HOOK_FAILED', 'no such table')
  expect(emitted).toEqual([
    [
      `the option secret has fewer than 16 characters and can be guessed; use 32 random bytes (see ${addressOf('HOLDFAST_SHORT_SECRET')})`,
      { type: 'HoldfastWarning', code: 'HOLDFAST_SHORT_SECRET' },
    ],
    [
      `a hook of renewSessionHooks threw (no such table) (see ${addressOf('HOLDFAST_HOOK_FAILED')})`,
      { type: 'HoldfastWarning', code: 'HOLDFAST_HOOK_FAILED' },
    ],
  ])
})

test('warnOnce emits a code once in a process', () => {
  warnOnce('HOLDFAST_SHORT_SECRET')
  warnOnce('HOLDFAST_SHORT_SECRET')
  warnOnce('HOLDFAST_MEMORY_STORE')
  expect(emitted).toHaveLength(2)
})

test('warnRarely emits a flood of warnings once a minute, with their number', () => {
  for (let i = 0; i < 100; i++) warnRarely('HOLDFAST_ACCESS_NOT_RECORDED', 'ECONNREFUSED')
  expect(emitted.map(([message]) => message)).toEqual([expect.stringContaining('(ECONNREFUSED)')])
  jest.advanceTimersByTime(59_999)
  expect(emitted).toHaveLength(1)
  jest.advanceTimersByTime(1)
  expect(emitted[1]?.[0]).toContain('(99 more in the last minute)')
  warnRarely('HOLDFAST_ACCESS_NOT_RECORDED')
  jest.advanceTimersByTime(60_000)
  expect(emitted[2]?.[0]).toContain('(1 more in the last minute)')
})

test('warnRarely leaves no timer when a minute was quiet, and emits the next one at once', () => {
  warnRarely('HOLDFAST_ACCESS_NOT_RECORDED')
  jest.advanceTimersByTime(60_000)
  expect(jest.getTimerCount()).toBe(0)
  warnRarely('HOLDFAST_ACCESS_NOT_RECORDED')
  expect(emitted).toHaveLength(2)
})

test('warnRarely counts each code for itself', () => {
  warnRarely('HOLDFAST_ACCESS_NOT_RECORDED')
  warnRarely('HOLDFAST_COOKIE_AFTER_HEADERS')
  expect(emitted).toHaveLength(2)
})
