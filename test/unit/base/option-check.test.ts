import { describe as describeValue, invalidOption } from '../../../lib/base/option-check'

test.each<[unknown, string]>([
  [undefined, 'undefined'],
  [null, 'null'],
  [7, '7'],
  [NaN, 'NaN'],
  [false, 'false'],
  ['', 'an empty string'],
  ['a secret', 'a string that it does not know'],
  [[1], 'an array'],
  [{ a: 1 }, 'an object'],
  [1n, 'a bigint'],
  [Symbol('a'), 'a symbol'],
  [() => 1, 'a function'],
])('a message names %p as "%s", and no text that was given', (value, expected) => {
  expect(describeValue(value)).toBe(expected)
  expect(invalidOption('idLength', value, 'a number').message).toContain(expected)
})
