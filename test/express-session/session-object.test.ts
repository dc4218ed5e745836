import { inspect } from 'node:util'
import { stopApps } from '../support/app'
import { bothSessions, Browser, type CompatHandler, startCompatApp } from '../support/express-session-app'

afterEach(stopApps)

/** Each of these must be the same whichever program carries the session. */
describe.each(bothSessions)('req.session of %s', (_name, session) => {
  /** Stores `values` in a first request and gives the result of `show` in a second. */
  async function inNextRequest(values: object, show: CompatHandler): Promise<any> {
    const app = await startCompatApp({
      session,
      routes: {
        store(req) {
          Object.assign(req.session, values)
          return true
        },
        show,
        after: (req) => ({ ...req.session, cookie: undefined }),
      },
    })
    const browser = new Browser(app)
    await browser.json('/store')
    const found = await browser.json('/show')
    return { found, after: await browser.json('/after') }
  }

  const values = { name: 'ada', cart: { items: ['tea'] }, count: 3, none: null, '10': 'ten' }

  test('shows the cookie and the values to Object.keys, for...in, in, spread and Object.entries', async () => {
    const { found } = await inNextRequest(values, (req) => {
      const inFor: string[] = []
      for (const key in req.session) inFor.push(key)
      return {
        keys: Object.keys(req.session).sort(),
        inFor: inFor.sort(),
        has: ['name' in req.session, 'nothing' in req.session, 'id' in req.session, 'save' in req.session],
        own: [Object.hasOwn(req.session, 'name'), Object.hasOwn(req.session, 'id')],
        spread: { ...req.session, cookie: undefined },
        entries: Object.entries(req.session).filter(([key]) => key !== 'cookie'),
        described: Object.getOwnPropertyDescriptor(req.session, 'cart'),
      }
    })
    const keys = ['10', 'cart', 'cookie', 'count', 'name', 'none']
    expect(found).toEqual({
      keys,
      inFor: keys,
      has: [true, false, true, true],
      own: [true, true],
      spread: values,
      entries: expect.arrayContaining(Object.entries(values)),
      described: { value: values.cart, enumerable: true, configurable: true, writable: true },
    })
  })

  test('is written by JSON.stringify as a record is', async () => {
    const { found } = await inNextRequest(values, (req) => JSON.parse(JSON.stringify(req.session)))
    expect(found).toEqual({ ...values, cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' } })
  })

  test('is printed with its values by console.log', async () => {
    const { found } = await inNextRequest(values, (req) => inspect(req.session))
    expect(found).toMatch(/^Session \{/)
    expect(found).toContain("name: 'ada'")
    expect(found).toContain("cart: { items: [ 'tea' ] }")
    expect(found).toContain('count: 3')
    expect(found).not.toContain('Unparsed')
  })

  test('has one identity, and so has each object in it', async () => {
    const { found } = await inNextRequest(values, (req) => [
      req.session === req.session,
      req.session.cart === req.session.cart,
      Object.values(req.session).includes(req.session.cart),
      req.session.cookie === req.session.cookie,
      req.session instanceof session.Session,
      req.session.req === req,
      req.session.id === req.sessionID,
    ])
    expect(found).toEqual([true, true, true, true, true, true, true])
  })

  test('has methods with the arities of express-session, which grant finds on the prototype', async () => {
    const { found } = await inNextRequest({}, (req) => {
      const prototype = Object.getPrototypeOf(req.session)
      const names = ['save', 'destroy', 'regenerate', 'reload', 'touch', 'resetMaxAge'] as const
      return names.map((name) => `${name}/${prototype[name].length as number}`)
    })
    expect(found).toEqual(['save/1', 'destroy/1', 'regenerate/1', 'reload/1', 'touch/0', 'resetMaxAge/0'])
  })

  test('stores what is changed in place, set, deleted, defined or replaced', async () => {
    const { after } = await inNextRequest(values, (req) => {
      req.session.cart.items.push('milk')
      req.session.count++
      delete req.session.name
      req.session.none = undefined
      Object.defineProperty(req.session, 'defined', { value: 1, enumerable: true, configurable: true })
      Object.defineProperty(req.session, 'hidden', { value: 2, enumerable: false })
      Object.assign(req.session, { assigned: { deep: true } })
      return true
    })
    expect(after).toEqual({
      cart: { items: ['tea', 'milk'] },
      count: 4,
      '10': 'ten',
      defined: 1,
      assigned: { deep: true },
    })
  })

  test('keeps values of any key that an app may choose', async () => {
    const odd = { 'a b': 1, 'ünicode 💥': 2, '': 3, constructor2: 4, maxAge: 5, data: 6, 'v:x': 7, holdfast: { a: 1 } }
    const { after } = await inNextRequest(odd, () => true)
    expect(after).toEqual(odd)
  })

  test('ignores a new id, and throws for it in strict mode', async () => {
    const { found } = await inNextRequest({}, (req) => {
      const { id } = req.session
      try {
        req.session.id = 'mine'
      } catch (error) {
        return [(error as Error).name, req.session.id === id]
      }
      return ['no error', req.session.id === id]
    })
    expect(found).toEqual(['TypeError', true])
  })

  test('lets an app replace a method for one request', async () => {
    const { found, after } = await inNextRequest({ a: 1 }, (req) => {
      let calls = 0
      const { save } = req.session
      Object.defineProperty(req.session, 'save', {
        configurable: true,
        value(callback: () => void) {
          calls++
          return save.call(this, callback)
        },
      })
      req.session.a = 2
      return new Promise((resolve) => req.session.save(() => resolve(calls)))
    })
    expect(found).toBe(1)
    expect(after).toEqual({ a: 2 })
  })
})

test('structuredClone of the whole session throws, of its values and of a copy it does not', async () => {
  const app = await startCompatApp({
    routes: {
      show(req) {
        req.session.cart = { items: [1] }
        let thrown = 'nothing'
        try {
          structuredClone(req.session)
        } catch (error) {
          thrown = (error as Error).name
        }
        const { cookie: _, ...copy } = { ...req.session }
        return [thrown, structuredClone(req.session.cart), structuredClone(copy)]
      },
    },
  })
  expect(await new Browser(app).json('/show')).toEqual(['DataCloneError', { items: [1] }, { cart: { items: [1] } }])
})

test('a value set through __proto__ changes neither the session nor its prototype', async () => {
  const app = await startCompatApp({
    routes: {
      show(req) {
        const body = JSON.parse('{"__proto__":{"isAdmin":true},"name":"ada"}')
        for (const key of Object.keys(body)) req.session[key] = body[key]
        return [req.session.isAdmin ?? 'no', req.session.name, typeof req.session.save]
      },
    },
  })
  expect(await new Browser(app).json('/show')).toEqual(['no', 'ada', 'function'])
})

test('a session that is emptied key by key keeps its cookie and its id', async () => {
  const app = await startCompatApp({
    routes: {
      store: (req) => (req.session.name = 'ada'),
      empty(req) {
        for (const key of Object.keys(req.session)) Reflect.deleteProperty(req.session, key)
        return Object.keys(req.session)
      },
      show: (req) => Object.keys(req.session),
    },
  })
  const browser = new Browser(app)
  await browser.json('/store')
  expect(await browser.json('/empty')).toEqual(['cookie'])
  expect(await browser.json('/show')).toEqual(['cookie'])
})
