import { keepValue } from '../../../lib/session/json-value'
import { TrackedValues } from '../../../lib/session/tracked-values'

/** The values of a record with these texts, and with a message. */
const valuesOf = (from: Record<string, string>): TrackedValues =>
  new TrackedValues(
    new Map([['f:0:m', '1'], ...Object.entries(from).map(([key, text]) => [`v:${key}`, text] as const)]),
  )

function changesOf(values: TrackedValues): { set: Record<string, string>; remove: string[] } {
  const set = new Map<string, string>()
  const remove: string[] = []
  values.changes(set, remove)
  return { set: Object.fromEntries(set), remove }
}

const nothing = { set: {}, remove: [] }

describe('keys', () => {
  test('are those of what is stored and of what was set, less what was removed', () => {
    const values = valuesOf({ a: '1', b: '{}', c: '3' })
    values.get('b')
    values.setPlain('a', 2)
    values.setPlain('d', 4)
    values.unset('c')
    values.unset('absent')
    expect([values.keys(), values.size]).toEqual([['a', 'b', 'd'], 3])
    expect(['a', 'b', 'c', 'd', 'absent'].map((key) => values.has(key))).toEqual([true, true, false, true, false])
    expect(Object.fromEntries(values.texts())).toEqual({ a: '2', b: '{}', d: '4' })
  })

  test('are none at first where nothing is stored', () => {
    const values = valuesOf({})
    expect([values.keys(), values.size, values.has('a'), values.get('a')]).toEqual([[], 0, false, undefined])
    expect([changesOf(values), [...values.texts()]]).toEqual([nothing, []])
  })
})

describe('a value', () => {
  test('of null, or of no JSON, reads as absent and stays as it is', () => {
    const values = valuesOf({ a: 'null', b: '{' })
    expect([values.get('a'), values.get('b'), values.size]).toEqual([undefined, undefined, 2])
    expect(changesOf(values)).toEqual(nothing)
  })

  test('that is an object is the same object each time', () => {
    const values = valuesOf({ a: '{"x":[1]}' })
    expect(values.get('a')).toBe(values.get('a'))
    expect(values.get('a')).toEqual({ x: [1] })
  })

  test('that was removed is absent until it is set again, and then is no removal', () => {
    const values = valuesOf({ a: '1', b: '{}' })
    values.get('b')
    values.unset('a')
    values.unset('b')
    expect([values.get('a'), values.get('b'), changesOf(values)]).toEqual([
      undefined,
      undefined,
      { set: {}, remove: ['v:a', 'v:b'] },
    ])
    values.setPlain('a', 1)
    values.set('b', keepValue('b', {}), {})
    expect([values.get('a'), values.get('b'), changesOf(values)]).toEqual([1, {}, nothing])
  })

  test('that was set and removed before it was ever stored is no change', () => {
    const values = valuesOf({})
    values.setPlain('a', 1)
    values.unset('a')
    expect([changesOf(values), values.size]).toEqual([nothing, 0])
  })
})

describe('a value that is kept as a copy', () => {
  const put = (values: TrackedValues, source: object): void => values.set('a', keepValue('a', source), source)

  test('follows what the app does to its own object', () => {
    const values = valuesOf({})
    const source = { at: new Date(0), n: [1] }
    put(values, source)
    const copy = values.get('a')
    expect(values.get('a')).toBe(copy)
    source.n.push(2)
    expect(values.get('a')).toEqual({ at: '1970-01-01T00:00:00.000Z', n: [1, 2] })
    source.n.push(3)
    expect(values.texts().get('a')).toContain('[1,2,3]')
    source.n.push(4)
    expect(changesOf(values).set['v:a']).toContain('[1,2,3,4]')
  })

  test('stays what the app made of the copy where it changed both', () => {
    const values = valuesOf({})
    const source = { at: new Date(0), n: [1] }
    put(values, source)
    const copy = values.get('a') as { n: number[] }
    copy.n.push(7)
    source.n.push(8)
    expect(changesOf(values).set['v:a']).toContain('[1,7]')
    expect(values.get('a')).toBe(copy)
    source.n.push(9)
    expect(changesOf(values).set['v:a']).toContain('[1,7]')
  })

  test.each<[string, (values: TrackedValues) => void, unknown]>([
    ['a plain value is set', (values) => values.setPlain('a', 5), 5],
    ['plain data is set', (values) => values.set('a', keepValue('a', [5]), [5]), [5]],
    ['the key is removed', (values) => values.unset('a'), undefined],
  ])('follows it no longer when %s', (_, act, expected) => {
    const values = valuesOf({})
    const source = { at: new Date(0) }
    put(values, source)
    act(values)
    source.at.setTime(5)
    expect([values.get('a'), values.texts().has('a')]).toEqual([expected, expected !== undefined])
    // The object is no value any more: it may hold what JSON cannot carry.
    Object.assign(source, { big: 1n })
    expect(() => changesOf(values)).not.toThrow()
  })
})

