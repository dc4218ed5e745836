import { forgetWarnings } from '../../../lib/base/warnings'
import { StoreFeed } from '../../../lib/channels/store-feed'
import { MemoryStore } from '../../../lib/index'
import type { SessionStore } from '../../../lib/session/store'
import { GuardedStore } from '../../../lib/stores/guarded-store'

let started = 0
let stopped = 0
let heard: (string | undefined)[] = []

function feedOf(subscribe: SessionStore['subscribe']): StoreFeed {
  const store = Object.assign(new MemoryStore(), { subscribe }) as SessionStore
  return new StoreFeed(new GuardedStore(store, 5), (handle) => heard.push(handle))
}

const stop = (): void => {
  stopped++
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
  ;[started, stopped, heard] = [0, 0, []]
})
afterEach(() => jest.useRealTimers())

const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await Promise.resolve()
}

test('subscribes once, however often it is needed, and stops a while after it is not', () => {
  const feed = feedOf(() => {
    started++
    return stop
  })
  feed.need()
  feed.need()
  expect([started, heard]).toEqual([1, []])
  feed.release()
  jest.advanceTimersByTime(4000)
  feed.need()
  jest.advanceTimersByTime(10_000)
  expect([started, stopped]).toEqual([1, 0])
  feed.release()
  jest.advanceTimersByTime(6000)
  expect([started, stopped]).toEqual([1, 1])
  feed.need()
  feed.close()
  feed.close()
  expect([started, stopped]).toEqual([2, 2])
})

test('one that takes its time has missed what came before', async () => {
  const feed = feedOf(() => {
    started++
    return Promise.resolve(stop)
  })
  feed.need()
  feed.need()
  expect(heard).toEqual([])
  await settle()
  expect([started, heard]).toStrictEqual([1, [undefined]])
})

test('one that is not needed any more when it stands is stopped', async () => {
  const feed = feedOf(() => Promise.resolve(stop))
  feed.need()
  feed.close()
  await settle()
  expect(stopped).toBe(1)
})

test.each<[string, SessionStore['subscribe']]>([
  ['rejects', () => Promise.reject(new Error('no'))],
  [
    'throws',
    () => {
      throw new Error('no')
    },
  ],
])('one that %s is told of once, and tried again when it is needed again', async (_name, subscribe) => {
  forgetWarnings()
  const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  const feed = feedOf((listener) => {
    started++
    return subscribe?.(listener) ?? stop
  })
  feed.need()
  await settle()
  feed.need()
  await settle()
  expect([started, warned.mock.calls.length]).toEqual([2, 1])
  expect(warned.mock.calls[0]?.[1]).toEqual({ type: 'HoldfastWarning', code: 'HOLDFAST_CHANNELS_WITHOUT_NEWS' })
  warned.mockRestore()
})

test('a store that tells nothing is left alone', () => {
  const feed = feedOf(undefined)
  feed.need()
  feed.release()
  feed.close()
  expect(heard).toEqual([])
})
