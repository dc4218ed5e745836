import { RefreshSchedule } from '../../../lib/channels/refresh-schedule'
import { systemClock } from '../../../lib/base/clock'
import { turn } from '../../support/fake-socket'

const clock = systemClock

/** A schedule whose re-reads a test finishes one by one. */
function held(): { schedule: RefreshSchedule; begun: string[]; finish: (handle: string) => void } {
  const begun: string[] = []
  const running = new Map<string, () => void>()
  const schedule = new RefreshSchedule(clock, (handle) => {
    begun.push(handle)
    return new Promise<void>((resolve) => running.set(handle, resolve))
  })
  return { schedule, begun, finish: (handle) => running.get(handle)?.() }
}

test('a session is re-read once a turn, and not within the call, however often that was asked for', async () => {
  const begun: string[] = []
  const schedule = new RefreshSchedule(clock, async (handle) => void begun.push(handle))
  for (let i = 0; i < 5; i++) schedule.soon('a')
  schedule.soon('b')
  expect(begun).toEqual([])
  await turn()
  expect([begun, schedule.size]).toEqual([['a', 'b'], 0])
})

test('a session is re-read once more when it became due while it was re-read', async () => {
  const { schedule, begun, finish } = held()
  schedule.soon('a')
  await turn()
  schedule.soon('a')
  schedule.soon('a')
  await turn()
  expect(begun).toEqual(['a'])
  finish('a')
  await turn()
  expect(begun).toEqual(['a', 'a'])
  finish('a')
  await turn()
  expect([begun, schedule.size]).toEqual([['a', 'a'], 0])
})

test('at most 64 sessions are re-read at a time, and all in the end', async () => {
  const { schedule, begun, finish } = held()
  const handles = Array.from({ length: 200 }, (_, index) => String(index))
  for (const handle of handles) schedule.soon(handle)
  await turn()
  expect(begun).toHaveLength(64)
  for (let finished = 0; finished < 200; finished++) {
    finish(String(finished))
    await turn()
    expect(begun.length - finished - 1).toBeLessThanOrEqual(64)
  }
  expect([begun, schedule.size]).toEqual([handles, 0])
})

test('a session is not re-read when it was deleted, or the schedule was cleared', async () => {
  const { schedule, begun } = held()
  schedule.soon('a')
  schedule.soon('b')
  schedule.delete('a')
  await turn()
  schedule.soon('c')
  schedule.clear()
  await turn()
  expect(begun).toEqual(['b'])
})

test('a session is re-read at its instant, and at the later one only when it was put off', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'clearImmediate', 'nextTick', 'queueMicrotask'], now: 1_000_000 })
  try {
    const begun: string[] = []
    const schedule = new RefreshSchedule(clock, async (handle) => void begun.push(`${handle}@${clock()}`))
    schedule.at('a', 1010)
    schedule.at('b', 1010)
    schedule.at('b', 1020)
    schedule.at('c', 1010)
    schedule.delete('c')
    for (let second = 0; second < 30; second++) {
      jest.advanceTimersByTime(1000)
      await turn()
    }
    expect(begun).toEqual(['a@1010', 'b@1020'])
    schedule.at('a', 1100)
    schedule.clear()
    expect(jest.getTimerCount()).toBe(0)
  } finally {
    jest.useRealTimers()
  }
})
