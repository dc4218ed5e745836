import { SessionError } from '../../../lib/base/errors'
import { openedState } from '../../../lib/session/make-state'
import { Session, stateOf } from '../../../lib/session/session'

const record = { hash: 'h', epoch: 0, createdAt: 100.7, issuedAt: 100.7, accessedAt: 100.7, expiresAt: 200.7 }
const setting = { now: 150, ttl: 100, secretBytes: 24 }
const id = 'A'.repeat(48)

function opened(fields: Record<string, string>): Session {
  const stored = { record, fields: new Map(Object.entries(fields)) }
  return new Session(openedState(setting, { id, openedAs: 'current', stored }))
}

function changesOf(session: Session): { set: Record<string, string>; remove: readonly string[] } {
  const { set, remove } = stateOf(session).changes()
  return { set: Object.fromEntries(set), remove }
}

describe('values', () => {
  test('are read, set, replaced and removed', () => {
    const session = new Session<{ a: number; b: string[] }, object>(undefined, [{ a: 1, b: ['x'] }, {}])
    expect([session.get('a'), session.has('a'), session.size]).toEqual([1, true, 2])
    session.set('a', 2)
    session.unset('b')
    expect([session.get('a'), session.get('b'), session.has('b'), session.size]).toEqual([2, undefined, false, 1])
    expect(session.data).toEqual([{ a: 2 }, {}])
  })

  test('a change to data throws at every depth, and the session keeps its values', () => {
    const session = opened({ 'v:cart': '{"items":[{"id":1}],"note":null}' })
    session.flash('notice', { text: 'Saved' })
    const data = (): any => session.data
    const [values, flash] = data()
    const changes = [
      () => delete values.cart,
      () => (values.added = 1),
      () => (values.cart.note = 'x'),
      () => values.cart.items.push(2),
      () => (values.cart.items[0].id = 2),
      () => (flash.notice.text = 'Lost'),
      () => (data()[0] = {}),
    ]
    for (const change of changes) expect(change).toThrow(TypeError)
    expect(session.data).toEqual([{ cart: { items: [{ id: 1 }], note: null } }, { notice: { text: 'Saved' } }])
    session.get('cart').items.push(2)
    expect(data()[0].cart.items).toEqual([{ id: 1 }, 2])
    session.destroy()
    expect(() => (data()[0].added = 1)).toThrow(TypeError)
  })

  test('from data of another session may be changed in place', () => {
    const other = opened({ 'v:cart': '{"items":[1]}' })
    const session = opened({})
    session.set('cart', other.data[0]['cart'])
    session.get('cart').items.push(2)
    expect(changesOf(session).set).toEqual({ 'v:cart': '{"items":[1,2]}' })
  })

  test.each([null, undefined])('set to %p are removed', (nothing) => {
    const session = opened({ 'v:a': '1' })
    session.set('a', nothing)
    expect(session.has('a')).toBe(false)
    expect(changesOf(session)).toEqual({ set: {}, remove: ['v:a'] })
  })

  test('reading, and setting an equal value, is no change', () => {
    const session = opened({ 'v:cart': '{"items":[1,2]}', 'v:n': '1' })
    expect(session.get('cart')).toEqual({ items: [1, 2] })
    session.set('n', 1)
    session.set('cart', { items: [1, 2] })
    expect(session.dirty).toBe(false)
    expect(changesOf(session)).toEqual({ set: {}, remove: [] })
  })

  test('changed in place are a change of their key alone', () => {
    const session = opened({ 'v:cart': '{"items":[1]}', 'v:n': '1' })
    session.get('cart').items.push(2)
    expect(session.dirty).toBe(true)
    expect(changesOf(session)).toEqual({ set: { 'v:cart': '{"items":[1,2]}' }, remove: [] })
  })

  test('removed and set again are set, not removed', () => {
    const session = opened({ 'v:a': '1' })
    session.unset('a')
    session.set('a', 2)
    expect(changesOf(session)).toEqual({ set: { 'v:a': '2' }, remove: [] })
    session.set('a', 1)
    expect(session.dirty).toBe(false)
  })

  test.each(['__proto__', 'constructor', 'toString', ' ', 'v:a', 'f:x:y', '\u0000', '\ud800'])(
    'may be called %j',
    (key) => {
      const session = opened({})
      expect(session.get(key)).toBeUndefined()
      session.set(key, { deep: [key] })
      expect(session.get(key)).toEqual({ deep: [key] })
      expect(Object.keys(session.data[0])).toEqual([key])
      expect(Object.getPrototypeOf(session.data[0])).toBe(Object.prototype)
      const again = opened(changesOf(session).set)
      expect(again.get(key)).toEqual({ deep: [key] })
      expect(again.dirty).toBe(false)
    },
  )

  test('with a __proto__ inside stay plain data', () => {
    const session = opened({ 'v:x': '{"__proto__":{"admin":true}}' })
    expect((session.get('x') as { admin?: boolean }).admin).toBeUndefined()
    expect(session.dirty).toBe(false)
  })

  test('that are no JSON in the store read as absent', () => {
    const session = opened({ 'v:broken': '{', 'v:nothing': 'null' })
    expect([session.get('broken'), session.get('nothing'), session.dirty]).toEqual([undefined, undefined, false])
  })
})

