import {
  changeRecord,
  isNotifiable,
  isRenewed,
  mostPending,
  startRecord,
  type RecordChange,
  type SessionRecord,
} from '../../../lib/session/record'

const record: SessionRecord = {
  hash: 'current',
  previous: ['older', 'old'],
  previousUntil: 150,
  pending: ['p1', 'p2', 'p3'],
  epoch: 4,
  subject: 'ann',
  context: { ip: '::1' },
  createdAt: 100,
  issuedAt: 110,
  accessedAt: 120,
  idleUntil: 180,
  expiresAt: 900,
}

const renew = { from: 'current', after: 'p3', to: 'next', issuedAt: 130, previousUntil: 140 }
const noOldIds = { previous: undefined, previousUntil: undefined, pending: undefined }
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
      'adds a new id, which opens as the one before it does until a client sends it',
      { renew },
      { previous: undefined, previousUntil: 140, pending: ['p1', 'p2', 'p3', 'next'] },
    ],
    [
      'makes the new id the current one at once where there is no overlap',
      { renew: { ...renew, previousUntil: 130 } },
      { hash: 'next', issuedAt: 130, ...noOldIds },
    ],
    [
      'applies the rest only when another id is the current one',
      { renew: { ...renew, from: 'old' }, access: { accessedAt: 121, idleUntil: 181 } },
      { accessedAt: 121, idleUntil: 181 },
    ],
    [
      'applies the rest only when another id was issued last',
      { renew: { ...renew, after: 'p2' }, access: { accessedAt: 121, idleUntil: 181 } },
      { accessedAt: 121, idleUntil: 181 },
    ],
    [
      'confirms a pending id: those before it are previous, those after it stay pending',
      { confirm: { hash: 'p2', issuedAt: 125 } },
      { hash: 'p2', issuedAt: 125, previous: ['older', 'old', 'current', 'p1'], pending: ['p3'] },
    ],
    [
      'confirms the last pending id: none is pending then',
      { confirm: { hash: 'p3', issuedAt: 125 } },
      { hash: 'p3', issuedAt: 125, previous: ['older', 'old', 'current', 'p1', 'p2'], pending: undefined },
    ],
    ['ignores the confirmation of an id that is not pending', { confirm: { hash: 'old', issuedAt: 125 } }, {}],
    [
      'confirms an id and renews it',
      { confirm: { hash: 'p3', issuedAt: 125 }, renew: { ...renew, from: 'p3', after: undefined } },
      { hash: 'p3', issuedAt: 125, previous: undefined, previousUntil: 140, pending: ['next'] },
    ],
    [
      'replaces the id, and the ones before it are invalid',
      { replace },
      { hash: 'next', ...noOldIds, issuedAt: 130, epoch: 5 },
    ],
    [
      'binds the session, and restarts its lifetime',
      { replace, bind },
      {
        hash: 'next',
        ...noOldIds,
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

  test('gives the oldest pending id up when there are too many', () => {
    const full = { ...record, pending: ['p0', 'p1', 'p2', 'p3'] }
    expect(full.pending).toHaveLength(mostPending)
    expect(changeRecord(full, { renew })?.pending).toEqual(['p1', 'p2', 'p3', 'next'])
  })

  test('adds the first previous and the first pending id', () => {
    const { previous: _previous, pending: _pending, ...fresh } = record
    expect(changeRecord(fresh, { renew: { ...renew, after: undefined } })?.pending).toEqual(['next'])
    expect(changeRecord(fresh, { renew })?.pending).toBeUndefined()
    const confirm = { hash: 'p1', issuedAt: 125 }
    expect(changeRecord({ ...fresh, pending: ['p1'] }, { confirm })?.previous).toEqual(['current'])
    expect(changeRecord(fresh, { confirm })).toEqual({ ...record, previous: undefined, pending: undefined })
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
  [{ renew }, true],
  [{ confirm: { hash: 'p1', issuedAt: 125 } }, true],
  [{ fields: { set: new Map(), remove: [] } }, false],
  [{ fields: { set: new Map([['v:a', '1']]), remove: [] } }, true],
  [{ fields: { set: new Map(), remove: ['v:a'] } }, true],
  // One set and one removed are two changes, and not none.
  [{ fields: { set: new Map([['v:a', '1']]), remove: ['v:b'] } }, true],
  [{ replace }, true],
  [{ bind }, true],
])('what other holders of a session have to see: %j', (change, expected) => {
  expect(isNotifiable(change)).toBe(expected)
})

test.each<[RecordChange, boolean]>([
  [{}, false],
  [{ renew }, true],
  [{ renew: { ...renew, from: 'old' } }, false],
  [{ renew: { ...renew, after: undefined } }, false],
  [{ renew: { ...renew, from: 'p3', after: undefined } }, false],
  [{ confirm: { hash: 'p3', issuedAt: 125 }, renew: { ...renew, from: 'p3', after: undefined } }, true],
  [{ confirm: { hash: 'p2', issuedAt: 125 }, renew: { ...renew, from: 'p2', after: 'p3' } }, true],
])('whether a renewal is carried out: %j', (change, expected) => {
  expect(isRenewed(record, change)).toBe(expected)
})

test('a record that begins has an id alone, and was used now', () => {
  const given = { hash: 'h', epoch: 3, subject: 'ann', context: { ip: '::1' }, idleUntil: 160, expiresAt: 900 }
  expect(startRecord(100, given)).toEqual({ ...given, ...noOldIds, createdAt: 100, issuedAt: 100, accessedAt: 100 })
  expect(Object.keys(startRecord(100, given))).toEqual(Object.keys(changeRecord(startRecord(100, given), {}) ?? {}))
})
