/* eslint-disable no-prototype-builtins -- what a session's own hasOwnProperty says is a subject of these tests */
import { inspect } from 'node:util'
import { SessionError } from '../../../lib/base/errors'
import { freshState, openedState } from '../../../lib/session/make-state'
import { Session } from '../../../lib/session/session'

const setting = { now: 150, ttl: 100, secretBytes: 24 }
const record = { hash: 'h', epoch: 0, createdAt: 100, issuedAt: 100, accessedAt: 100, expiresAt: 200 }
const id = 'A'.repeat(48)
// eslint-disable-next-line @typescript-eslint/no-require-imports -- sloppy mode is only to be had in a script
const habits = require('./sloppy-habits.cjs') as Record<string, (session: object) => unknown>

const makers: [string, () => Session<any, any>][] = [
  ['made by hand', () => new Session(undefined, [{ a: 1 }, {}])],
  ['fresh', () => new Session(freshState(setting))],
  [
    'opened from a record',
    () =>
      new Session(
        openedState(setting, {
          id,
          openedAs: 'current',
          stored: { record, fields: new Map([['v:card', '"4111"']]) },
        }),
      ),
  ],
]

describe.each(makers)('a session %s', (_, make) => {
  test.each(Object.keys(habits))('explains itself in sloppy mode when code says %s', (habit) => {
    const session = make()
    const { data } = session
    expect(() => habits[habit]?.(session)).toThrow(SessionError)
    expect(session.data).toEqual(data)
    expect(session.destroyed).toBe(false)
  })

  test('is closed: nothing can be defined on it, and its prototype stays what it is', () => {
    const session = make()
    expect(Object.isExtensible(session)).toBe(false)
    expect(() => Object.defineProperty(session, 'user', { value: 1 })).toThrow(TypeError)
    expect(() => Object.setPrototypeOf(session, {}) as unknown).toThrow(TypeError)
  })
})

describe('nothing that is reached through a session is shared and can be changed', () => {
  test('each method, each accessor, the prototypes and the class are frozen', () => {
    const session = new Session()
    const reached: object[] = []
    for (let object: object = session; object !== Object.prototype;) {
      for (const name of Reflect.ownKeys(object)) {
        const { value, get, set } = Reflect.getOwnPropertyDescriptor(object, name) as PropertyDescriptor
        for (const part of [value, get, set]) if (typeof part === 'function') reached.push(part as object)
      }
      if (object !== session) reached.push(object)
      object = Object.getPrototypeOf(object) as object
    }
    reached.push(session.constructor)
    expect(reached.length).toBeGreaterThan(30)
    expect(reached.filter((part) => !Object.isFrozen(part))).toEqual([])
  })

  test('each method can still be called, bound and applied', () => {
    const session = new Session()
    const { set, get } = session
    set.call(session, 'a', 1)
    expect([get.apply(session, ['a']), get.bind(session)('a'), get instanceof Function, typeof get]).toEqual([
      1,
      1,
      true,
      'function',
    ])
  })

  test('an assignment to the method flash, and a push onto it, throw', () => {
    const session = new Session()
    expect(() => {
      ;(session.flash as unknown as { notices: string[] }).notices = ['your code is 4711']
    }).toThrow(SessionError)
    expect(() => (session.flash as any).push('your code is 4711')).toThrow(TypeError)
  })
})

