import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type KeptSession, keptSession } from '../../../../lib/stores/memory/kept-session'
import { SessionTable } from '../../../../lib/stores/memory/session-table'
import { hashText } from '../../../../lib/stores/memory/text-hash'
import { newHandle, recordWith } from '../../../contract/samples'

const kept = (parts: Parameters<typeof recordWith>[0], fields: Record<string, string>, handle = newHandle()) =>
  keptSession(handle, { record: recordWith(parts), fields: new Map(Object.entries(fields)) })

/** The session with other fields, in the same row. */
const withFields = (session: KeptSession, fields: Record<string, string>): KeptSession => ({
  ...session,
  fields: { names: Object.keys(fields), texts: Object.values(fields) },
})

const small = { 'v:a': '1' }
const large = { 'v:a': 'x'.repeat(5000) }

test.each([
  ['small', small, small],
  ['large', large, large],
  ['first small, then large', small, large],
  ['first large, then small', large, small],
])('a session is what it was changed to when it is %s', (_, before, after) => {
  const table = new SessionTable()
  const [session, other] = [kept({}, before), kept({}, small)]
  table.add(session)
  table.add(other)
  const changed = withFields(session, after)
  table.replace(session, changed)
  expect(table.find(session.handle)).toEqual(changed)
  expect(table.find(other.handle)).toEqual(other)
  table.delete(changed)
  expect(table.find(session.handle)).toBeUndefined()
  expect(table.size).toBe(1)
})

test('what is read is shared with no one, whether it is small or large', () => {
  const table = new SessionTable()
  for (const fields of [small, large]) {
    const session = kept({ previous: ['a'], pending: ['b'], previousUntil: 5 }, fields)
    table.add(session)
    const read = table.find(session.handle)
    if (read === undefined) throw new Error('not found')
    Object.assign(read.record, { hash: 'changed', epoch: 9 })
    ;(read.record.previous as string[]).push('c')
    ;(read.record.pending as string[]).push('d')
    const again = table.find(session.handle)?.record
    expect(again).toMatchObject({ hash: session.record.hash, epoch: 0, previous: ['a'], pending: ['b'] })
  }
})

test('the sessions of a subject come in the order in which they were bound to it, and of no other', () => {
  const table = new SessionTable()
  const sessions = Array.from({ length: 300 }, (_, n) => kept({ subject: `user${n % 3}` }, n % 7 === 0 ? large : small))
  for (const session of sessions) table.add(session)
  const ofUser1 = sessions.filter((_, n) => n % 3 === 1)
  expect(table.ofSubject('user1').map(({ handle }) => handle)).toEqual(ofUser1.map(({ handle }) => handle))
  const [first] = ofUser1
  if (first === undefined) throw new Error('no session')
  table.replace(first, { ...first, record: { ...first.record, subject: 'user2' } })
  expect(table.ofSubject('user2').at(-1)?.handle).toBe(first.handle)
  expect(table.ofSubject('user1')).toHaveLength(99)
  const [second] = table.ofSubject('user1')
  if (second === undefined) throw new Error('no session')
  table.replace(second, withFields(second, { 'v:a': '2' }))
  expect(table.ofSubject('user1')[0]?.handle).toBe(second.handle)
  for (const session of table.ofSubject('user2')) table.delete(session)
  expect(table.ofSubject('user2')).toEqual([])
  expect(table.size).toBe(199)
})

test('a row is used again when its session has ended, whatever both sessions hold', () => {
  const table = new SessionTable()
  const rows = new Set<number>()
  for (let round = 0; round < 8; round++) {
    const sessions = Array.from({ length: 50 }, (_, n) => kept({}, (n + round) % 2 === 0 ? small : large))
    for (const session of sessions) {
      table.add(session)
      rows.add(session.row)
    }
    for (const session of sessions) expect(table.read(session.row)).toEqual(session)
    for (const session of sessions) table.delete(session)
  }
  expect(rows.size).toBe(50)
})

/** Two texts with one hash. The key of the hash is new in each process, so they have to be looked for. */
function colliding(): [string, string] {
  const known = new Map<number, string>()
  for (let n = 0; ; n++) {
    const text = `text-${n}`
    const hash = hashText(text)
    const other = known.get(hash)
    if (other !== undefined) return [text, other]
    known.set(hash, text)
  }
}

test("a session is found by its own handle and subject when another one's have the same hash", () => {
  const table = new SessionTable()
  const [one, other] = colliding()
  const [first, second] = [kept({ subject: one }, small, one), kept({ subject: other }, small, other)]
  table.add(first)
  expect(table.find(other)).toBeUndefined()
  expect(table.ofSubject(other)).toEqual([])
  table.add(second)
  expect([one, other].map((handle) => table.find(handle)?.row)).toEqual([first.row, second.row])
  expect([one, other].map((subject) => table.ofSubject(subject).map(({ row }) => row))).toEqual([
    [first.row],
    [second.row],
  ])
})

test('what a large session held is given up when it ends or becomes small', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const table = new SessionTable()
  const held: WeakRef<KeptSession>[] = []
  const fill = () => {
    const [ended, shrunk, left] = [kept({}, large), kept({}, large), kept({}, large)]
    for (const session of [ended, shrunk, left]) {
      table.add(session)
      held.push(new WeakRef(session))
    }
    table.delete(ended)
    table.replace(shrunk, withFields(shrunk, small))
  }
  fill()
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  expect(held.map((session) => session.deref() === undefined)).toEqual([true, true, false])
})
