import { hashId, mintId, mintIdFor } from '../../../lib/id/session-id'
import {
  accessAt,
  clampAccess,
  deadlineOf,
  idleDeadline,
  isAccessDue,
  isLive,
  isRenewalDue,
  issueTime,
  longestRetention,
  matchId,
  retainUntil,
} from '../../../lib/session/lifetime'
import { changeRecord, type SessionRecord } from '../../../lib/session/record'

/** One step of a record's clock, and less than any rule. */
const step = 0.001

/** Like a hash of the id of that name. */
function hashOf(name: string): string {
  return name.padEnd(43, '-')
}

function recordOf(facts: Partial<SessionRecord> = {}): SessionRecord {
  return { hash: hashOf('now'), epoch: 0, createdAt: 1000, issuedAt: 1000, accessedAt: 1000, expiresAt: 5000, ...facts }
}

/** A rule at its limit, and one step on either side of it. */
function around<T>(limit: number, rule: (now: number) => T): [T, T, T] {
  return [rule(limit - step), rule(limit), rule(limit + step)]
}

describe('isLive', () => {
  test('ends at the absolute deadline', () => {
    const record = recordOf()
    expect(around(5000, (now) => isLive(record, now))).toEqual([true, false, false])
  })

  test('ends at the idle deadline of the record', () => {
    const record = recordOf({ idleUntil: 1100 })
    expect(around(1100, (now) => isLive(record, now))).toEqual([true, false, false])
  })

  test('ends at the absolute deadline however late the idle one is', () => {
    const record = recordOf({ accessedAt: 4990, idleUntil: 5090 })
    expect(around(5000, (now) => isLive(record, now))).toEqual([true, false, false])
  })

  test('a rule that was tightened holds at once, also for records that know none', () => {
    expect(around(1060, (now) => isLive(recordOf({ idleUntil: 1100 }), now, { idle: 60 }))).toEqual([
      true,
      false,
      false,
    ])
    expect(around(1060, (now) => isLive(recordOf(), now, { idle: 60 }))).toEqual([true, false, false])
  })

  test('a rule that was loosened does not revive', () => {
    expect(around(1100, (now) => isLive(recordOf({ idleUntil: 1100 }), now, { idle: 600 }))).toEqual([
      true,
      false,
      false,
    ])
  })

  test('is live before its own beginning: a clock that is behind by a few seconds ends nothing', () => {
    expect(isLive(recordOf({ idleUntil: 1100 }), 995, { idle: 100 })).toBe(true)
  })
})

describe('deadlineOf', () => {
  test.each<[string, Partial<SessionRecord>, { idle?: number } | undefined, number]>([
    ['the absolute deadline alone', {}, undefined, 5000],
    ['an earlier idle deadline', { idleUntil: 1100 }, undefined, 1100],
    ['a later idle deadline', { idleUntil: 6000 }, undefined, 5000],
    ['a rule of today that is tighter than the record', { idleUntil: 1100 }, { idle: 50 }, 1050],
    ['a rule of today that is wider than the record', { idleUntil: 1100 }, { idle: 200 }, 1100],
    ['a configuration without an idle rule', {}, {}, 5000],
  ])('is the instant from which the session is not live, with %s', (_, facts, timeouts, expected) => {
    const record = recordOf(facts)
    expect(deadlineOf(record, timeouts)).toBe(expected)
    expect(around(expected, (now) => isLive(record, now, timeouts))).toEqual([true, false, false])
  })
})

describe('retainUntil', () => {
  test.each([
    ['no idle rule: the absolute deadline', {}, 5000],
    ['a short idle time: as long again', { accessedAt: 1000, idleUntil: 1010 }, 1020],
    ['a long idle time: the longest retention', { accessedAt: 1000, idleUntil: 2000 }, 2000 + longestRetention],
    ['never past the absolute deadline', { accessedAt: 4000, idleUntil: 4990 }, 5000],
    ['an idle deadline before the access: no retention', { accessedAt: 1000, idleUntil: 900 }, 900],
  ])('%s', (_, facts, until) => {
    expect(retainUntil(recordOf(facts))).toBe(until)
  })
})

