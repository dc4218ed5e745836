import { createContext, runInContext } from 'node:vm'
import { SessionError } from '../../../lib/base/errors'
import { changesOfValues } from '../../../lib/session/fields'
import { keepValue, serializeValue } from '../../../lib/session/json-value'
import { freshState, openedState } from '../../../lib/session/make-state'
import { Session, stateOf } from '../../../lib/session/session'

const make = (): Session<any, any> => new Session<any, any>()
const nextOf = (session: Session<any, any>): any => JSON.parse(JSON.stringify(session.data[0])) as unknown

class Plain {
  a = 1
}
class WithJson {
  constructor(readonly cents: number) {}
  toJSON(): { euros: number } {
    return { euros: this.cents / 100 }
  }
}

describe('what get returns after set is what the next request gets', () => {
  test.each<[string, unknown]>([
    ['a Date', new Date(0)],
    ['a Date in depth', { order: { at: new Date(0) } }],
    ['an undefined in an object', { a: 1, b: undefined }],
    ['an instance with toJSON', new WithJson(250)],
    ['instances with toJSON in an array', [new WithJson(250), { again: new WithJson(1) }]],
    ['a Buffer', Buffer.from('ab')],
    ['-0', -0],
    ['-0 in depth', { a: [-0] }],
    ['plain data', { a: [1, 'x', null, true, { b: {} }] }],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
    ['a URL', new URL('https://example.com/')],
  ])('%s', (_, value) => {
    const session = make()
    session.set('key', value)
    const got = session.get('key')
    expect(got).toEqual(nextOf(session).key)
    expect(Object.is(got, -0)).toBe(false)
    expect(JSON.stringify(got)).toBe(JSON.stringify(nextOf(session).key))
    if (typeof got === 'object') expect('b' in got).toBe(false)
    expect(got).not.toBeInstanceOf(WithJson)
  })

  test.each([0, -0, 1.5, 1e21, -1e-7, Number.MAX_VALUE, 5e-324, true, false, '', 'a"\\\n', '\ud800', 'ș😀'])(
    'the text of %j is what JSON makes of it',
    (value) => {
      expect(serializeValue('key', value)).toBe(JSON.stringify(value))
    },
  )

  test.each([NaN, Infinity, -Infinity, 1n, Symbol('a'), undefined])('no text is made of %p', (value) => {
    expect(() => serializeValue('key', value)).toThrow(expect.objectContaining({ code: 'INVALID_SESSION_VALUE' }))
  })

  test('plain data of another realm is plain data', () => {
    const session = make()
    const value = runInContext('({ list: [1, { a: 1 }] })', createContext()) as object
    session.set('key', value)
    expect(session.get('key')).toBe(value)
  })
})

describe('what the next request could not get is refused at once', () => {
  const deep = (levels: number): object => {
    let value: object = []
    for (let i = 0; i < levels; i++) value = { value }
    return value
  }
  const cycle: Record<string, unknown> = { a: 1 }
  cycle['list'] = [{ back: cycle }]
  test.each<[string, unknown, RegExp]>([
    ['an instance of a class', new Plain(), /an instance of Plain, which has no toJSON/],
    ['an instance in depth', { a: [new Plain()] }, /an instance of Plain/],
    ['an instance that toJSON gives', { toJSON: () => new Plain() }, /an instance of Plain/],
    ['an array of a class', new (class Rows extends Array {})(), /an instance of Rows/],
    ['a Map in depth', { a: { b: [new Map()] } }, /a Map or a Set/],
    ['an undefined in an array', [1, undefined], /undefined in an array/],
    ['a hole in an array', Object.assign([], { 2: 1 }), /undefined in an array/],
    ['an invalid Date', new Date(NaN), /an invalid Date/],
    ['an invalid Date in depth', { at: new Date(NaN) }, /an invalid Date/],
    ['a boxed number', new Number(5), /an instance of Number/],
    ['objects nested 7000 deep', deep(7000), /nested more than 500 deep/],
    ['a cycle', cycle, /a cycle/],
  ])('%s', (_, value, message) => {
    const session = make()
    for (const put of [() => session.set('basket', value), () => session.flash('basket', value)]) {
      expect(put).toThrow(SessionError)
      expect(put).toThrow(
        expect.objectContaining({ code: 'INVALID_SESSION_VALUE', message: expect.stringMatching(message) }),
      )
    }
    expect(session.data).toEqual([{}, {}])
  })

  test('objects nested 400 deep are kept', () => {
    const session = make()
    session.set('tree', deep(400))
    expect(JSON.stringify(session.data[0])).toContain('[]')
  })

  test('a flash message given by hand is checked too', () => {
    expect(() => new Session<any, any>('x', [{}, { n: 1n }])).toThrow(SessionError)
    expect(new Session<any, any>('x', [{}, { n: new Date(0) }]).get('n')).toBe('1970-01-01T00:00:00.000Z')
  })
})

