import { DeadlineQueue } from '../../../lib/base/deadline-queue'

/** Takes all keys out, the first one first, and returns their deadlines. */
function emptied(queue: DeadlineQueue): number[] {
  const order: number[] = []
  for (let first = queue.first(); first !== undefined; first = queue.first()) {
    order.push(first.deadline)
    queue.delete(first.key)
  }
  return order
}

test('an empty queue has no first key', () => {
  const queue = new DeadlineQueue()
  expect(queue.first()).toBeUndefined()
  queue.delete('a')
  expect(queue.size).toBe(0)
})

test('the first key is the one with the earliest deadline, whatever is added, moved and deleted', () => {
  const queue = new DeadlineQueue()
  const model = new Map<string, number>()
  let random = 1
  const roll = (sides: number) => (random = (random * 48_271) % 2_147_483_647) % sides
  for (let step = 0; step < 4000; step++) {
    const key = `k${roll(300)}`
    if (roll(3) === 0) {
      queue.delete(key)
      model.delete(key)
    } else {
      const deadline = roll(1000)
      queue.set(key, deadline)
      model.set(key, deadline)
    }
    const first = queue.first()
    expect(queue.size).toBe(model.size)
    if (model.size === 0) expect(first).toBeUndefined()
    else expect([first?.deadline, model.get(first?.key ?? '')]).toEqual(Array(2).fill(Math.min(...model.values())))
  }
  expect(emptied(queue)).toEqual([...model.values()].sort((a, b) => a - b))
})

test('emptied from the front, it gives all keys in the order of their deadlines', () => {
  const queue = new DeadlineQueue()
  for (let i = 0; i < 500; i++) queue.set(`k${i}`, (i * 7919) % 501)
  const order = emptied(queue)
  expect(order).toEqual([...order].sort((a, b) => a - b))
  expect(order).toHaveLength(500)
})

test('clear forgets all', () => {
  const queue = new DeadlineQueue()
  queue.set('a', 1)
  queue.clear()
  expect(queue.first()).toBeUndefined()
  queue.set('a', 2)
  expect(queue.first()).toMatchObject({ key: 'a', deadline: 2 })
})
