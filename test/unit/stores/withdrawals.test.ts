import { Withdrawals } from '../../../lib/stores/withdrawals'

const removed: string[] = []
let isAway = false
let withdrawals: Withdrawals

beforeEach(() => {
  jest.useFakeTimers()
  removed.length = 0
  isAway = false
  withdrawals = new Withdrawals(async (handle, hash) => {
    if (isAway) throw new Error('away')
    removed.push(`${handle} ${hash}`)
  })
})
afterEach(() => {
  withdrawals.close()
  jest.useRealTimers()
})

test('a session is deleted once the call that may have stored it cannot be carried out any more', async () => {
  withdrawals.add('h', 'hash', 5)
  await jest.advanceTimersByTimeAsync(5000)
  expect(removed).toEqual([])
  await jest.advanceTimersByTimeAsync(100)
  expect(removed).toEqual(['h hash'])
  expect(withdrawals.size).toBe(0)
})

test('while the store is away one session is tried, ever less often; afterwards all are deleted', async () => {
  isAway = true
  for (let n = 0; n < 50; n++) withdrawals.add(`h${n}`, `hash${n}`, 0)
  await jest.advanceTimersByTimeAsync(200_000)
  expect(withdrawals.size).toBe(50)
  isAway = false
  await jest.advanceTimersByTimeAsync(31_000)
  expect(removed).toHaveLength(50)
  expect(withdrawals.size).toBe(0)
})

test('a session that cannot be deleted is given up after ten minutes, and of more than a thousand the oldest', async () => {
  isAway = true
  for (let n = 0; n < 1200; n++) withdrawals.add(`h${n}`, `hash${n}`, 0)
  expect(withdrawals.size).toBe(1000)
  await jest.advanceTimersByTimeAsync(640_000)
  expect(withdrawals.size).toBe(0)
  expect(jest.getTimerCount()).toBe(0)
})

test('a session that is stored once more under the same id is kept', async () => {
  withdrawals.add('h', 'hash', 1)
  withdrawals.cancel('hash')
  withdrawals.hasHappened('hash')
  await jest.advanceTimersByTimeAsync(5000)
  expect(removed).toEqual([])
})

test('a session is deleted at once when its late store call has been carried out', async () => {
  withdrawals.add('h', 'hash', 60)
  withdrawals.hasHappened('hash')
  await jest.advanceTimersByTimeAsync(1)
  expect(removed).toEqual(['h hash'])
})

test('no session is deleted, and none is accepted, after close', async () => {
  withdrawals.add('h', 'hash', 1)
  withdrawals.close()
  withdrawals.add('other', 'other', 1)
  await jest.advanceTimersByTimeAsync(5000)
  expect(removed).toEqual([])
  expect(withdrawals.size).toBe(0)
})
