import type { SessionRecord } from '../../../../lib/session/record'
import {
  decodeRecord,
  decodeSession,
  digits,
  encodeContext,
  encodeRecord,
  fromWire,
  toDigits,
  toFieldName,
  toInstant,
  toWire,
} from '../../../../lib/stores/redis/record-layout'

const hash = 'A-_z'.repeat(11).slice(0, 43)
const visitor: SessionRecord = { hash, epoch: 0, createdAt: 1, issuedAt: 2, accessedAt: 3.25, expiresAt: 9 }
const user: SessionRecord = {
  ...visitor,
  epoch: 12,
  previous: ['p1', 'p2'],
  previousUntil: 4,
  pending: ['n1', 'n2'],
  subject: 'ann',
  context: { ip: '::1' },
  idleUntil: 8,
}
const loneHalf = '\ud800'

/** The fields of a record as Redis keeps them. */
function fieldsOf([m, t, ...others]: string[]): Record<string, string> {
  const fields: Record<string, string> = { m: m ?? '', t: t ?? '' }
  for (let i = 0; i < others.length; i += 2) fields[others[i] ?? ''] = others[i + 1] ?? ''
  return fields
}

const replyOf = (fields: Record<string, string>): string[] => Object.entries(fields).flat()

describe('instants', () => {
  test.each([
    [undefined, '-'],
    [0, '0'],
    [1, 'rs'],
    [1.0004, 'rs'],
    [1.0006, 'rt'],
    [-1, '0'],
    [Infinity, '3jlxpt2pr'],
    [1e10, '3jlxpt2pr'],
  ])('%p is %s to the base 36', (instant, expected) => {
    expect(toInstant(instant)).toBe(expected)
  })

  test.each([
    [0, '0000000000000'],
    [1.5, '0000000001500'],
    [1.0006, '0000000001001'],
    [-1, '0000000000000'],
    [Infinity, '9999999999999'],
  ])('%p is %s as digits', (instant, expected) => {
    expect(toDigits(instant)).toBe(expected)
  })

  test.each([
    [1.9, '0000000000001'],
    [-5, '0000000000000'],
    [1e15, '9999999999999'],
  ])('%p ms are %s', (milliseconds, expected) => {
    expect(digits(milliseconds)).toBe(expected)
  })
})

describe('a record', () => {
  test('of a visitor is two fields', () => {
    expect(encodeRecord(visitor, undefined)).toEqual([`0000000009000${hash}0`, '1 rs 1jk 2ia 6y0 - -'])
  })

  test('of a user has all that there is, and a mark that the index knows it', () => {
    expect(encodeRecord(user, 'entry')).toEqual([
      `0000000008000${hash}12+`,
      '1 rs 1jk 2ia 6y0 668 334',
      ...['b', '', 's', 'ann', 'u', 'entry', 'x', '{"ip":"::1"}', 'p', 'p1,p2', 'n', 'n1,n2'],
    ])
  })

  test('ends at the earlier of its deadlines', () => {
    const ends = (idleUntil: number | undefined): string =>
      (encodeRecord({ ...visitor, idleUntil }, undefined)[0] ?? '').slice(0, 13)
    expect([ends(undefined), ends(8), ends(10)]).toEqual(['0000000009000', '0000000008000', '0000000009000'])
  })

  test.each<[string, SessionRecord, string | undefined]>([
    ['of a visitor', visitor, undefined],
    ['of a user', user, 'entry'],
    ['with a subject that UTF-8 cannot carry', { ...user, subject: loneHalf }, 'entry'],
  ])('%s reads back as it was', (_, record, entry) => {
    const { m, t, p, n, s, x } = fieldsOf(encodeRecord(record, entry))
    expect(decodeRecord([m, t, p, n, s, x])).toEqual(record)
  })

  test('has nothing where Redis has nothing', () => {
    const { m, t } = fieldsOf(encodeRecord(visitor, undefined))
    expect(decodeRecord([m, t, null, null, null, null])).toEqual(visitor)
    expect(decodeRecord([m, t])).toEqual(visitor)
  })

  const m = `0000000009000${hash}0`
  const t = '1 rs 1jk 2ia 6y0 - -'
  test.each<[string, (string | null | undefined)[]]>([
    ['no fields', []],
    ['fields that are null', [null, null]],
    ['no summary', [null, t]],
    ['no times', [m, undefined]],
    ['too few digits', [m.slice(1), t]],
    ['too many digits', [`0${m}`, t]],
    ['no epoch', [m.slice(0, -1), t]],
    ['an epoch that is no number', [`${m.slice(0, -1)}x`, t]],
    ['something behind the summary', [`${m}++`, t]],
    ['a hash with other characters', [m.replace('A', '='), t]],
    ['another version, which is no number', [m, t.replace('1', 'x')]],
    ['something before the version', [m, ` ${t}`]],
    ['a time too few', [m, t.slice(0, -2)]],
    ['two spaces', [m, t.replace(' ', '  ')]],
    ['a time too long', [m, t.replace('rs', 'rs12345678')]],
    ['an absent time that must be there', [m, t.replace('rs', '-')]],
    ['a last time with more characters', [m, `${t}x`]],
    ['a context that is no JSON', [m, t, null, null, 'ann', '{']],
    ['a context that is null', [m, t, null, null, 'ann', 'null']],
    ['a context that is no object', [m, t, null, null, 'ann', '1']],
  ])('is none with %s', (_, parts) => {
    expect(decodeRecord(parts)).toBeUndefined()
  })

  test('of a later version is read as far as it is known', () => {
    const summary = `${m}+`
    for (const times of [`12${t.slice(1)}`, `${t} more words`]) expect(decodeRecord([summary, times])).toEqual(visitor)
  })

  test('with nine characters in each time is read', () => {
    const last = 'zzzzzzzzz'
    const record = decodeRecord([m, `1 ${Array(6).fill(last).join(' ')}`])
    const instant = parseInt(last, 36) / 1000
    const { createdAt, issuedAt, accessedAt, expiresAt, idleUntil, previousUntil } = record ?? {}
    expect([createdAt, issuedAt, accessedAt, expiresAt, idleUntil, previousUntil]).toEqual(Array(6).fill(instant))
  })
})