describe("an error of the app's own code in a value names the key, and not the value", () => {
  const cause = new Error('of user 4711')
  const fail = (): never => {
    throw cause
  }
  const thrown = (act: () => unknown): unknown => {
    try {
      return act()
    } catch (error) {
      return error
    }
  }
  const expectNamed = (error: unknown): void => {
    expect(error).toBeInstanceOf(SessionError)
    expect(error).toMatchObject({
      code: 'INVALID_SESSION_VALUE',
      message: expect.stringContaining('session value "basket"'),
      cause,
    })
    expect(String(error)).not.toContain('4711')
  }

  test.each<[string, unknown]>([
    [
      'a getter',
      {
        a: [
          {
            get total() {
              return fail()
            },
          },
        ],
      },
    ],
    ['toJSON()', { a: { toJSON: fail } }],
    ['a Proxy', { a: new Proxy({}, { ownKeys: fail }) }],
    [
      'a prototype of a class',
      {
        a: Object.create({
          get constructor() {
            return fail()
          },
        }) as object,
      },
    ],
  ])('%s throws when it is set', (_, value) => {
    expectNamed(thrown(() => make().set('basket', value)))
    expectNamed(thrown(() => make().flash('basket', value)))
    expectNamed(thrown(() => changesOfValues({ name: 'a', basket: value })))
  })

  test('a getter throws in the place of a value', () => {
    const values = { name: 'a' }
    Object.defineProperty(values, 'basket', { enumerable: true, get: fail })
    expectNamed(thrown(() => changesOfValues(values)))
  })

  test.each([1, 2, 3, 4])('a getter throws from its read %i on', (first) => {
    let reads = 0
    const basket = {
      items: [
        {
          get total() {
            return ++reads < first ? 1 : fail()
          },
        },
      ],
    }
    const session = make()
    expectNamed(
      thrown(() => {
        session.set('basket', basket)
        stateOf(session).changes()
        stateOf(session).changes()
      }),
    )
  })

  test('a getter throws where the exact size of the session is asked for', () => {
    let reads = 0
    const basket = {
      get total() {
        return ++reads < 2 ? 1 : fail()
      },
    }
    const state = freshState({ now: 150, ttl: 100, secretBytes: 24, maxBytes: 30 })
    expectNamed(thrown(() => state.setValue('basket', basket)))
  })
})

describe('an object that was set and is changed afterwards is saved', () => {
  test('plain data, through whichever reference: it keeps its identity', () => {
    const session = make()
    const cart = { items: [1] }
    session.set('cart', cart)
    expect(session.get('cart')).toBe(cart)
    cart.items.push(2)
    session.get('cart').items.push(3)
    expect(session.data[0]).toEqual({ cart: { items: [1, 2, 3] } })
  })

  test('what is kept as a copy, through the object of the app', () => {
    const session = make()
    const order = { at: new Date(0), items: [1] }
    session.set('order', order)
    order.items.push(2)
    expect(session.get('order')).toEqual({ at: '1970-01-01T00:00:00.000Z', items: [1, 2] })
    order.items.push(3)
    expect(session.data[0]).toEqual({ order: { at: '1970-01-01T00:00:00.000Z', items: [1, 2, 3] } })
    expect(stateOf(session).changes().set.get('v:order')).toContain('[1,2,3]')
  })

  test('what is kept as a copy, through the copy', () => {
    const session = make()
    session.set('order', { at: new Date(0), items: [1] })
    session.get('order').items.push(2)
    expect(session.data[0]).toEqual({ order: { at: '1970-01-01T00:00:00.000Z', items: [1, 2] } })
  })

  test('but not once the key was set to something else, or removed', () => {
    const session = make()
    const order = { at: new Date(0) }
    session.set('a', order)
    session.set('a', 1)
    session.set('b', order)
    session.unset('b')
    order.at.setTime(5)
    expect(session.data[0]).toEqual({ a: 1 })
  })
})