describe('values that JSON cannot carry', () => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  test.each([
    ['BigInt', 1n],
    ['function', () => 1],
    ['function', { deep: [{ f: () => 1 }] }],
    ['symbol', Symbol('s')],
    ['cycle', cycle],
    ['NaN', NaN],
    ['Infinity', { a: -Infinity }],
    ['Map', { m: new Map([[1, 2]]) }],
    ['Set', new Set([1])],
    ['promise', Promise.resolve(1)],
    ['RegExp', { r: /x/ }],
    ['Error', new Error('x')],
    ['Uint8Array', new Uint8Array(2)],
    ['BigInt', { toJSON: () => 1n }],
    ['toJSON', { toJSON: () => undefined }],
  ])('are refused by set and flash, naming the key: %s', (what, value) => {
    const session = opened({})
    for (const put of [() => session.set('basket', value), () => session.flash('basket', value)]) {
      expect(put).toThrow(
        expect.objectContaining({ code: 'INVALID_SESSION_VALUE', message: expect.stringMatching(/"basket"/) }),
      )
      expect(put).toThrow(what)
    }
    expect(session.dirty).toBe(false)
  })

  test('are refused at the save when they got in behind its back', () => {
    const session = opened({ 'v:cart': '{"items":[]}' })
    session.get('cart').items.push(10n)
    expect(() => stateOf(session).changes()).toThrow(SessionError)
  })

  test('what toJSON makes plain is kept: dates, buffers, one object twice', () => {
    const shared = { x: 1 }
    const session = opened({})
    session.set('when', new Date(0))
    session.set('bytes', Buffer.from('a'))
    session.set('twice', [shared, shared])
    expect(changesOf(session).set).toEqual({
      'v:when': '"1970-01-01T00:00:00.000Z"',
      'v:bytes': '{"type":"Buffer","data":[97]}',
      'v:twice': '[{"x":1},{"x":1}]',
    })
  })
})

describe('flash', () => {
  test('is for the next request only', () => {
    const session = opened({})
    session.flash('notice', 'Saved')
    expect([session.get('notice'), session.has('notice'), session.size]).toEqual([undefined, false, 0])
    expect(session.data).toEqual([{}, { notice: 'Saved' }])
    const { set } = changesOf(session)
    const next = opened(set)
    expect([next.get('notice'), next.has('notice'), next.size, next.dirty]).toEqual(['Saved', true, 1, true])
    expect(next.data).toEqual([{}, {}])
    expect(changesOf(next)).toEqual({ set: {}, remove: Object.keys(set) })
  })

  test('clears what it was given and not a newer one of the same key', () => {
    const first = opened({})
    first.flash('n', 'same')
    const given = changesOf(first).set
    const reader = opened(given)
    const parallel = opened({})
    parallel.flash('n', 'same')
    const newer = Object.keys(changesOf(parallel).set)
    expect(changesOf(reader).remove).toEqual(Object.keys(given))
    expect(changesOf(reader).remove).not.toEqual(expect.arrayContaining(newer))
  })

  test('of one key: the latest is read, all are cleared', () => {
    const fields: Record<string, string> = {}
    for (const text of ['one', 'two', 'three']) {
      const session = opened({})
      session.flash('n', text)
      Object.assign(fields, changesOf(session).set)
    }
    const next = opened(fields)
    expect([next.get('n'), next.size]).toEqual(['three', 1])
    expect(changesOf(next).remove).toHaveLength(3)
  })

  test('loses to a value of the same key; given by hand it is readable at once and dirty', () => {
    const session = new Session<Record<string, string>, Record<string, string>>('x', [
      { a: 'value' },
      { a: 'flash', b: 'flash' },
    ])
    expect([session.get('a'), session.get('b'), session.size, session.dirty]).toEqual(['value', 'flash', 2, true])
  })

  test.each([null, undefined])('set to %p is taken back', (nothing) => {
    const session = opened({})
    session.flash('n', 1)
    session.flash('n', nothing)
    expect([session.data, session.dirty]).toEqual([[{}, {}], false])
  })

  test('put twice is stored once, as the last', () => {
    const session = opened({})
    session.flash('n', 1)
    session.flash('n', 2)
    expect(Object.values(changesOf(session).set)).toEqual(['2'])
  })
})

