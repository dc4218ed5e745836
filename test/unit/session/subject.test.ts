import { checkSubject, copyContext } from '../../../lib/session/subject'

const refused = (message: string) => expect.objectContaining({ code: 'INVALID_ARGUMENT', message })

test.each(['a', 'a:b', 'a*', '__proto__', ' '])('%p names a subject', (subject) => {
  expect(() => checkSubject(subject)).not.toThrow()
})

test.each([
  ['', 'an empty string'],
  [undefined, 'undefined'],
  [null, 'null'],
  [1, '1'],
  [{}, 'an object'],
])('%p names no subject', (subject, said) => {
  expect(() => checkSubject(subject)).toThrow(
    refused(expect.stringMatching(`^subject is ${said}; it accepts a string that is not empty`)),
  )
})

describe('copyContext', () => {
  test.each<[object, object]>([
    [{ ip: '::1' }, { ip: '::1' }],
    [{}, { ip: '' }],
    [{ ip: null }, { ip: '' }],
    [{ ip: '', device: null, location: undefined }, { ip: '' }],
    [{ ip: '', device: undefined, location: null }, { ip: '' }],
    [
      { ip: 'a', device: { name: 'b' }, location: 'c', more: 1 },
      { ip: 'a', device: { name: 'b' }, location: 'c' },
    ],
    [
      { ip: 'a', location: { at: new Date(0) } },
      { ip: 'a', location: { at: '1970-01-01T00:00:00.000Z' } },
    ],
  ])('of %j is %j', (context, expected) => {
    expect(copyContext(context)).toStrictEqual(expected)
  })

  test('is a copy at every depth', () => {
    const given = { ip: 'a', device: { name: 'b' } }
    const copy = copyContext(given)
    given.device.name = 'c'
    expect(copy).toEqual({ ip: 'a', device: { name: 'b' } })
  })

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [[], 'an array'],
    ['::1', 'a string that it does not know'],
  ])('of %p is refused', (context, said) => {
    expect(() => copyContext(context)).toThrow(
      refused(expect.stringContaining(`context is ${said}; it accepts { ip, device?, location? }`)),
    )
  })

  test('with an ip that is no string is refused', () => {
    expect(() => copyContext({ ip: 7 })).toThrow(
      refused(expect.stringContaining('context.ip is 7; it accepts a string, as req.ip is')),
    )
  })

  test('with what JSON cannot carry is refused', () => {
    expect(() => copyContext({ ip: 'a', device: { since: 1n } })).toThrow(
      expect.objectContaining({
        code: 'INVALID_SESSION_VALUE',
        message: expect.stringContaining('"context"'),
      }),
    )
  })
})
