import { changesBetween, textsOf, Unparsed, valuesOf } from '../../../lib/express-session/value-texts'

const changesFrom = (before: Record<string, string>, after: Record<string, unknown>) => {
  const { set, remove } = changesBetween(new Map(Object.entries(before)), valuesOf(after))
  return { set: Object.fromEntries(textsOf(set)), remove }
}

test.each<[string, Record<string, unknown>, { set: object; remove: readonly string[] }]>([
  ['equal values', { user: 'ada', cart: ['tea'] }, { set: {}, remove: [] }],
  ['another value', { user: 'bob', cart: ['tea'] }, { set: { user: '"bob"' }, remove: [] }],
  ['a value changed in place', { user: 'ada', cart: ['tea', 'milk'] }, { set: { cart: '["tea","milk"]' }, remove: [] }],
  ['a new key', { user: 'ada', cart: ['tea'], seen: 1 }, { set: { seen: '1' }, remove: [] }],
  ['a key that is missing', { user: 'ada' }, { set: {}, remove: ['cart'] }],
  ['a value of which JSON keeps nothing', { user: 'ada', cart: undefined }, { set: {}, remove: ['cart'] }],
  ['nothing', {}, { set: {}, remove: ['user', 'cart'] }],
])('changes are found between two values and %s', (_, after, changes) => {
  expect(changesFrom({ user: '"ada"', cart: '["tea"]' }, after)).toEqual(changes)
})

test('a value that was never parsed is compared as the text that was loaded, and the cookie is no value', () => {
  const loaded = { cookie: { path: '/' }, user: new Unparsed('"ada"'), cart: new Unparsed('[ "tea" ]') }
  expect(textsOf(valuesOf(loaded))).toEqual(
    new Map([
      ['user', '"ada"'],
      ['cart', '[ "tea" ]'],
    ]),
  )
  expect(changesFrom({ user: '"ada"', cart: '["tea"]' }, loaded)).toEqual({ set: { cart: '[ "tea" ]' }, remove: [] })
})
