import { changeFields, type KeptFields, packFields, unpackFields } from '../../../../lib/stores/memory/kept-fields'

const packed = (fields: Record<string, string>): KeptFields => packFields(Object.keys(fields), Object.values(fields))
const unpacked = ({ names, texts }: KeptFields) => Object.fromEntries(unpackFields(names, texts))
const bytesOf = (fields: Record<string, string>) =>
  Object.entries(fields).reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text), 0)

const small = { 'v:user': '"u1"', 'v:views': '1' }
const samples: [string, Record<string, string>][] = [
  ['no field', {}],
  ['one field', { 'v:a': '1' }],
  ['one empty text', { 'v:a': '' }],
  ['empty texts', { 'v:a': '', 'v:b': '', 'v:c': '' }],
  ['small texts', small],
  ['a text with a line break', { 'v:a': 'one\ntwo', 'v:b': '3' }],
  ['a line break alone', { 'v:a': '\n' }],
  ['a name with a line break', { 'v:user\nv:views': '1' }],
  ['names with line breaks', { 'v:a\nv:b': '1', 'v:c': '2' }],
  ['an empty name', { '': '1' }],
  ['large texts', { 'v:a': 'x'.repeat(200), 'v:b': 'y'.repeat(200) }],
  ['texts beyond Latin', { 'v:a': '"Ωmega \ud800"', 'v:b': '"日本"' }],
  ['many fields', Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`v:${n}`, String(n)]))],
]

test.each(samples)('%s: packed and unpacked, it is the same', (_, fields) => {
  expect(unpacked(packed(fields))).toEqual(fields)
})

test('a name with a line break is not taken for the two names that it looks like', () => {
  packed(small)
  expect(unpacked(packed({ 'v:user\nv:views': '1' }))).toEqual({ 'v:user\nv:views': '1' })
})

test('sessions with the same names share the list of them, and small texts are one', () => {
  const [one, other] = [packed(small), packed({ 'v:user': '"u2"', 'v:views': '2' })]
  expect(other.names).toBe(one.names)
  expect(one.texts).toBe('"u1"\n1')
})

test('lists of names that are not shared any more are kept all the same', () => {
  for (let n = 0; n < 1100; n++) {
    const fields = { [`v:of-${n}`]: String(n), 'v:b': '2' }
    expect(unpacked(packed(fields))).toEqual(fields)
  }
})

const changes: [string, Record<string, string>, string[]][] = [
  ['nothing', {}, []],
  ['a known field', { 'v:views': '20' }, []],
  ['all fields', { 'v:views': '20', 'v:user': '"u22"' }, []],
  ['a new field', { 'v:new': '5' }, []],
  ['a known and a new one', { 'v:new': '5', 'v:user': '"Ω"' }, []],
  ['the removal of one', {}, ['v:user']],
  ['the removal of all', {}, ['v:user', 'v:views']],
  ['the removal of an unknown one', {}, ['v:none']],
  ['a removal and a new one', { 'v:new': '5' }, ['v:user']],
  ['a removal of what is set too', { 'v:user': '6' }, ['v:user']],
  ['a text with a line break', { 'v:views': '"\n"' }, []],
  ['a large text', { 'v:views': 'x'.repeat(1000) }, []],
]

test.each(changes)(
  'a change of %s says how it grows, and leaves the fields from before as they were',
  (_, set, remove) => {
    for (const before of [small, { ...small, 'v:long': 'y'.repeat(400) }]) {
      const kept = packed(before)
      const left = Object.entries(before).filter(([name]) => !remove.includes(name))
      const expected: Record<string, string> = { ...Object.fromEntries(left), ...set }
      const { fields, growth } = changeFields(kept, { set: new Map(Object.entries(set)), remove })
      expect(unpacked(fields)).toEqual(expected)
      expect(growth).toBe(bytesOf(expected) - bytesOf(before))
      expect(unpacked(kept)).toEqual(before)
    }
  },
)
