import { changeRecord, isNews, type RecordChange, type SessionRecord } from '../../../lib/session/record'

const record: SessionRecord = {
  hash: 'current',
  previousHash: 'previous',
  previousUntil: 150,
  epoch: 4,
  subject: 'ann',
  context: { ip: '::1' },
  createdAt: 100,
  issuedAt: 110,
  accessedAt: 120,
  idleUntil: 180,
  expiresAt: 900,
}

const renew = { from: 'current', to: 'next', issuedAt: 130, previousUntil: 140 }
const replace = { hash: 'next', issuedAt: 130 }
const bind = { subject: 'bob', context: { ip: '::2' }, createdAt: 130, idleUntil: 190, expiresAt: 990 }

describe('changeRecord', () => {
  test.each<[string, RecordChange, Partial<SessionRecord>]>([
    ['changes nothing when nothing is asked', {}, {}],
    ['changes nothing when only fields are', { epoch: 4, fields: { set: new Map([['v:a', '1']]), remove: [] } }, {}],
    ['records a later access', { access: { accessedAt: 121, idleUntil: 181 } }, { accessedAt: 121, idleUntil: 181 }],
    ['ignores an earlier access', { access: { accessedAt: 119, idleUntil: 179 } }, {}],
    ['keeps the idle deadline when an access brings none', { access: { accessedAt: 121 } }, { accessedAt: 121 }],
    [
      'renews the id, and the one before it opens too',
      { renew },
      { hash: 'next', previousHash: 'current', previousUntil: 140, issuedAt: 130 },
    ],
    [
      'applies the rest only when the id was renewed already',
      { renew: { ...renew, from: 'previous' }, access: { accessedAt: 121, idleUntil: 181 } },
      { accessedAt: 121, idleUntil: 181 },
    ],
    [
      'replaces the id, and the ones before it open nothing',
      { replace },
      { hash: 'next', previousHash: undefined, previousUntil: undefined, issuedAt: 130, epoch: 5 },
    ],
    [
      'binds the session, and restarts its lifetime',
      { replace, bind },
      {
        hash: 'next',
        previousHash: undefined,
        previousUntil: undefined,
        issuedAt: 130,
        epoch: 5,
        subject: 'bob',
        context: { ip: '::2' },
        createdAt: 130,
        accessedAt: 130,
        idleUntil: 190,
        expiresAt: 990,
      },
    ],
    [
      'binds to no subject, without an idle deadline',
      { bind: { createdAt: 130, expiresAt: 990 } },
      {
        subject: undefined,
        context: undefined,
        createdAt: 130,
        accessedAt: 130,
        idleUntil: undefined,
        expiresAt: 990,
      },
    ],
  ])('%s', (_, change, changed) => {
    expect(changeRecord(record, change)).toEqual({ ...record, ...changed })
  })

  test('refuses another epoch, and takes its own or none', () => {
    expect(changeRecord(record, { epoch: 3, access: { accessedAt: 121 } })).toBeUndefined()
    expect(changeRecord(record, { epoch: 5, access: { accessedAt: 121 } })).toBeUndefined()
    expect(changeRecord(record, { epoch: 4, access: { accessedAt: 121 } })).toMatchObject({ accessedAt: 121 })
  })

  test('gives an idle deadline to a record that had none', () => {
    const { idleUntil: _, ...before } = record
    expect(changeRecord(before, { access: { accessedAt: 121, idleUntil: 181 } })).toEqual({
      ...record,
      accessedAt: 121,
      idleUntil: 181,
    })
    expect(changeRecord(before, {})?.idleUntil).toBeUndefined()
  })
})

test.each<[RecordChange, boolean]>([
  [{}, false],
  [{ access: { accessedAt: 121 } }, false],
  [{ renew }, false],
  [{ fields: { set: new Map(), remove: [] } }, false],
  [{ fields: { set: new Map([['v:a', '1']]), remove: [] } }, true],
  [{ fields: { set: new Map(), remove: ['v:a'] } }, true],
  // One set and one removed are two changes, and not none.
  [{ fields: { set: new Map([['v:a', '1']]), remove: ['v:b'] } }, true],
  [{ replace }, true],
  [{ bind }, true],
])('what other holders of a session have to see: %j', (change, expected) => {
  expect(isNews(change)).toBe(expected)
})
