import { changeFields, type KeptFields, mapOf } from '../../../../lib/stores/memory/kept-fields'

const kept = (fields: Record<string, string>): KeptFields => ({
  names: Object.keys(fields),
  texts: Object.values(fields),
})
const valuesOf = (fields: KeptFields) => Object.fromEntries(mapOf(fields))
const bytesOf = (fields: Record<string, string>) =>
  Object.entries(fields).reduce((sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text), 0)

const small = { 'v:user': '"u1"', 'v:views': '1' }

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
      const fieldsBefore = kept(before)
      const left = Object.entries(before).filter(([name]) => !remove.includes(name))
      const expected: Record<string, string> = { ...Object.fromEntries(left), ...set }
      const { fields, growth } = changeFields(fieldsBefore, { set: new Map(Object.entries(set)), remove })
      expect(valuesOf(fields)).toEqual(expected)
      expect(growth).toBe(bytesOf(expected) - bytesOf(before))
      expect(valuesOf(fieldsBefore)).toEqual(before)
    }
  },
)