describe('identity', () => {
  test('the handle begins the id; regenerating keeps it where there is a record, and the data', () => {
    const session = opened({ 'v:a': '1' })
    const { handle } = session
    session.regenerateId()
    expect([session.id === id, session.handle === handle, session.deleteId, session.get('a')]).toEqual([
      false,
      true,
      undefined,
      1,
    ])
    expect(session.id.startsWith(handle)).toBe(true)
    expect(session.dirty).toBe(true)
  })

  test('deleteId is the first id of the request, however often it was regenerated', () => {
    const session = opened({})
    session.regenerateId(true)
    session.regenerateId(true)
    expect(session.deleteId).toBe(id)
    const fresh = new Session('mine')
    fresh.regenerateId(true)
    expect([fresh.deleteId, fresh.id === 'mine']).toEqual(['mine', false])
  })

  test('an id that was given is shown, and has a handle', () => {
    const session = new Session('something')
    expect(session.id).toBe('something')
    expect(session.handle).toHaveLength(16)
  })

  test('a session that is made by hand begins now and lasts a day', () => {
    const before = Math.floor(Date.now() / 1000)
    const { createdAt, expiresAt } = new Session()
    expect(createdAt).toBeGreaterThanOrEqual(before)
    expect(createdAt).toBeLessThanOrEqual(Math.floor(Date.now() / 1000))
    expect(expiresAt - createdAt).toBe(86_400)
  })

  test('instants are whole seconds', () => {
    const session = opened({})
    expect([session.createdAt, session.expiresAt]).toEqual([100, 200])
  })

  test('shows neither id nor data when it is logged', () => {
    const session = opened({ 'v:card': '"4111"' })
    expect(JSON.parse(JSON.stringify(session))).toEqual({ handle: id.slice(0, 16), size: 1 })
    const { inspect } = jest.requireActual('node:util')
    expect(inspect(session, { depth: 9, showHidden: true })).not.toMatch(/4111|AAAAAAAAAAAAAAAAA/)
  })
})

describe('destroy', () => {
  test('leaves an empty session that takes nothing', () => {
    const session = opened({ 'v:a': '1' })
    session.destroy()
    session.destroy()
    expect([session.destroyed, session.get('a'), session.has('a'), session.size]).toEqual([true, undefined, false, 0])
    expect(session.data).toEqual([{}, {}])
    for (const use of [
      () => session.set('a', 1),
      () => session.unset('a'),
      () => session.flash('a', 1),
      () => session.regenerateId(),
    ]) {
      expect(use).toThrow('Session has been destroyed')
      expect(use).toThrow(expect.objectContaining({ code: 'SESSION_DESTROYED' }))
    }
  })
})

describe('a session announces that it may have changed', () => {
  const uses: [string, (session: Session) => unknown, number][] = [
    ['set', (s) => s.set('a', 2), 1],
    ['unset', (s) => s.unset('a'), 1],
    ['flash', (s) => s.flash('a', 1), 1],
    ['regenerateId', (s) => s.regenerateId(), 1],
    ['destroy', (s) => s.destroy(), 1],
    ['get of an object', (s) => s.get('o'), 1],
    ['get of a primitive', (s) => s.get('a'), 0],
    ['has', (s) => s.has('o'), 0],
    [
      'set, twice',
      (s) => {
        s.set('a', 1)
        s.set('a', 2)
      },
      1,
    ],
  ]
  test.each(uses)('after %s, as often as it should', (_name, use, expected) => {
    const session = opened({ 'v:a': '1', 'v:o': '{}' })
    let announced = 0
    stateOf(session).attachTo({ expectChange: () => announced++ })
    use(session)
    expect(announced).toBe(expected)
  })

  test('once more when a save has begun', () => {
    const session = opened({})
    let announced = 0
    stateOf(session).attachTo({ expectChange: () => announced++ })
    session.set('a', 1)
    stateOf(session).announceNextChange()
    expect(announced).toBe(1)
    session.set('a', 1)
    session.set('a', 2)
    expect(announced).toBe(2)
  })
})

test('what changes while a save is under way is a change of the next save', () => {
  const session = opened({ 'v:a': '1' })
  session.set('a', 2)
  session.set('fresh', 1)
  const changes = stateOf(session).changes()
  session.set('a', 3)
  session.unset('fresh')
  session.set('b', 1)
  stateOf(session).settle(record, changes)
  expect(changesOf(session)).toEqual({ set: { 'v:a': '3', 'v:b': '1' }, remove: ['v:fresh'] })
})
