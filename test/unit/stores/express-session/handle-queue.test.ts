import { stat } from 'node:fs/promises'
import { HandleQueue, type Turn } from '../../../../lib/stores/express-session/handle-queue'

const minute = 60

function pending() {
  let resolve: () => void = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

afterEach(() => {
  jest.useRealTimers()
})

test('tasks of one handle run one after the other, in their order, and give back what they made', async () => {
  const queue = new HandleQueue()
  const seen: string[] = []
  const task = (name: string) => async () => {
    seen.push(`${name} begins`)
    await settle()
    seen.push(`${name} ends`)
    return name
  }
  const results = await Promise.all(['a', 'b', 'c'].map((name) => queue.run('h', minute, task(name))))
  expect(results).toEqual(['a', 'b', 'c'])
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('the first task begins at once', () => {
  const queue = new HandleQueue()
  let begun = false
  void queue.run('h', minute, async () => {
    begun = true
  })
  expect(begun).toBe(true)
})

test('tasks of two handles run side by side', async () => {
  const queue = new HandleQueue()
  const first = pending()
  void queue.run('h', minute, () => first.promise)
  await queue.run('other', minute, () => Promise.resolve())
  await settle()
  expect(queue.size).toBe(1)
  first.resolve()
})

test('a task that fails rejects and lets the next one begin', async () => {
  const queue = new HandleQueue()
  const failed = queue.run('h', minute, () => Promise.reject(new Error('down')))
  const next = queue.run('h', minute, () => Promise.resolve('next'))
  await expect(failed).rejects.toThrow('down')
  expect(await next).toBe('next')
})

test('a handle with no task is forgotten', async () => {
  const queue = new HandleQueue()
  await Promise.allSettled([
    ...Array.from({ length: 100 }, (_, i) => queue.run(`h${i % 7}`, minute, settle)),
    queue.run('failing', minute, () => Promise.reject(new Error('down'))),
  ])
  await settle()
  expect(queue.size).toBe(0)
})

test('a task over its limit loses its turn, is notified, and ends no later turn when it ends', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] })
  const queue = new HandleQueue()
  const first = pending()
  const heldAtCut: boolean[] = []
  const turns: Turn[] = []
  const hung = queue.run('h', 5, async (turn) => {
    turns.push(turn)
    turn.onCut = () => heldAtCut.push(turn.held)
    await first.promise
  })
  const refused = expect(hung).rejects.toMatchObject({ code: 'STORE_TIMEOUT' })
  expect(turns[0]?.held).toBe(true)
  await jest.advanceTimersByTimeAsync(5000)
  await refused
  expect(heldAtCut).toEqual([false])
  expect(queue.size).toBe(0)
  // What it still does after that is in no turn.
  const next = pending()
  const running = queue.run('h', 5, () => next.promise)
  const third = jest.fn(async () => {})
  const last = queue.run('h', 5, third)
  first.resolve()
  await settle()
  expect(third).not.toHaveBeenCalled()
  next.resolve()
  await Promise.all([running, last])
})

test('a task that gives up while it waits leaves the one that runs alone, and the others in their order', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] })
  const queue = new HandleQueue()
  const first = pending()
  const begun: string[] = []
  const running = queue.run('h', 5, async () => {
    begun.push('first')
    await first.promise
  })
  const second = queue.run('h', 1, async () => begun.push('second'))
  const impatient = expect(second).rejects.toMatchObject({ code: 'STORE_TIMEOUT' })
  const last = queue.run('h', 5, async () => begun.push('third'))
  await jest.advanceTimersByTimeAsync(1000)
  await impatient
  expect(begun).toEqual(['first'])
  first.resolve()
  await Promise.all([running, last])
  expect(begun).toEqual(['first', 'third'])
})

test('a long line whose time is up together is cut together, without a task begun', async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] })
  const queue = new HandleQueue()
  const task = jest.fn(() => new Promise<void>(() => {}))
  const all = Array.from({ length: 5000 }, () =>
    queue.run('h', 5, task).catch((error: unknown) => (error as Error).name),
  )
  await jest.advanceTimersByTimeAsync(5000)
  expect(new Set(await Promise.all(all))).toEqual(new Set(['SessionError']))
  expect(task).toHaveBeenCalledTimes(1)
  expect(queue.size).toBe(0)
  expect(jest.getTimerCount()).toBe(0)
})

test('a limit longer than a timer can wait is no limit of 1 ms', async () => {
  const queue = new HandleQueue()
  await expect(queue.run('h', 1e9, () => new Promise((resolve) => setTimeout(resolve, 20, 'done')))).resolves.toBe(
    'done',
  )
})

test('a task whose result has arrived while the process stood still is not cut', async () => {
  const queue = new HandleQueue()
  const result = queue.run('h', 0.05, () => stat(__filename))
  setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200))
  expect((await result).isFile()).toBe(true)
  expect(queue.size).toBe(0)
})