describe('matchId', () => {
  const [current, previous, next, later] = ['now', 'before', 'next', 'later'].map(hashOf) as [
    string,
    string,
    string,
    string,
  ]
  const confirmed = recordOf({ previous: [previous], previousUntil: 1010 })
  const renewed = recordOf({ pending: [next, later], previousUntil: 1010 })

  test('the current id opens at any time', () => {
    expect(around(1010, (now) => matchId(confirmed, current, now))).toEqual(['current', 'current', 'current'])
  })

  test('the id before a renewal opens up to the end of the overlap, once a client has sent the new one', () => {
    expect(around(1010, (now) => matchId(confirmed, previous, now))).toEqual(['previous', undefined, undefined])
  })

  test('the id before a renewal opens at any time while no client has sent the new one', () => {
    expect(around(1010, (now) => matchId(renewed, current, now))).toEqual(['renewed', 'renewed', 'renewed'])
  })

  test('each id that a renewal has issued opens at any time until a client has sent one', () => {
    for (const hash of [next, later]) {
      expect(around(1010, (now) => matchId(renewed, hash, now))).toEqual(['pending', 'pending', 'pending'])
    }
    const one = changeRecord(renewed, { confirm: { hash: next, issuedAt: 1005 } })
    expect(one).toMatchObject({
      hash: next,
      previous: [current],
      pending: [later],
      issuedAt: 1005,
      previousUntil: 1010,
    })
    const both = changeRecord(one ?? renewed, { confirm: { hash: later, issuedAt: 1006 } })
    expect(both).toMatchObject({ hash: later, previous: [current, next], pending: undefined, issuedAt: 1006 })
    const skipped = changeRecord(renewed, { confirm: { hash: later, issuedAt: 1006 } })
    expect(skipped).toMatchObject({ hash: later, previous: [current, next], pending: undefined })
    expect(changeRecord(renewed, { confirm: { hash: hashOf('else'), issuedAt: 1006 } })).toEqual({
      ...renewed,
      context: undefined,
      subject: undefined,
      idleUntil: undefined,
      previous: undefined,
    })
  })

  test('any other hash matches no record', () => {
    expect(matchId(confirmed, hashOf('else'), 1000)).toBeUndefined()
    expect(matchId(recordOf(), previous, 1000)).toBeUndefined()
    expect(matchId(recordOf({ previous: [previous] }), previous, 1000)).toBeUndefined()
    expect(matchId(confirmed, '', 1000)).toBeUndefined()
    expect(matchId(renewed, previous, 1000)).toBeUndefined()
  })

  test('a hash opens only under the handle that it was made with', () => {
    const id = mintId(24)
    const copied = mintIdFor(mintId(24).slice(0, 16), 24)
    expect(matchId(recordOf({ hash: hashId(id) }), hashId(copied), 1000)).toBeUndefined()
  })
})

describe('a record from the future', () => {
  test('is none, when it is more than five minutes ahead', () => {
    for (const part of ['createdAt', 'accessedAt'] as const) {
      expect(around(3000, (now) => isLive(recordOf({ [part]: 3300 }), now, {}))).toEqual([false, true, true])
    }
  })

  test('has been accessed now, not later', () => {
    expect(clampAccess(recordOf({ accessedAt: 1200 }), 1100).accessedAt).toBe(1100)
    const record = recordOf()
    expect(clampAccess(record, 1100)).toBe(record)
  })
})

describe('isAccessDue', () => {
  test('each twentieth of the idle timeout', () => {
    const record = recordOf({ idleUntil: 1100 })
    expect(around(1005, (now) => isAccessDue(record, now, { idle: 100 }))).toEqual([false, true, true])
  })

  test('at once when the record knows no idle deadline yet', () => {
    expect(isAccessDue(recordOf(), 1000, { idle: 100 })).toBe(true)
  })

  test('without an idle timeout: never for a visitor, each five minutes for a user, whose devices page shows it', () => {
    expect(around(1300, (now) => isAccessDue(recordOf(), now, {}))).toEqual([false, false, false])
    expect(around(1300, (now) => isAccessDue(recordOf({ subject: 'ann' }), now, {}))).toEqual([false, true, true])
  })

  test('not when the last access was recorded by a clock that is ahead', () => {
    expect(isAccessDue(recordOf({ idleUntil: 1100 }), 997, { idle: 100 })).toBe(false)
  })

  test('with a part of the interval: from that part on', () => {
    const record = recordOf({ idleUntil: 1100 })
    expect(around(1002.5, (now) => isAccessDue(record, now, { idle: 100 }, 1 / 2))).toEqual([false, true, true])
    expect(isAccessDue(recordOf(), 1e6, {}, 1 / 2)).toBe(false)
  })
})

