import type { IncomingMessage, ServerResponse } from 'node:http'
import { login, logout } from '../../lib'
import type { AnySession } from '../../lib/session/session'
import { startApp, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { get } from '../support/http-client'
import { collectWarnings } from '../support/warnings'

/*
 * A request may save its session while a save of it is under way: by `sessions.save`, awaited or not, or by going on after
 * its first bytes. The saves are made one after the other, and the client is given the id that the store has.
 */

beforeEach(() => {
  collectWarnings()
})
afterEach(stopApps)

interface Outcome {
  /** What the client's next request sees. */
  readonly subject: string | undefined
  readonly values: object
  /** How many sessions the user has. */
  readonly ofAnn: number
}

type Act = (
  req: IncomingMessage & { session: AnySession },
  save: () => Promise<string | null>,
  res: ServerResponse,
) => unknown

const keys = ['cart', 'a', 'n', 'role', 'x']

/** A request that does it, by a client with a session with `cart`, or by a new one. */
async function outcomeOf(act: Act, visitor: 'known' | 'new'): Promise<Outcome> {
  const app = await startApp({
    store: new ControlledStore(),
    async handler(req, res) {
      if (req.url === '/begin') req.session.set('cart', 1)
      if (req.url === '/act') await act(req, () => app.sessions.save(req.session), res)
      if (res.writableEnded) return
      const values = keys.filter((key) => req.session.has(key)).map((key) => [key, req.session.get(key)])
      res.end(JSON.stringify({ subject: req.session.subject, values: Object.fromEntries(values) }))
    },
  })
  let cookie = visitor === 'known' ? (await get(app.port, '/begin')).cookies[0] : undefined
  const response = await get(app.port, '/act', cookie)
  cookie = response.cookies.at(-1) ?? cookie
  // What is saved behind the response.
  await new Promise((resolve) => setTimeout(resolve, 30))
  const { body } = await get(app.port, '/seen', cookie)
  const { size } = await app.sessions.users.readAll('ann')
  return { ...(JSON.parse(body) as Pick<Outcome, 'subject' | 'values'>), ofAnn: size }
}

const ann = (values: object): Outcome => ({ subject: 'ann', values, ofAnn: 1 })
const anonymous = (values: object): Outcome => ({ subject: undefined, values, ofAnn: 0 })

test.each<[string, Act, Outcome]>([
  [
    'two saves of a login are awaited together',
    async (req, save) => {
      login(req, 'ann')
      req.session.set('a', 1)
      const first = save()
      req.session.set('role', 'x')
      await Promise.all([first, save()])
    },
    ann({ cart: 1, a: 1, role: 'x' }),
  ],
  [
    'a login comes while the first values are saved',
    async (req, save) => {
      req.session.set('a', 1)
      const saved = save()
      login(req, 'ann')
      await saved
    },
    ann({ cart: 1, a: 1 }),
  ],
  [
    'a logout comes while a login is saved',
    (req, save) => {
      login(req, 'ann')
      void save()
      logout(req)
    },
    anonymous({}),
  ],
  [
    'a value is set while a login is saved',
    (req, save) => {
      login(req, 'ann')
      void save()
      req.session.set('a', 1)
    },
    ann({ cart: 1, a: 1 }),
  ],
  [
    'a value is set while a new id is saved',
    async (req, save) => {
      req.session.regenerateId()
      const first = save()
      req.session.set('a', 1)
      await Promise.all([first, save()])
    },
    anonymous({ cart: 1, a: 1 }),
  ],
  [
    'a value is set back while another one is saved',
    (req, save) => {
      req.session.set('cart', 3)
      void save()
      req.session.set('cart', 1)
    },
    anonymous({ cart: 1 }),
  ],
  [
    'a value is removed while it is saved',
    (req, save) => {
      req.session.set('n', 3)
      void save()
      req.session.unset('n')
    },
    anonymous({ cart: 1 }),
  ],
  [
    'there are two logins with a save each',
    (req, save) => {
      login(req, 'ann')
      void save()
      login(req, 'ann')
      void save()
    },
    ann({ cart: 1 }),
  ],
])('nothing is lost when %s', async (_, act, expected) => {
  expect(await outcomeOf(act, 'known')).toEqual(expected)
})

test('a login that comes while the first save of a new visitor is under way is kept', async () => {
  const act: Act = async (req, save) => {
    req.session.set('a', 1)
    const saved = save()
    login(req, 'ann')
    await saved
  }
  expect(await outcomeOf(act, 'new')).toEqual(ann({ a: 1 }))
})

describe('a client is given no id that the store does not have', () => {
  const late: readonly [string, Act][] = [
    [
      'a login after the first bytes',
      (req, _, res) => {
        req.session.set('x', 1)
        res.write('a')
        login(req, 'ann')
        res.end('b')
      },
    ],
    [
      'a login after the end',
      (req, _, res) => {
        req.session.set('x', 1)
        res.end('a')
        login(req, 'ann')
      },
    ],
    [
      'a new id after the first bytes',
      (req, _, res) => {
        req.session.set('x', 1)
        res.write('a')
        req.session.regenerateId()
        res.end('b')
      },
    ],
  ]
  test.each(late)('by %s', async (_, act) => {
    expect(await outcomeOf(act, 'known')).toEqual(anonymous({ cart: 1, x: 1 }))
  })
  test.each(late)('by %s of a new visitor', async (_, act) => {
    expect(await outcomeOf(act, 'new')).toEqual(anonymous({ x: 1 }))
  })
})

test('a save that fails does not keep the one after it', async () => {
  const store = new ControlledStore()
  const app = await startApp({
    store,
    async handler(req, res) {
      if (req.url === '/act') {
        req.session.set('a', 1)
        store.fail('insert', 'reject')
        const first = app.sessions.save(req.session)
        store.mend()
        const second = app.sessions.save(req.session)
        await expect(first).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
        expect(await second).toBe(req.session.id)
      }
      res.end(String(req.session.get('a')))
    },
  })
  const { cookies } = await get(app.port, '/act')
  expect((await get(app.port, '/seen', cookies[0])).body).toBe('1')
})

describe('a login without a subject, on a session that has ended meanwhile,', () => {
  test.each<[string, boolean, readonly (string | undefined)[]]>([
    ['is no proof, and brings the user not back', false, [undefined]],
    ['is one where it names the user', true, ['ann']],
    ['is one where a login before it in the request names the user', true, ['ann', undefined]],
  ])('%s', async (_, isProof, subjects) => {
    const store = new ControlledStore()
    const app = await startApp({
      store,
      async handler(req, res) {
        if (req.url === '/in') login(req, 'ann')
        else if (req.url === '/step-up') {
          expect(req.session.subject).toBe('ann')
          await app.sessions.users.deleteAll('ann')
          for (const subject of subjects) {
            if (subject === undefined) login(req)
            else login(req, subject)
          }
        }
        res.end(req.session.subject)
      },
    })
    const { cookies } = await get(app.port, '/in')
    const response = await get(app.port, '/step-up', cookies[0])
    const given = response.cookies[0] ?? ''
    expect([given !== '', (await app.sessions.users.readAll('ann')).size]).toEqual(isProof ? [true, 1] : [false, 0])
  })
})