describe('a session', () => {
  test('is the record and the fields of its own', () => {
    const fields = { 'v:a': '1', [toFieldName('m')]: '2', [toFieldName(loneHalf)]: toWire(loneHalf) }
    const reply = replyOf({ ...fieldsOf(encodeRecord(user, 'entry')), ...fields, u: 'entry', w: '1', b: '2' })
    expect(decodeSession(reply)).toEqual({
      record: user,
      fields: new Map([
        ['v:a', '1'],
        ['m', '2'],
        [loneHalf, loneHalf],
      ]),
    })
  })

  test('may have a field with an empty name or an empty text', () => {
    const reply = [...replyOf(fieldsOf(encodeRecord(visitor, undefined))), '', 'a', 'v:b', '']
    expect(decodeSession(reply)?.fields).toEqual(new Map(Object.entries({ '': 'a', 'v:b': '' })))
  })

  test.each([[undefined], [null], ['text'], [{}], [[]], [['v:a', '1']], [['m', 'x', 't', 'y']]])(
    'is none in the reply %j',
    (reply) => {
      expect(decodeSession(reply)).toBeUndefined()
    },
  )
})

test('a context is JSON, and none is empty', () => {
  expect([encodeContext({ ip: 'a' }), encodeContext(undefined)]).toEqual(['{"ip":"a"}', ''])
})

describe('a text goes over the wire', () => {
  test.each([
    ['', ''],
    ['a', 'a'],
    ['€😀', '€😀'],
    ['xj:', 'xj:'],
    ['j:', 'j:"j:"'],
    ['j:"a"', 'j:"j:\\"a\\""'],
    [loneHalf, 'j:"\\ud800"'],
    [`a${loneHalf}`, 'j:"a\\ud800"'],
  ])('%j as %s, and comes back', (text, wire) => {
    expect([toWire(text), fromWire(wire)]).toEqual([wire, text])
  })

  test('and one that was not written so stays what it is', () => {
    for (const wire of ['j:', 'j:1', 'j:{"a":1}', 'j:x', 'v:"a"', 'x']) expect(fromWire(wire)).toBe(wire)
  })

  test.each([
    ['a', 'j:"a"'],
    ['', ''],
    ['ab', 'ab'],
    ['j:a', 'j:"j:a"'],
  ])('the name %j of a field as %s', (name, wire) => {
    expect([toFieldName(name), fromWire(wire)]).toEqual([wire, name])
  })
})