describe('settle', () => {
  test('keeps what was saved before in the order of the record', () => {
    const values = valuesOf({ a: '1', b: '2' })
    values.setPlain('b', 3)
    values.setPlain('c', 4)
    values.settle({ set: new Map([['v:b', '3']]), remove: [] })
    values.settle({ set: new Map([['v:c', '4']]), remove: [] })
    expect([Object.fromEntries(values.texts()), changesOf(values)]).toEqual([{ a: '1', b: '3', c: '4' }, nothing])
    values.unset('a')
    values.settle({ set: new Map(), remove: ['v:a'] })
    expect([values.keys(), values.has('a'), values.storedBytes]).toEqual([['b', 'c'], false, 4])
  })

  test('changes nothing in the record that was loaded', () => {
    const fields = new Map([['v:a', '1']])
    const values = new TrackedValues(fields)
    values.setPlain('a', 2)
    values.unset('b')
    values.settle({ set: new Map([['v:a', '2']]), remove: ['v:b'] })
    expect([[...fields], values.get('a')]).toEqual([[['v:a', '1']], 2])
  })

  test('makes what was set the stored texts, and forgets what was removed', () => {
    const values = valuesOf({ a: '1', b: '2', c: '3' })
    values.setPlain('a', 9)
    values.unset('b')
    values.settle({ set: new Map([['v:a', '9']]), remove: ['v:b'] })
    expect([changesOf(values), values.keys(), values.size]).toEqual([nothing, ['a', 'c'], 2])
    expect(values.storedBytes).toBe(4)
    values.setPlain('b', 2)
    expect(changesOf(values)).toEqual({ set: { 'v:b': '2' }, remove: [] })
  })

  test('leaves the fields of messages alone', () => {
    const values = valuesOf({ a: '1', '0:n': '2' })
    values.settle({ set: new Map([['f:0:n', '7']]), remove: ['f:a'] })
    expect([Object.fromEntries(values.texts()), changesOf(values)]).toEqual([{ a: '1', '0:n': '2' }, nothing])
  })

  test('leaves what changed meanwhile a change', () => {
    const values = valuesOf({})
    values.setPlain('a', 1)
    values.setPlain('b', 1)
    const { set } = changesOf(values)
    values.setPlain('a', 2)
    values.unset('b')
    values.settle({ set: new Map(Object.entries(set)), remove: [] })
    expect(changesOf(values)).toEqual({ set: { 'v:a': '2' }, remove: ['v:b'] })
    expect([values.has('b'), values.size]).toEqual([false, 1])
  })

  test('keeps what was given as text, never read, and stored as it is', () => {
    const values = valuesOf({ a: '1', b: '2', c: '3' })
    values.setPlain('b', 4)
    values.unset('c')
    values.settle({ set: new Map(Object.entries({ 'v:a': '1', 'v:b': '4', 'v:c': '3' })), remove: [] })
    expect([values.keys(), values.get('a')]).toEqual([['a', 'b'], 1])
    expect(changesOf(values)).toEqual({ set: {}, remove: ['v:c'] })
  })

  test('takes what was set with nothing in memory for removed', () => {
    const values = valuesOf({})
    values.settle({ set: new Map([['v:a', '1']]), remove: [] })
    expect([values.has('a'), changesOf(values)]).toEqual([false, { set: {}, remove: ['v:a'] }])
  })
})

test('bytes are those of keys and texts in UTF-8', () => {
  const values = valuesOf({ é: '"€"', b: '10' })
  values.setPlain('c', 'x')
  expect([
    values.storedBytes,
    values.bytesWithout(undefined),
    values.bytesWithout('é'),
    values.bytesWithout('c'),
  ]).toEqual([10, 14, 7, 10])
})
