import { SubjectWrites } from '../../../lib/channels/subject-writes'
import { turn } from '../../support/fake-socket'

type Written = [subject: string, set: Record<string, string>, remove: string[]]

let written: Written[]
let finish: ((error?: Error) => void)[]
let writes: SubjectWrites

beforeEach(() => {
  written = []
  finish = []
  writes = new SubjectWrites((subject, { set, remove }) => {
    written.push([subject, Object.fromEntries(set), [...remove]])
    return new Promise<void>((resolve, reject) => {
      finish.push((error) => (error === undefined ? resolve() : reject(error)))
    })
  })
})

const setting = (key: string, text: string) => ({ set: new Map([[key, text]]), remove: [] })

test('changes of a user are merged into one write when an earlier one is under way', async () => {
  const first = writes.add('ada', setting('a', '1'))
  const later = [
    writes.add('ada', setting('a', '2')),
    writes.add('ada', setting('b', '3')),
    writes.add('ada', { set: new Map(), remove: ['a'] }),
  ]
  expect(written).toEqual([['ada', { a: '1' }, []]])
  finish[0]?.()
  await first
  await turn()
  expect(written.slice(1)).toEqual([['ada', { b: '3' }, ['a']]])
  finish[1]?.()
  await Promise.all(later)
  expect([written.length, writes.size]).toEqual([2, 0])
})

test('users do not wait for one another', async () => {
  const both = [writes.add('ada', setting('a', '1')), writes.add('bo', setting('a', '2'))]
  expect(written.map(([subject]) => subject)).toEqual(['ada', 'bo'])
  for (const one of finish) one()
  await Promise.all(both)
  expect(writes.size).toBe(0)
})

test('a write that fails rejects for those whose changes it carried, and the next one begins', async () => {
  const first = writes.add('ada', setting('a', '1'))
  const [second, third] = [writes.add('ada', setting('a', '2')), writes.add('ada', setting('b', '3'))]
  finish[0]?.(new Error('away'))
  await expect(first).rejects.toThrow('away')
  await turn()
  finish[1]?.(new Error('still away'))
  await expect(second).rejects.toThrow('still away')
  await expect(third).rejects.toThrow('still away')
  const last = writes.add('ada', setting('c', '4'))
  finish[2]?.()
  await last
  expect([written.length, writes.size]).toEqual([3, 0])
})
