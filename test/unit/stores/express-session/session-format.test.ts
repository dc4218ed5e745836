import { hashId, mintId } from '../../../../lib/id/session-id'
import { decodeSession, encodeSession, isHoldfastData } from '../../../../lib/stores/express-session/session-format'
import { sessionWith } from '../../../contract/samples'

const now = 1_893_456_000
const times = { createdAt: now, issuedAt: now, accessedAt: now, expiresAt: now + 3600 }
const sample = (record = {}, fields = {}) => sessionWith({ ...times, ...record }, fields)
const everything = {
  previous: ['p'.repeat(43), 'q'.repeat(43)],
  previousUntil: now + 30.5,
  pending: ['r'.repeat(43)],
  subject: 'ann',
  context: { ip: '192.0.2.1', device: { name: 'Laptop' }, location: ['Bern', null] },
  idleUntil: now + 600,
}

beforeEach(() => {
  jest.useFakeTimers({ now: now * 1000 })
})
afterEach(() => {
  jest.useRealTimers()
})

function json(value: unknown): any {
  return JSON.parse(JSON.stringify(value))
}

test('what is kept is what the documentation shows', () => {
  const session = sample({ hash: 'h'.repeat(43) }, { cart: '["tea"]' })
  expect(json(encodeSession(session, 0))).toEqual({
    cookie: { originalMaxAge: 3_600_000, maxAge: 3_600_000, expires: '2030-01-01T01:00:00.000Z' },
    holdfast: {
      version: 1,
      record: { hash: 'h'.repeat(43), epoch: 0, ...times },
      fields: { cart: '["tea"]' },
    },
  })
})

test('what is absent has no key, also for a store that keeps the object as it is', () => {
  const session = sample({ subject: undefined, previous: undefined, context: { ip: '::1', device: undefined } })
  const { record } = encodeSession(session, 0).holdfast
  expect(Object.keys(record)).not.toContain('subject')
  expect(Object.keys(record.context ?? {})).toEqual(['ip'])
})

test.each([
  ['a plain session', {}],
  ['a session with everything', everything],
])('%s comes back as it was, through JSON and without', (_name, record) => {
  const session = sample(record, { a: '1', '': '2', 'a.b$c\u0000\ud800': '"\ud800"' })
  const fields = new Map([...session.fields, ['__proto__', '4'], ['constructor', '5']])
  const data = encodeSession({ ...session, fields }, 0)
  for (const kept of [data, json(data)]) {
    const { record: back, fields: texts } = decodeSession(kept) ?? {}
    expect(back).toStrictEqual(session.record)
    expect(new Map(texts)).toEqual(fields)
  }
})

test('no id stands in it, only its hash', () => {
  const id = mintId(24)
  const kept = JSON.stringify(encodeSession(sample({ ...everything, hash: hashId(id) }, { a: '1' }), 0))
  expect(kept).toContain(hashId(id))
  expect(kept).not.toContain(id.slice(16))
})

describe('the cookie, by which the store drops the session', () => {
  test.each<[string, object, number, number]>([
    ['the absolute deadline', {}, 0, 3600],
    ['soon after the idle one', { idleUntil: now + 600 }, 0, 660],
    ['a fraction of a second is rounded up', { expiresAt: now + 0.0001 }, 0, 0.001],
    ['a clock that is behind the machine', { expiresAt: now + 60 }, 100, 160],
  ])('%s', (_name, record, skew, seconds) => {
    const { cookie } = encodeSession(sample(record), skew)
    expect(cookie.expires.getTime()).toBe((now + seconds) * 1000)
    expect(cookie.maxAge).toBe(seconds * 1000)
    expect(cookie.originalMaxAge).toBe(seconds * 1000)
  })

  test('the milliseconds that remain are never 0 or less: some stores take that for "for ever"', () => {
    const { cookie } = encodeSession(sample({ expiresAt: now - 3600 }), 0)
    expect(cookie).toEqual({ originalMaxAge: 1, maxAge: 1, expires: new Date((now - 3600) * 1000) })
  })
})

describe('anything else is no session', () => {
  const sound = () => json(encodeSession(sample(everything, { a: '1' }), 0))
  const spoilt = (spoil: (data: any) => void) => {
    const data = sound()
    spoil(data)
    return data
  }

  test('the sound one is one, and null is as good as absent', () => {
    expect(decodeSession(sound())).toBeDefined()
    const data = spoilt(({ holdfast }) => {
      holdfast.record.subject = null
      holdfast.record.previous = null
    })
    expect(decodeSession(data)?.record).not.toHaveProperty('subject')
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', '{"holdfast":{}}'],
    ['a list', [sound()]],
    ['a session of express-session', { cookie: { originalMaxAge: null, expires: null }, passport: { user: 1 } }],
    ["an app's own key of that name", { cookie: {}, holdfast: 'yes' }],
    [
      'a later version',
      spoilt((data) => {
        data.holdfast.version = 2
      }),
    ],
    [
      'no version',
      spoilt((data) => {
        delete data.holdfast.version
      }),
    ],
    [
      'no record',
      spoilt((data) => {
        delete data.holdfast.record
      }),
    ],
    [
      'a record that is a list',
      spoilt((data) => {
        data.holdfast.record = []
      }),
    ],
    [
      'no fields',
      spoilt((data) => {
        delete data.holdfast.fields
      }),
    ],
    [
      'fields that are a list',
      spoilt((data) => {
        data.holdfast.fields = ['1']
      }),
    ],
    [
      'a field that is no text',
      spoilt((data) => {
        data.holdfast.fields.a = 1
      }),
    ],
    ...['hash', 'epoch', 'createdAt', 'issuedAt', 'accessedAt', 'expiresAt'].map((part): [string, unknown] => [
      `no ${part}`,
      spoilt((data) => {
        data.holdfast.record[part] = null
      }),
    ]),
    ...['hash', 'previous', 'pending', 'subject', 'context'].map((part): [string, unknown] => [
      `${part} of a wrong type`,
      spoilt((data) => {
        data.holdfast.record[part] = 7
      }),
    ]),
    ...['epoch', 'expiresAt', 'idleUntil', 'previousUntil'].map((part): [string, unknown] => [
      `${part} of a wrong type`,
      spoilt((data) => {
        data.holdfast.record[part] = '7'
      }),
    ]),
    [
      'a deadline that is no number',
      spoilt((data) => {
        data.holdfast.record.expiresAt = NaN
      }),
    ],
    [
      'a deadline without end',
      spoilt((data) => {
        data.holdfast.record.expiresAt = Infinity
      }),
    ],
  ])('%s', (_name, data) => {
    expect(decodeSession(data)).toBeUndefined()
  })

  test('isHoldfastData is true for data of the package, whole or not, and for no other', () => {
    expect(isHoldfastData(sound())).toBe(true)
    expect(
      isHoldfastData(
        spoilt((data) => {
          data.holdfast = { version: 9 }
        }),
      ),
    ).toBe(true)
    expect([undefined, null, 'x', { cookie: {} }].map(isHoldfastData)).toEqual([false, false, false, false])
  })
})