describe('isRenewalDue', () => {
  test('when the id is as old as the timeout', () => {
    expect(around(1300, (now) => isRenewalDue(recordOf(), now, { renewal: 300 }))).toEqual([false, true, true])
  })

  test('never without the timeout', () => {
    expect(isRenewalDue(recordOf(), 4999, {})).toBe(false)
  })

  test('counts from the id, not from the session', () => {
    const record = recordOf({ issuedAt: 2000 })
    expect(around(2300, (now) => isRenewalDue(record, now, { renewal: 300 }))).toEqual([false, true, true])
  })

  test('waits until the overlap of the last renewal is over, so that its id works for the whole of it', () => {
    const record = recordOf({ previous: [hashOf('before')], previousUntil: 1500 })
    expect(around(1500, (now) => isRenewalDue(record, now, { renewal: 300 }))).toEqual([false, true, true])
  })

  test('again half an overlap after the last one, while no client has sent the id that it issued', () => {
    const timeouts = { renewal: 300, oldSessionAvailabilityAfterRenewal: 60 }
    const record = recordOf({ pending: [hashOf('next')], previousUntil: 1360 })
    expect(around(1330, (now) => isRenewalDue(record, now, timeouts))).toEqual([false, true, true])
    expect(isRenewalDue(record, 4999, timeouts)).toBe(true)
  })

  test('not for an id that a client has just sent for the first time, though another one is pending', () => {
    const timeouts = { renewal: 300, oldSessionAvailabilityAfterRenewal: 60 }
    const record = recordOf({
      issuedAt: 1340,
      previous: [hashOf('old')],
      pending: [hashOf('next')],
      previousUntil: 1360,
    })
    expect(around(1640, (now) => isRenewalDue(record, now, timeouts))).toEqual([false, true, true])
  })
})

test('idleDeadline counts from the access', () => {
  expect(idleDeadline(1000, { idle: 30 })).toBe(1030)
  expect(idleDeadline(1000, {})).toBeUndefined()
})

describe('clocks of two processes that differ by a few seconds', () => {
  const access = (now: number) => ({ access: { accessedAt: now, idleUntil: idleDeadline(now, { idle: 100 }) } })

  test('an access moves the idle deadline forward only', () => {
    const ahead = changeRecord(recordOf({ idleUntil: 1100 }), access(1053))
    const behind = ahead && changeRecord(ahead, access(1050))
    expect(behind).toMatchObject({ accessedAt: 1053, idleUntil: 1153 })
  })

  test('no access, and no renewal, moves the absolute deadline', () => {
    const renew = { from: hashOf('now'), to: hashOf('next'), issuedAt: 4999, previousUntil: 5009 }
    expect(changeRecord(recordOf({ idleUntil: 1100 }), { ...access(4999), renew })).toMatchObject({
      expiresAt: 5000,
      createdAt: 1000,
    })
  })
})

test('an access is recorded with the idle deadline that it gives', () => {
  expect([accessAt(1000, { idle: 60 }), accessAt(1000, {})]).toEqual([
    { accessedAt: 1000, idleUntil: 1060 },
    { accessedAt: 1000, idleUntil: undefined },
  ])
})

test('a record that was accessed now is the same for a process with this clock', () => {
  for (const now of [1000, 1001]) {
    const record = recordOf()
    expect(clampAccess(record, now)).toBe(record)
  }
})

test('any of the ids before a renewal opens its record in the overlap', () => {
  const hashes = ['a', 'b', 'c'].map(hashOf)
  const record = recordOf({ previous: hashes, previousUntil: 1050 })
  for (const hash of hashes) expect(matchId(record, hash, 1049)).toBe('previous')
})

test('no renewal is due without the timeout, also while a renewed id is pending', () => {
  const record = recordOf({ pending: [hashOf('next')], previousUntil: 1050 })
  expect(isRenewalDue(record, 2000, {})).toBe(false)
  expect(isRenewalDue(record, 2000, { renewal: 100, oldSessionAvailabilityAfterRenewal: 10 })).toBe(true)
})

describe('issueTime', () => {
  const timeouts = { renewal: 600, oldSessionAvailabilityAfterRenewal: 60 }

  test('is an overlap before the overlap ends', () => {
    expect(issueTime(recordOf({ previousUntil: 1560 }), 1530, timeouts)).toBe(1500)
  })

  test('is not later than now', () => {
    expect(issueTime(recordOf({ previousUntil: 1560 }), 1400, timeouts)).toBe(1400)
  })

  test('is not earlier than the id before it', () => {
    expect(issueTime(recordOf({ issuedAt: 1520, previousUntil: 1560 }), 1530, timeouts)).toBe(1520)
  })

  test('is an overlap ago where the record knows no overlap', () => {
    expect(issueTime(recordOf(), 1530, timeouts)).toBe(1470)
  })

  test('is the end of the overlap where there is none today', () => {
    expect(issueTime(recordOf({ previousUntil: 1500 }), 1530, {})).toBe(1500)
  })
})
