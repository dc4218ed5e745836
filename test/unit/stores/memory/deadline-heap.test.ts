import { DeadlineHeap } from '../../../../lib/stores/memory/deadline-heap'
import { IntColumn } from '../../../../lib/stores/memory/int-column'
import { Random } from '../../../model/random'

test('a heap of many chunks gives its rows by deadline, whatever is added, moved and removed meanwhile', () => {
  const random = new Random(20261122)
  const heap = new DeadlineHeap(new IntColumn())
  const deadlines = new Map<number, number>()
  let rows = 0
  const any = () => [...deadlines.keys()][Math.floor(random.next() * deadlines.size)] ?? 0
  for (const [most, adds] of [
    [5000, 0.8],
    [900, 0.2],
    [3000, 0.6],
  ] as const) {
    while (adds > 0.5 ? deadlines.size < most : deadlines.size > most) {
      if (deadlines.size === 0 || random.next() < adds) {
        const deadline = Math.floor(random.next() * 1e6) / 8
        deadlines.set(++rows, deadline)
        heap.add(rows, deadline)
      } else {
        const row = any()
        heap.delete(row)
        deadlines.delete(row)
      }
      const moved = any()
      if (moved === 0) continue
      const deadline = (deadlines.get(moved) ?? 0) * (random.next() < 0.5 ? 0.5 : 2)
      deadlines.set(moved, deadline)
      heap.move(moved, deadline)
    }
    expect(heap.firstDeadline).toBe(Math.min(...deadlines.values()))
  }
  const order: number[] = []
  for (let { first } = heap; first !== 0; { first } = heap) {
    expect(heap.firstDeadline).toBe(deadlines.get(first))
    order.push(heap.firstDeadline)
    heap.delete(first)
  }
  expect(order).toEqual([...deadlines.values()].sort((one, other) => one - other))
  expect(heap.firstDeadline).toBe(Infinity)
})

test('a heap that goes up and down around the end of a chunk keeps its order', () => {
  const heap = new DeadlineHeap(new IntColumn())
  for (let row = 1; row <= 1025; row++) heap.add(row, row)
  for (let n = 0; n < 5; n++) {
    heap.delete(1025)
    heap.add(1025, 1025)
  }
  expect([heap.first, heap.firstDeadline]).toEqual([1, 1])
  heap.move(1025, 0.5)
  expect([heap.first, heap.firstDeadline]).toEqual([1025, 0.5])
})

test('two heaps share the places of their rows', () => {
  const places = new IntColumn()
  const [one, other] = [new DeadlineHeap(places), new DeadlineHeap(places)]
  for (let row = 1; row <= 100; row++) (row % 2 === 0 ? one : other).add(row, 1000 - row)
  one.delete(50)
  other.add(50, 1)
  expect([one.first, other.first]).toEqual([100, 50])
  other.delete(50)
  expect(other.first).toBe(99)
})
