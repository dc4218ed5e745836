import { keptSession } from '../../../../lib/stores/memory/kept-session'
import { notPacked, PackedSessions } from '../../../../lib/stores/memory/packed-sessions'
import { newHandle, recordWith } from '../../../contract/samples'
import { Random } from '../../../model/random'

const kept = (fields: Record<string, string>, parts: Parameters<typeof recordWith>[0] = {}, handle = newHandle()) =>
  keptSession(handle, { record: recordWith(parts), fields: new Map(Object.entries(fields)) })

const fieldSamples: [string, Record<string, string>][] = [
  ['no field', {}],
  ['one field', { 'v:a': '1' }],
  ['one empty text', { 'v:a': '' }],
  ['empty texts', { 'v:a': '', 'v:b': '', 'v:c': '' }],
  ['small texts', { 'v:user': '"u1"', 'v:views': '1' }],
  ['a text with a line break', { 'v:a': 'one\ntwo', 'v:b': '3' }],
  ['a name with a line break', { 'v:user\nv:views': '1' }],
  ['names with line breaks', { 'v:a\nv:b': '1', 'v:c': '2' }],
  ['an empty name', { '': '1' }],
  ['large texts', { 'v:a': 'x'.repeat(400), 'v:b': 'y'.repeat(400) }],
  ['texts of Latin 1', { 'v:a': '"Müller"', 'v:b': '1' }],
  ['texts beyond Latin', { 'v:a': '"Ωmega \ud800"', 'v:b': '"日本"' }],
  ['half a surrogate pair', { 'v:a\ud83d': '\udd11' }],
  ['a long name', { ['v:' + 'n'.repeat(600)]: '1' }],
  ['many fields', Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`v:${n}`, String(n)]))],
]

test.each(fieldSamples)('%s: packed and read again, it is the same', (_, fields) => {
  const packed = new PackedSessions()
  for (const subject of [undefined, '', 'ann', 'Ωmega']) {
    const session = kept(fields, { subject, context: subject === undefined ? undefined : { ip: '10.0.0.1' } })
    const address = packed.put(session, notPacked)
    expect(address).not.toBe(notPacked)
    expect(packed.read(address, 0)).toEqual({ ...session, record: { ...session.record, context: undefined } })
  }
})

test.each([
  ['ids before', { previous: ['a', 'b'], previousUntil: 5.25 }],
  ['pending ids', { pending: ['c'], previousUntil: 0 }],
  ['both', { previous: ['a'], pending: ['c', 'd'], previousUntil: -1 }],
  ['an idle deadline', { idleUntil: 7.125 }],
  ['an epoch', { epoch: 2 ** 40 }],
])('a record with %s is the same', (_, parts) => {
  const packed = new PackedSessions()
  const session = kept({ 'v:a': '1' }, parts)
  expect(packed.read(packed.put(session, notPacked), 0)).toEqual(session)
})

test.each<[string, (random: Random) => number]>([
  ['today, to the millisecond', (random) => Math.round(1.8e12 + random.next() * 1e10) / 1000],
  ['today, to the last bit', (random) => 1.8e9 + random.next() * 1e7],
  ['of any size', (random) => (random.next() - 0.5) * 10 ** Math.floor(random.next() * 18)],
])('every instant comes back to the last bit: %s', (_range, instant) => {
  const random = new Random(20261121)
  const packed = new PackedSessions()
  for (let i = 0; i < 500; i++) {
    const session = kept(
      {},
      {
        createdAt: instant(random),
        issuedAt: instant(random),
        accessedAt: instant(random),
        expiresAt: instant(random),
        idleUntil: i % 2 === 0 ? instant(random) : undefined,
        previousUntil: i % 3 === 0 ? instant(random) : undefined,
      },
    )
    expect(packed.read(packed.put(session, notPacked), 0)).toEqual(session)
  }
})

test.each([
  ['a long text', { 'v:a': 'x'.repeat(1000) }],
  ['long names', { ['v:' + 'x'.repeat(1000)]: '1' }],
  ['very many fields', Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`v:${n}`, '1']))],
])('a session with %s is not packed, and the block of the one that it replaces is free', (_, fields) => {
  const packed = new PackedSessions()
  const small = kept({ 'v:a': '1' })
  const address = packed.put(small, notPacked)
  expect(packed.put(kept(fields), address)).toBe(notPacked)
  expect(packed.put(small, notPacked)).toBe(address)
})

test('a session that replaces another has its block where the size is the same, and leaves its neighbours as they are', () => {
  const packed = new PackedSessions()
  const [one, two, three] = [1, 2, 3].map((n) => kept({ 'v:n': String(n) }))
  if (one === undefined || two === undefined || three === undefined) throw new Error('no sessions')
  const addresses = [one, two, three].map((session) => packed.put(session, notPacked))
  const [first = -1, second = -1, third = -1] = addresses
  const same = kept({ 'v:n': '9' })
  expect(packed.put(same, second)).toBe(second)
  const longer = kept({ 'v:n': 'x'.repeat(500) })
  const moved = packed.put(longer, second)
  expect(moved).not.toBe(second)
  expect([first, moved, third].map((address) => packed.read(address, 0))).toEqual([one, longer, three])
  expect(packed.put(same, notPacked)).toBe(second)
})
