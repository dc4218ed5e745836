import {
  applyChanges,
  areSame,
  bytesOfTexts,
  changesBetween,
  changesOfValues,
  checkValues,
  type FieldChanges,
  hasChanges,
  keyOfField,
  mergeChanges,
  noChanges,
  textsOfFields,
  textsOfValues,
  toFieldChanges,
  valueField,
  valuesOfTexts,
} from '../../../lib/session/fields'

const texts = (from: Record<string, string>): ReadonlyMap<string, string> => new Map(Object.entries(from))
const shown = ({ set, remove }: FieldChanges): [object, readonly string[]] => [Object.fromEntries(set), remove]

describe('a value', () => {
  test('becomes JSON text, and a value again', () => {
    const values = { a: 1, b: { c: ['x'] }, d: false, e: '' }
    expect(Object.fromEntries(textsOfValues(values))).toEqual({ a: '1', b: '{"c":["x"]}', d: 'false', e: '""' })
    expect(valuesOfTexts(textsOfValues(values))).toEqual(values)
  })

  test('is none when it is null or undefined, or when its text is null or no JSON', () => {
    expect([...textsOfValues({ a: null, b: undefined, c: 0 }).keys()]).toEqual(['c'])
    expect(Object.keys(valuesOfTexts(texts({ a: 'null', b: '{', c: '0' })))).toEqual(['c'])
  })

  test('is refused when JSON cannot carry it', () => {
    expect(() => textsOfValues({ a: 1n })).toThrow(expect.objectContaining({ code: 'INVALID_SESSION_VALUE' }))
  })

  test('is an own property when its key is the name of the prototype', () => {
    const values = valuesOfTexts(texts({ ['__proto__']: '{"polluted":1}' }))
    expect(Object.keys(values)).toEqual(['__proto__'])
    expect((values as { polluted?: unknown }).polluted).toBeUndefined()
  })
})

test('the field of a value has its key behind a prefix, and other fields have no key', () => {
  expect(['a', '', 'v:'].map((key) => keyOfField(valueField(key)))).toEqual(['a', '', 'v:'])
  expect(keyOfField('f:0:a')).toBeUndefined()
  expect(Object.fromEntries(textsOfFields(texts({ 'v:a': '1', 'f:0:b': '2', c: '3' })))).toEqual({ a: '1' })
  expect(shown(toFieldChanges({ set: texts({ a: '1' }), remove: ['b'] }))).toEqual([{ 'v:a': '1' }, ['v:b']])
})

test('the changes of values set keys, and remove those that are null or undefined', () => {
  expect(shown(changesOfValues({ a: 1, b: null, c: undefined }))).toEqual([{ a: '1' }, ['b', 'c']])
})

describe('checkValues', () => {
  class Money {
    readonly amount = 1
  }
  class Account {
    readonly #balance = 1
    get balance(): number {
      return this.#balance
    }
  }

  test.each<[string, object]>([
    ['an object', { a: 1 }],
    ['an empty object', {}],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
    ['an instance with keys', new Money()],
  ])('accepts %s', (_, values) => {
    expect(() => checkValues('set', values)).not.toThrow()
  })

  test.each<[unknown, string]>([
    [undefined, 'is undefined; it accepts an object of keys and values'],
    [null, 'is null; it accepts an object of keys and values'],
    ['text', 'is a string that it does not know; it accepts an object of keys and values'],
    [() => 0, 'is a function; it accepts an object of keys and values'],
    [[1], 'is an array; it accepts an object of keys and values'],
    [[], 'is an array; it accepts an object of keys and values'],
    [new Map([['a', 1]]), 'is a Map or a Set; it accepts an object of keys and values'],
    [Promise.resolve({ a: 1 }), 'is a promise; it accepts an object of keys and values'],
    [new Account(), 'is an instance of Account, which has no toJSON(); it accepts an object of keys and values'],
    [Buffer.from('a'), 'is a Buffer; it accepts an object of keys and values'],
    [{ '': 1 }, 'has an empty string as a key; it accepts keys that are not empty'],
    [{ a: 1, '': 1 }, 'has an empty string as a key; it accepts keys that are not empty'],
  ])('refuses %p', (values, said) => {
    expect(() => checkValues('update(id, values)', values)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(`^${`update(id, values) ${said}`.replace(/[()]/g, '\\$&')}`),
      }),
    )
  })
})

describe('changes', () => {
  const before = texts({ a: '1', b: '2' })
  const change: FieldChanges = { set: texts({ b: '3', c: '4' }), remove: ['a', 'absent'] }

  test('are there when something is set or removed', () => {
    expect(
      [noChanges, change, { set: change.set, remove: [] }, { set: texts({}), remove: ['a'] }].map(hasChanges),
    ).toEqual([false, true, true, true])
  })

  test('are applied to a copy', () => {
    expect(Object.fromEntries(applyChanges(before, change))).toEqual({ b: '3', c: '4' })
    expect(Object.fromEntries(before)).toEqual({ a: '1', b: '2' })
    expect([applyChanges(before, noChanges), applyChanges(before, undefined)]).toEqual([before, before])
  })

  test('between two are what makes the second of the first', () => {
    const after = texts({ b: '2', a: '9', d: '5' })
    expect(shown(changesBetween(before, after))).toEqual([{ a: '9', d: '5' }, []])
    expect(shown(changesBetween(before, texts({ b: '2' })))).toEqual([{}, ['a']])
    expect(areSame(applyChanges(before, changesBetween(before, after)), after)).toBe(true)
  })

  test.each<[string, FieldChanges, FieldChanges, [object, readonly string[]]]>([
    ['set the later text', change, { set: texts({ c: '5' }), remove: [] }, [{ b: '3', c: '5' }, ['a', 'absent']]],
    ['remove what was set', change, { set: texts({}), remove: ['c'] }, [{ b: '3' }, ['a', 'absent', 'c']]],
    ['set what was removed', change, { set: texts({ a: '7' }), remove: [] }, [{ a: '7', b: '3', c: '4' }, ['absent']]],
    ['remove once what both remove', change, { set: texts({}), remove: ['a'] }, [{ b: '3', c: '4' }, ['a', 'absent']]],
  ])('that are merged %s', (_, first, second, expected) => {
    const merged = mergeChanges(first, second)
    expect(shown(merged)).toEqual(expected)
    const inTurn = applyChanges(applyChanges(before, first), second)
    expect(areSame(applyChanges(before, merged), inTurn)).toBe(true)
  })
})

test('texts are the same when names and texts are, in any order', () => {
  const one = texts({ a: '1', b: '2' })
  expect(areSame(one, texts({ b: '2', a: '1' }))).toBe(true)
  expect(
    [texts({ a: '1' }), texts({ a: '1', b: '3' }), texts({ a: '1', c: '2' }), undefined].map((other) =>
      areSame(one, other),
    ),
  ).toEqual([false, false, false, false])
  expect([areSame(undefined, undefined), areSame(undefined, one)]).toEqual([true, false])
  expect([areSame(undefined, texts({})), areSame(texts({}), undefined)]).toEqual([false, false])
})

test('the bytes of texts are those of names and texts in UTF-8', () => {
  expect(bytesOfTexts(texts({ a: '1', ä: '"€"' }))).toBe(2 + 2 + 5)
})
