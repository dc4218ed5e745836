import { DeadlineHeap } from '../../../../lib/stores/memory/deadline-heap'

const newRandom = (seed: number) => () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648

test('a heap of many chunks gives its items by deadline, whatever is added, moved and removed meanwhile', () => {
  const random = newRandom(20261122)
  const heap = new DeadlineHeap<{ place: number; deadline: number }>()
  const items: { place: number; deadline: number }[] = []
  const add = () => {
    const item = { place: -1, deadline: Math.floor(random() * 1e6) / 8 }
    items.push(item)
    heap.add(item, item.deadline)
  }
  const take = () => items.splice(Math.floor(random() * items.length), 1)[0]
  for (const [most, adds] of [
    [5000, 0.8],
    [900, 0.2],
    [3000, 0.6],
  ] as const) {
    while (adds > 0.5 ? items.length < most : items.length > most) {
      if (random() < adds) add()
      else {
        const item = take()
        if (item !== undefined) heap.delete(item)
        expect(item === undefined || item.place === -1).toBe(true)
      }
      const moved = items[Math.floor(random() * items.length)]
      if (moved === undefined) continue
      moved.deadline = random() < 0.5 ? moved.deadline / 2 : moved.deadline * 2
      heap.move(moved, moved.deadline)
    }
    expect(heap.firstDeadline).toBe(Math.min(...items.map(({ deadline }) => deadline)))
  }
  const order: number[] = []
  for (let { first } = heap; first !== undefined; { first } = heap) {
    expect(heap.firstDeadline).toBe(first.deadline)
    order.push(first.deadline)
    heap.delete(first)
  }
  expect(order).toEqual(items.map(({ deadline }) => deadline).sort((one, other) => one - other))
  expect(heap.firstDeadline).toBe(Infinity)
})

test('a heap that goes up and down around the end of a chunk, and one that was cleared, keep their order', () => {
  const heap = new DeadlineHeap<{ place: number }>()
  const items = Array.from({ length: 1025 }, () => ({ place: -1 }))
  for (const [deadline, item] of items.entries()) heap.add(item, deadline)
  const last = items[1024]
  if (last === undefined) throw new Error('no item')
  for (let n = 0; n < 5; n++) {
    heap.delete(last)
    heap.add(last, 1024)
    expect(last.place).toBe(1024)
  }
  expect(heap.first).toBe(items[0])
  heap.clear()
  expect([heap.first, heap.firstDeadline]).toEqual([undefined, Infinity])
  heap.add(last, 7)
  expect([heap.first, heap.firstDeadline]).toEqual([last, 7])
})