describe('maxBytes', () => {
  const limited = (maxBytes: number, fields: Record<string, string> = {}): Session<any, any> => {
    const record = { hash: 'h', epoch: 0, createdAt: 1, issuedAt: 1, accessedAt: 1, expiresAt: 200 }
    const stored = { record, fields: new Map(Object.entries(fields)) }
    const setting = { now: 1, ttl: 100, secretBytes: 24, maxBytes }
    return new Session(openedState(setting, { id: 'A'.repeat(48), openedAs: 'current', stored }))
  }
  const tooLarge = expect.objectContaining({ code: 'SESSION_TOO_LARGE' })

  test('is a limit of keys and JSON text together, to the byte', () => {
    const session = limited(20)
    session.set('key', 'x'.repeat(15))
    expect(() => session.set('key', 'x'.repeat(16))).toThrow(tooLarge)
    expect(session.get('key')).toBe('x'.repeat(15))
    session.set('key', 'é'.repeat(7))
    expect(() => session.set('key', 'é'.repeat(8))).toThrow(tooLarge)
  })

  test('counts all values and the messages for the next request', () => {
    const session = limited(30, { 'v:a': '"0123456"' })
    session.set('b', '0123456')
    session.flash('c', '0123')
    expect(() => session.flash('d', '0')).toThrow(tooLarge)
    expect(() => session.set('d', { x: 1 })).toThrow(tooLarge)
    session.unset('a')
    session.set('d', { x: 1 })
  })

  test('many sets of one key never exceed it', () => {
    const session = limited(100)
    for (let i = 0; i < 5000; i++) session.set('n', i)
    expect(session.get('n')).toBe(4999)
  })

  test('is checked at the save too, for what was changed in place', () => {
    const session = limited(50, { 'v:a': '[]' })
    session.get('a').push('x'.repeat(60))
    expect(() => stateOf(session).changesWithin(50)).toThrow(tooLarge)
    session.get('a').pop()
    session.get('a').push('x')
    expect([...stateOf(session).changesWithin(50).set.keys()]).toEqual(['v:a'])
  })

  test('lets a session that was larger under an older limit shrink', () => {
    const session = limited(10, { 'v:a': JSON.stringify('x'.repeat(100)) })
    session.set('a', 'x'.repeat(50))
    expect(stateOf(session).changesWithin(10).set.size).toBe(1)
    expect(() => session.set('b', 'x'.repeat(200))).toThrow(tooLarge)
  })

  test('the message holds the numbers and no value', () => {
    expect(() => limited(10).set('card', '4111 1111 1111')).toThrow(/20 bytes.*maxBytes allows 10/)
    expect(() => limited(10).set('card', '4111 1111 1111')).not.toThrow(/4111/)
  })
})

describe('keepValue', () => {
  const kept = (value: unknown) => keepValue('key', value)
  const refusal = (value: unknown): string => {
    try {
      kept(value)
    } catch (error) {
      expect(error).toMatchObject({ code: 'INVALID_SESSION_VALUE' })
      return (error as Error).message
    }
    return 'kept'
  }
  class Account {
    readonly #balance = 1
    get balance(): number {
      return this.#balance
    }
  }

  test.each<[unknown]>([
    ['\u0000'.repeat(20)],
    [{ ['\u0000'.repeat(20)]: true }],
    [Array(30).fill(null)],
    [Array(30).fill(false)],
    [Array(30).fill(-1.2345678901234566e-300)],
    [[[[[[]]]]]],
    [{ a: { b: { c: '' } } }],
    [new Date(0)],
  ])('knows a length that the text of %j does not exceed', (value) => {
    expect(kept(value).maxBytes).toBeGreaterThanOrEqual(JSON.stringify(value).length)
    // Nor is it a length without meaning.
    expect(kept(value).maxBytes).toBeLessThan(JSON.stringify(value).length * 26 + 30)
  })

  test('keeps plain data itself, and the rest as a copy', () => {
    const plain = { a: [1] }
    expect([kept(plain).value === plain, kept(plain).isCopy]).toEqual([true, false])
    const changed = { a: [new Date(0)] }
    expect(kept(changed)).toMatchObject({ isCopy: true, value: { a: ['1970-01-01T00:00:00.000Z'] } })
  })

  test('takes objects nested 500 deep, and no deeper', () => {
    const nested = (depth: number): object => (depth === 1 ? {} : { in: nested(depth - 1) })
    expect(refusal(nested(500))).toBe('kept')
    expect(refusal(nested(501))).toContain('a cycle, or objects nested more than 500 deep')
  })

  test('judges what toJSON gives: null inside, nothing that has to be converted itself, and no null alone', () => {
    expect(kept({ a: { toJSON: () => null } }).value).toEqual({ a: null })
    expect(kept({ toJSON: (key: string) => [key] }).value).toEqual([''])
    expect(refusal({ toJSON: () => null })).toContain('toJSON() that gives null')
    expect(refusal({ a: new Date(NaN) })).toContain('an invalid Date')
    expect(refusal({ toJSON: () => new Date(0) })).toContain('an instance of Date')
  })

  test('takes an object or an array for plain by its prototype, of whatever realm', () => {
    const like = Object.create({ isPrototypeOf: () => true }) as object
    expect(refusal(like)).toContain('an instance of Object')
    expect(refusal(Object.create(Object.create(null) as object))).toContain('a class without a name')
    for (const prototype of [null, {}, ['x']]) expect(refusal(Object.setPrototypeOf([], prototype))).not.toBe('kept')
    expect(refusal(Object.assign(Object.create(null) as object, { a: 1 }))).toBe('kept')
  })

  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    [new Map(), 'a Map or a Set'],
    [Promise.resolve(), 'a promise'],
    [/x/, 'a RegExp'],
    [new Error('x'), 'an Error'],
    [new TypeError('x'), 'a TypeError'],
    [new Uint8Array(1), 'a Uint8Array'],
    [new Int8Array(1), 'an Int8Array'],
    [new Account(), 'an instance of Account, which has no toJSON()'],
    [Object.create({ constructor: { name: '' } }), 'an instance of a class without a name, which has no toJSON()'],
    [Object.create({ constructor: { name: 7 } }), 'an instance of a class without a name, which has no toJSON()'],
  ])('names %p when it refuses it', (value, what) => {
    expect(refusal(value)).toContain(`JSON cannot carry ${what}; keep plain data`)
  })
})
