import { ChainedIndex } from '../../../../lib/stores/memory/chained-index'
import { Random } from '../../../model/random'

/** All rows with a hash, the one that was added last first. */
function rowsOf(index: ChainedIndex, hash: number): number[] {
  const rows: number[] = []
  for (let row = index.find(hash); row !== 0; row = index.findNext(row)) rows.push(row)
  return rows
}

test('an index that grows and shrinks finds the rows of each hash, in the order in which they were added', () => {
  const random = new Random(20261122)
  const index = new ChainedIndex()
  const known = new Map<number, number[]>()
  const hashOfRow = new Map<number, number>()
  const vacant = Array.from({ length: 6000 }, (_, n) => n + 1)
  // Negative hashes, too, and many that end alike.
  const newHash = () =>
    random.next() < 0.5 ? Math.floor(random.next() * 900) << 12 : Math.floor((random.next() - 0.5) * 2 ** 32)
  for (const [most, adds] of [
    [5000, 0.7],
    [300, 0.3],
    [4000, 0.6],
    [0, 0],
  ] as const) {
    while (adds > 0.5 ? hashOfRow.size < most : hashOfRow.size > most) {
      if (random.next() < adds) {
        const row = vacant.pop()
        if (row === undefined) throw new Error('no row is left')
        const hash = newHash()
        index.add(row, hash)
        hashOfRow.set(row, hash)
        known.set(hash, [row, ...(known.get(hash) ?? [])])
      } else {
        const rows = [...hashOfRow.keys()]
        const row = rows[Math.floor(random.next() * rows.length)]
        if (row === undefined) continue
        const hash = hashOfRow.get(row) ?? 0
        index.delete(row)
        hashOfRow.delete(row)
        known.set(
          hash,
          (known.get(hash) ?? []).filter((one) => one !== row),
        )
        vacant.push(row)
      }
    }
    for (const [hash, rows] of known) expect(rowsOf(index, hash)).toEqual(rows)
  }
  expect(known.size).toBeGreaterThan(2000)
})

test('ten thousand rows of one hash are removed one by one, each in one step', () => {
  const index = new ChainedIndex()
  for (let row = 1; row <= 10_000; row++) index.add(row, 7)
  index.add(10_001, 8)
  expect(rowsOf(index, 7)).toHaveLength(10_000)
  for (let row = 2; row <= 10_000; row += 2) index.delete(row)
  expect(rowsOf(index, 7).slice(0, 3)).toEqual([9999, 9997, 9995])
  for (let row = 1; row <= 10_000; row += 2) index.delete(row)
  expect(rowsOf(index, 7)).toEqual([])
  expect(rowsOf(index, 8)).toEqual([10_001])
})
