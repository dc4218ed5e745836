import { LookQueue } from '../../../lib/channels/look-queue'
import { turn } from '../../support/fake-socket'

/** A queue whose looks a test answers one by one. */
function held(): { queue: LookQueue; begun: string[]; answer: (handle: string) => void } {
  const begun: string[] = []
  const answers = new Map<string, () => void>()
  const queue = new LookQueue((handle) => {
    begun.push(handle)
    return new Promise<void>((resolve) => answers.set(handle, resolve))
  })
  return { queue, begun, answer: (handle) => answers.get(handle)?.() }
}

test('looks once a turn, however often it was asked, and not within the call', async () => {
  const looked: string[] = []
  const queue = new LookQueue((handle) => void looked.push(handle))
  for (let i = 0; i < 5; i++) queue.add('a')
  queue.add('b')
  expect(looked).toEqual([])
  await turn()
  expect([looked, queue.size]).toEqual([['a', 'b'], 0])
})

test('looks again at what was added while it was looked at, once', async () => {
  const { queue, begun, answer } = held()
  queue.add('a')
  await turn()
  queue.add('a')
  queue.add('a')
  await turn()
  expect(begun).toEqual(['a'])
  answer('a')
  await turn()
  expect(begun).toEqual(['a', 'a'])
  answer('a')
  await turn()
  expect([begun, queue.size]).toEqual([['a', 'a'], 0])
})

test('never has more than 64 looks under way, and comes to all', async () => {
  const { queue, begun, answer } = held()
  const handles = Array.from({ length: 200 }, (_, index) => String(index))
  for (const handle of handles) queue.add(handle)
  await turn()
  expect(begun).toHaveLength(64)
  for (let answered = 0; answered < 200; answered++) {
    answer(String(answered))
    await turn()
    expect(begun.length - answered - 1).toBeLessThanOrEqual(64)
  }
  expect([begun, queue.size]).toEqual([handles, 0])
})

test('forgets what was deleted, and everything when it is cleared', async () => {
  const { queue, begun } = held()
  queue.add('a')
  queue.add('b')
  queue.delete('a')
  await turn()
  queue.add('c')
  queue.clear()
  await turn()
  expect(begun).toEqual(['b'])
})