describe('the message', () => {
  const said = (act: (session: any) => unknown): SessionError => {
    try {
      act(new Session())
    } catch (error) {
      return error as SessionError
    }
    throw new Error('nothing was thrown')
  }

  test.each<[string, (session: any) => unknown, RegExp]>([
    ['of an assignment', (s) => (s.user = 'ann'), /req\.session\.user .*req\.session\.set\("user", value\)/],
    ['of a read', (s) => s.user, /req\.session\.user .*req\.session\.get\("user"\)/],
    ['of an odd name', (s) => s['first name'], /req\.session\["first name"\] .*req\.session\.get\("first name"\)/],
    ['of save', (s) => s.save(), /stored before the response leaves.*sessions\.save\(session\)/],
    ['of regenerate', (s) => s.regenerate(), /login\(req, subject\).*regenerateId\(\)/],
    ['of reload', (s) => s.reload(), /sessions\.read\(id\)/],
    ['of touch', (s) => s.touch(), /timeouts\.idle/],
    ['of cookie', (s) => s.cookie, /login\(req, subject, \{ ttl \}\)/],
    ['of flash', (s) => (s.flash = {}), /req\.session\.flash\(key, value\)/],
    ['of an own name', (s) => (s.id = 1), /req\.session\.id .*req\.session\.set\("id", value\)/],
    ['of a callback', (s) => s.destroy(() => 1), /req\.session\.destroy\(\) takes no callback/],
  ])('%s names what to write instead', (_, act, message) => {
    expect(said(act)).toMatchObject({ code: 'SESSION_MISUSE', message: expect.stringMatching(message) })
  })

  test.each<[string, (session: any) => unknown, string]>([
    ['get()', (s) => s.get(), 'session.get: the key is undefined; it accepts a string that is not empty'],
    ['get(null)', (s) => s.get(null), 'session.get: the key is null; it accepts a string that is not empty'],
    ['has("")', (s) => s.has(''), 'session.has: the key is an empty string; it accepts a string that is not empty'],
    ['unset(5)', (s) => s.unset(5), 'session.unset: the key is a number; it accepts a string that is not empty'],
    ['unset({})', (s) => s.unset({}), 'session.unset: the key is an object; it accepts a string that is not empty'],
    ['set(5, 1)', (s) => s.set(5, 1), 'session.set: the key is a number; it accepts a string that is not empty'],
    ['set(5)', (s) => s.set(5), 'session.set: the key is a number; it accepts a string that is not empty'],
    [
      'set({ a: 1 })',
      (s) => s.set({ a: 1 }),
      'session.set: the key is an object; it accepts a string that is not empty; write one call for each key: session.set(key, value)',
    ],
    [
      'set("a")',
      (s) => s.set('a'),
      'session.set was called with 1 argument; it takes a key and a value; unset(key) removes a key',
    ],
    [
      'set("a", 1, 2)',
      (s) => s.set('a', 1, 2),
      'session.set was called with 3 arguments; it takes a key and a value; unset(key) removes a key',
    ],
    [
      'flash("a")',
      (s) => s.flash('a'),
      'session.flash was called with 1 argument; it takes a key and a message; the next request reads it with get(key)',
    ],
    ['flash()', (s) => s.flash(), 'session.flash: the key is undefined; it accepts a string that is not empty'],
    [
      'set("a", 1, callback)',
      (s) => s.set('a', 1, () => 1),
      'req.session.set() takes no callback and would never call it: it takes effect at once and is stored before the response leaves, so write what was in the callback after the call',
    ],
    ...['unset("a", callback)', 'regenerateId(callback)', 'destroy(callback)'].map(
      (call): [string, (session: any) => unknown, string] => [
        call,
        (s) => s[call.replace(/\(.*/, '')](...(call.includes('"a"') ? ['a'] : []), () => 1),
        `req.session.${call.replace(/\(.*/, '()')} takes no callback and would never call it: it takes `,
      ],
    ),
    ['flash(5, 1)', (s) => s.flash(5, 1), 'session.flash: the key is a number; it accepts a string that is not empty'],
    ['get(callback)', (s) => s.get(() => 1), 'req.session.get() takes no callback and would never call it: it takes '],
    [
      'session.set.user = 1',
      (s) => (s.set.user = 1),
      'req.session.set is a method, "user" cannot be assigned on it; use req.session.set(key, value)',
    ],
    [
      'session.flash.notice = 1',
      (s) => (s.flash.notice = 1),
      'req.session.flash is a method, "notice" cannot be assigned on it; use req.session.flash(key, value)',
    ],
  ])('of %s is exact', (_, act, message) => {
    expect(said(act).message.slice(0, message.length)).toBe(message)
    // Behind it is at most the address of its explanation.
    expect(said(act).message.slice(message.length)).toMatch(/^( \(see [^ ]+\)|effect at once.*)?$/)
  })

  test('names what it was asked for, up to 60 characters of it', () => {
    const [longest, longer] = ['x'.repeat(60), 'x'.repeat(61)]
    expect(said((s) => s[longest]).message).toContain(`use req.session.get("${longest}")`)
    expect(said((s) => s[longer]).message).toContain(`use req.session.get("${longest}…")`)
    expect(said((s) => (s[longer] = 1)).message).toContain(`use req.session.set("${longest}…", value)`)
  })

  test.each(['first_name', 'price$', 'a@@b'])('is thrown for a name such as %s too', (name) => {
    expect(said((s) => s[name]).message).toContain(name)
  })

  test('holds no value and never a name without end', () => {
    expect(said((s) => (s.card = '4111')).message).not.toContain('4111')
    expect(said((s) => s['x'.repeat(5000)]).message.length).toBeLessThan(400)
  })
})

describe('wrong arguments', () => {
  test.each<[string, (session: any) => unknown]>([
    ['set({ a: 1 })', (s) => s.set({ a: 1 })],
    ['set("a")', (s) => s.set('a')],
    ['set("", 1)', (s) => s.set('', 1)],
    ['set(undefined, 1)', (s) => s.set(undefined, 1)],
    ['set(5, 1)', (s) => s.set(5, 1)],
    ['set("a", 1, 2)', (s) => s.set('a', 1, 2)],
    ['flash("a")', (s) => s.flash('a')],
    ['flash("", 1)', (s) => s.flash('', 1)],
    ['flash()', (s) => s.flash()],
    ['get()', (s) => s.get()],
    ['get("")', (s) => s.get('')],
    ['get(Symbol())', (s) => s.get(Symbol('a'))],
    ['has()', (s) => s.has()],
    ['unset()', (s) => s.unset()],
    ['unset(["a"])', (s) => s.unset(['a'])],
    ['unset("")', (s) => s.unset('')],
  ])('%s throws INVALID_ARGUMENT and changes nothing', (_, act) => {
    const session = new Session(undefined, [{ a: 1 }, {}])
    expect(() => act(session)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(session.data).toEqual([{ a: 1 }, {}])
  })

  test('set and flash take null and undefined where they are written out', () => {
    const session = new Session<any, any>(undefined, [{ a: 1, b: 1 }, {}])
    session.set('a', undefined)
    session.set('b', null)
    session.flash('c', undefined)
    expect(session.data).toEqual([{}, {}])
  })
})

describe('code that only inspects the session finds an ordinary object', () => {
  const make = (): any => new Session(undefined, [{ card: '4111' }, {}])

  test('await, Promise.resolve and an async return give the session itself', async () => {
    const session = make()
    expect((await session) === session).toBe(true)
    expect((await (async () => session)()) === session).toBe(true)
  })

  test('matchers of jest compare it, and print it, as any other object', () => {
    const session = make()
    expect(session).toEqual(session)
    expect(session).toBe(session)
    expect(session).not.toEqual({ user: 1 })
    expect(session).toBeInstanceOf(Session)
    expect(session).toBeDefined()
    expect({ session }).toMatchObject({ session: expect.any(Session) })
    expect({ session }).toEqual({ session: expect.objectContaining({ size: 1 }) })
    expect(() => expect(session).toEqual({ other: true })).toThrow(/other/)
    expect(() => expect(session).toBeNull()).toThrow(/Received/)
    expect(() => expect(session).toMatchObject({ size: 5 })).toThrow(/Expected/)
  })

  test('copies and comparisons find nothing that a session does not show', () => {
    const session = make()
    expect([Object.keys(session), { ...session }, Object.entries(session)]).toEqual([[], {}, []])
    const names: string[] = []
    for (const name in session) names.push(name)
    expect(names).toEqual([])
    expect(structuredClone(session)).toEqual({})
    expect(JSON.stringify(session)).not.toContain('4111')
  })

  test('hasOwnProperty is true for properties of a subclass alone, as it is for any object', () => {
    const session = make()
    class Basket extends Session {
      owner = 'ann'
    }
    expect(['get', 'size', 'then', 'toString'].map((name) => session.hasOwnProperty(name))).toEqual(
      Array(4).fill(false),
    )
    expect([new Basket().hasOwnProperty('owner'), session.hasOwnProperty(Symbol('a'))]).toEqual([true, false])
    expect((Object.create(session) as object).hasOwnProperty('user')).toBe(false)
    expect(session.hasOwnProperty.call(Object.create(session), 'user')).toBe(false)
    expect(Object.isFrozen(session.hasOwnProperty)).toBe(true)
  })

  test('delete and a spread change nothing, and throw nothing', () => {
    const session = make()
    expect([delete session.card, delete session.flash]).toEqual([true, true])
    expect({ ...session, ...{ a: 1 } }).toEqual({ a: 1 })
    const { ...rest } = session
    expect(rest).toEqual({})
    expect([session.get('card'), typeof session.flash]).toEqual(['4111', 'function'])
  })

  test.each([
    ...[
      'then',
      'nodeType',
      'asymmetricMatch',
      '$$typeof',
      '@@__IMMUTABLE_ITERABLE__@@',
      '_isMockFunction',
      '__v_isRef',
    ],
    ...['length', 'message', 'stack', 'err', 'pipe', 'toBSON', 'inspect'],
  ])('the name %s reads as undefined', (name) => {
    expect(make()[name]).toBeUndefined()
  })

  test('Symbols and what every object inherits are there as usual', () => {
    const session = make()
    expect(session[Symbol.iterator]).toBeUndefined()
    expect(session[Symbol.toStringTag]).toBeUndefined()
    expect(String(session)).toBe('[object Object]')
    expect([session.constructor === Session, Object.hasOwn(session, 'user'), session.valueOf() === session]).toEqual([
      true,
      false,
      true,
    ])
    expect(session instanceof Map).toBe(false)
    expect(Object.prototype.isPrototypeOf.call(Object.prototype, session)).toBe(true)
  })
})

describe('what is no session itself is left alone', () => {
  test('a subclass has fields, methods and properties of its own', () => {
    class Basket extends Session {
      owner = 'ann'
      override get size(): number {
        return super.size + 100
      }
    }
    const basket = new Basket(undefined, [{ a: 1 }, {}])
    basket.owner = 'bob'
    basket.set('b', 2)
    expect([basket.owner, basket.size, basket.get('b')]).toEqual(['bob', 102, 2])
    const mark = Symbol('mark')
    ;(basket as any)[mark] = 1
    expect((basket as any)[mark]).toBe(1)
    expect(() => (basket as any).user).toThrow(SessionError)
    expect(() => ((basket as any).user = 1)).toThrow(SessionError)
    ;(Basket.prototype as any).shared = 1
    expect((basket as any).shared).toBe(1)
  })

  test('a method of a session cannot be spied on, and that of a class of the test can', () => {
    const session = new Session()
    expect(() => jest.spyOn(session, 'set')).toThrow('not extensible')
    class RecordedSession extends Session {
      readonly calls: string[] = []
      override set(key: string, value: unknown): void {
        this.calls.push(`set ${key}`)
        super.set(key, value)
      }
    }
    const recorded = new RecordedSession()
    recorded.set('cart', ['book'])
    expect([recorded.calls, recorded.get('cart'), recorded.dirty]).toEqual([['set cart'], ['book'], true])
  })

  test('an object that has a session for its prototype may shadow what it inherits', () => {
    const object = Object.create(new Session()) as Record<string, unknown>
    object['flash'] = 'x'
    object['user'] = 'y'
    expect([object['flash'], object['user'], object['other']]).toEqual(['x', 'y', undefined])
    for (const value of ['x', 'y']) {
      const name = value === 'x' ? 'flash' : 'user'
      const ordinary = { value, writable: true, enumerable: true, configurable: true }
      expect(Object.getOwnPropertyDescriptor(object, name)).toEqual(ordinary)
    }
  })
})

describe('console.log', () => {
  const make = (): Session<any, any> => {
    const fields = new Map([['v:card', '"4111"']])
    const stored = { record: { ...record, subject: 'ann' }, fields }
    const session = new Session(openedState(setting, { id, openedAs: 'current', stored }))
    session.flash('notice', 'secret')
    return session
  }

  test.each<[string, object]>([
    ['with nothing', {}],
    ['with showHidden', { showHidden: true }],
    ['with getters and showHidden', { getters: true, showHidden: true, depth: 9 }],
    ['with depth 0', { depth: 0 }],
  ])('%s shows handle, subject, keys and dirty, and no more', (_, options) => {
    const session = make()
    const text = inspect(session, options)
    expect(text.replace(/\s+/g, ' ')).toBe(
      `Session { handle: '${session.handle}', subject: 'ann', keys: [ 'card' ], dirty: true }`,
    )
    expect(inspect({ req: { session } }, { ...options, depth: 5 })).not.toMatch(/4111|A{20}|secret/)
  })

  test('of a destroyed session, and of one with a value that JSON cannot carry, does not throw', () => {
    const other: any = new Session(undefined, [{ cart: [] }, {}])
    other.get('cart').push(1n)
    expect(inspect(other)).toContain('dirty: true')
    other.destroy()
    expect(inspect(other).replace(/\s+/g, ' ')).toContain('keys: [], dirty: true, destroyed: true }')
  })

  test('shows it in the colours and at the depth that were asked for', () => {
    const stylize = (text: string, style: string): string => `<${style} ${text}>`
    const options = { ...inspect.defaultOptions, stylize } as never
    expect(make()[inspect.custom](2, options)).toMatch(/^<special Session> \{/)
    expect(inspect(make(), { compact: false }).split('\n')).toHaveLength(8)
    expect(inspect([[make()]], { depth: 2 })).toContain("[ 'card' ]")
  })
})
