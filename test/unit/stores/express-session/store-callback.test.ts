import { askStore, askStoreFor, meansAbsent } from '../../../../lib/stores/express-session/store-callback'

test('a thenable that a store returns beside calling back is given two functions', async () => {
  const given: unknown[] = []
  const store = {
    get(_id: string, callback: (error?: unknown, value?: unknown) => void) {
      callback(null, 'value')
      return { then: (...handlers: unknown[]) => void given.push(...handlers) }
    },
  }
  expect(await askStore(store, 'get', 'id')).toBe('value')
  expect(given).toEqual([expect.any(Function), expect.any(Function)])
})

test('an error that cannot be asked what it means is an error', async () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const store = { get: (_id: string, callback: (error: unknown) => void) => callback(proxy) }
  const question = { valueOf: (reply: unknown) => reply, meansUndefined: meansAbsent, failureOf: () => 'failed' }
  await expect(askStoreFor(question, store, 'get', 'id')).rejects.toBe('failed')
})

test('a store gets the id, the data where there are any, and a callback of two arguments', async () => {
  const calls: unknown[][] = []
  const store = {
    set(...args: unknown[]) {
      calls.push(args)
      ;(args.at(-1) as () => void)()
    },
  }
  await askStore(store, 'set', 'id', { views: 1 })
  await askStore(store, 'set', 'id')
  expect(calls).toEqual([
    ['id', { views: 1 }, expect.any(Function)],
    ['id', expect.any(Function)],
  ])
  expect(calls.map((args) => (args.at(-1) as () => void).length)).toEqual([2, 2])
})
