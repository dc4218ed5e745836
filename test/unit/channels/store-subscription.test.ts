import { forgetWarnings } from '../../../lib/base/warnings'
import { StoreSubscription } from '../../../lib/channels/store-subscription'
import { MemoryStore } from '../../../lib/index'
import type { SessionStore } from '../../../lib/session/store'
import { GuardedStore } from '../../../lib/stores/guarded-store'

let started = 0
let stopped = 0
let notified: (string | undefined)[] = []

function subscriptionTo(subscribe: SessionStore['subscribe']): StoreSubscription {
  const store = Object.assign(new MemoryStore(), { subscribe }) as SessionStore
  return new StoreSubscription(new GuardedStore(store, 5), (handle) => notified.push(handle))
}

const stop = (): void => {
  stopped++
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
  ;[started, stopped, notified] = [0, 0, []]
})
afterEach(() => jest.useRealTimers())

const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await Promise.resolve()
}

test('the subscription is made once, and ends a while after it is released', () => {
  const subscription = subscriptionTo(() => {
    started++
    return stop
  })
  subscription.need()
  subscription.need()
  expect([started, notified]).toEqual([1, []])
  subscription.release()
  jest.advanceTimersByTime(4000)
  subscription.need()
  jest.advanceTimersByTime(10_000)
  expect([started, stopped]).toEqual([1, 0])
  subscription.release()
  jest.advanceTimersByTime(6000)
  expect([started, stopped]).toEqual([1, 1])
  subscription.need()
  subscription.close()
  subscription.close()
  expect([started, stopped]).toEqual([2, 2])
})

test('the listener is called without a handle when a subscription that took its time is on', async () => {
  const subscription = subscriptionTo(() => {
    started++
    return Promise.resolve(stop)
  })
  subscription.need()
  subscription.need()
  expect(notified).toEqual([])
  await settle()
  expect([started, notified]).toStrictEqual([1, [undefined]])
})

test('the subscription ends when it was closed before it was on', async () => {
  const subscription = subscriptionTo(() => Promise.resolve(stop))
  subscription.need()
  subscription.close()
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
])('the subscription is tried again, with one warning, when the store %s', async (_name, subscribe) => {
  forgetWarnings()
  const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
  const subscription = subscriptionTo((listener) => {
    started++
    return subscribe?.(listener) ?? stop
  })
  subscription.need()
  await settle()
  subscription.need()
  await settle()
  expect([started, warned.mock.calls.length]).toEqual([2, 1])
  expect(warned.mock.calls[0]?.[1]).toEqual({ type: 'HoldfastWarning', code: 'HOLDFAST_CHANNELS_WITHOUT_NEWS' })
  warned.mockRestore()
})

test('nothing is subscribed to when the store has no notifications', () => {
  const subscription = subscriptionTo(undefined)
  subscription.need()
  subscription.release()
  subscription.close()
  expect(notified).toEqual([])
})
