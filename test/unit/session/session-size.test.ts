import { checkChangedSize, checkSize } from '../../../lib/session/session-size'

const tooLarge = expect.objectContaining({ code: 'SESSION_TOO_LARGE' })
const texts = (from: Record<string, string>): Map<string, string> => new Map(Object.entries(from))

describe('checkSize', () => {
  test.each([
    [10, 10, 0],
    [0, 0, 0],
    [20, 10, 20],
    [15, 10, 20],
  ])('accepts %d bytes where the limit is %d and there were %d before', (bytes, maxBytes, before) => {
    expect(() => checkSize(bytes, maxBytes, before)).not.toThrow()
  })

  test.each([
    [11, 10, 0],
    [11, 10, 10],
    [21, 10, 20],
  ])('refuses %d bytes where the limit is %d and there were %d before', (bytes, maxBytes, before) => {
    expect(() => checkSize(bytes, maxBytes, before)).toThrow(tooLarge)
  })

  test('takes a session that has no size before for a new one', () => {
    expect(() => checkSize(11, 10)).toThrow(/would take 11 bytes, the option maxBytes allows 10; keep a key in the/)
  })
})

describe('checkChangedSize', () => {
  // Keys and texts: 1 + 4, and 1 + 3.
  const fields = texts({ 'v:a': '"xx"', 'f:0:n': '"y"' })

  test.each<[string, Record<string, string>, string[], number]>([
    ['a value that is added', { 'v:b': '12' }, [], 12],
    ['a value that is replaced', { 'v:a': '1' }, [], 6],
    ['a value that grows', { 'v:a': '"xxxx"' }, [], 11],
    ['a message that is added', { 'f:1:n': '1' }, [], 11],
    ['a removal beside a value', { 'v:b': '12345678' }, ['v:a'], 13],
    ['a removal of what is not there', { 'v:b': '1' }, ['v:c'], 11],
    ['a message that makes room', { 'v:b': '123456' }, ['f:0:n'], 12],
  ])('counts %s, to the byte', (_, set, remove, bytes) => {
    const changes = { set: texts(set), remove }
    expect(() => checkChangedSize(fields, changes, bytes)).not.toThrow()
    if (bytes > 9) expect(() => checkChangedSize(fields, changes, bytes - 1)).toThrow(tooLarge)
  })

  test('lets a session that was too large shrink, and not grow', () => {
    expect(() => checkChangedSize(fields, { set: texts({ 'v:a': '"x"' }), remove: [] }, 1)).not.toThrow()
    expect(() => checkChangedSize(fields, { set: texts({ 'v:a': '"xxx"' }), remove: [] }, 1)).toThrow(tooLarge)
  })

  test('counts the bytes of UTF-8', () => {
    const changes = { set: texts({ 'v:é': '"€"' }), remove: [] }
    expect(() => checkChangedSize(texts({}), changes, 7)).not.toThrow()
    expect(() => checkChangedSize(texts({}), changes, 6)).toThrow(tooLarge)
  })

  test('counts nothing where nothing is set, or where there is no limit', () => {
    const unreadable = new Proxy(new Map<string, string>(), {
      get: () => {
        throw new Error('the fields were read')
      },
    })
    expect(() => checkChangedSize(unreadable, { set: texts({}), remove: ['v:a'] }, 0)).not.toThrow()
    expect(() => checkChangedSize(unreadable, { set: texts({ 'v:a': '1' }), remove: [] }, Infinity)).not.toThrow()
  })
})
