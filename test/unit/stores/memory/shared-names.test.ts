import { sharedNames, shareNames } from '../../../../lib/stores/memory/shared-names'

test('sessions with the same names share the list of them', () => {
  const place = shareNames(['v:user', 'v:views'])
  expect(place).toBeGreaterThanOrEqual(0)
  expect(shareNames(['v:user', 'v:views'])).toBe(place)
  expect(shareNames(sharedNames(place))).toBe(place)
  expect(shareNames(['v:views', 'v:user'])).not.toBe(place)
  expect(sharedNames(place)).toEqual(['v:user', 'v:views'])
})

test('a shared list does not change with the list that was given', () => {
  const names = ['v:of-the-caller']
  const place = shareNames(names)
  names.push('v:later')
  expect(sharedNames(place)).toEqual(['v:of-the-caller'])
})

test('a name with a line break is not taken for the two names that it looks like', () => {
  const place = shareNames(['v:one', 'v:two'])
  expect(place).toBeGreaterThanOrEqual(0)
  expect(shareNames(['v:one\nv:two'])).toBe(-1)
  expect(shareNames(['a\nb', 'c'])).toBe(-1)
  expect(shareNames(['a', 'b\nc'])).toBe(-1)
})

test('long lists, and more than a thousand, are not shared', () => {
  expect(shareNames(['x'.repeat(501)])).toBe(-1)
  const places = Array.from({ length: 1100 }, (_, n) => shareNames([`v:of-${n}`]))
  expect(places.slice(-90)).toEqual(Array.from({ length: 90 }, () => -1))
  expect(new Set(places.filter((place) => place !== -1)).size).toBeGreaterThan(900)
  expect(sharedNames(places[0] ?? -1)).toEqual(['v:of-0'])
})
