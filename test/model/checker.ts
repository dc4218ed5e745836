/** Judges a history: each violation is a promise of the package that was not kept. */
import { checkSockets } from './check-sockets'
import { checkReads } from './check-reads'
import { effectsOf, type Effects, interferes, isKnown, mayBeIdle } from './effects'
import { handleOf, type History, type Operation, tick } from './history'

export interface Violation {
  readonly promise: string
  readonly what: string
  readonly operation?: Operation | undefined
}

export type Report = (promise: string, what: string, operation?: Operation) => void

export function check(history: History): Violation[] {
  const violations: Violation[] = []
  const report: Report = (promise, what, operation) => violations.push({ promise, what, operation })
  const effects = effectsOf(history)
  checkReads(history, effects, report)
  checkIds(history, effects, report)
  checkLost(history, effects, report)
  checkRenewals(history, effects, report)
  checkListings(history, effects, report)
  checkFlash(history, effects, report)
  checkErrors(history, report)
  checkSockets(history, effects, report)
  if (history.immortal.length > 0) report('deadline', `keys without a deadline: ${history.immortal.length}`)
  return violations
}

/** P4, P5, P9: an id that has ended, or was replaced, is invalid; an unknown one is not adopted. */
function checkIds({ operations }: History, { sessions, issuers }: Effects, report: Report): void {
  for (const operation of operations) {
    const { id, sentAt, issued, outcome } = operation
    if (id === undefined || outcome !== 'ok' || operation.act.startsWith('channel')) continue
    const session = sessions.get(handleOf(id))
    if (!isKnown(operation)) {
      const adopts = issued !== undefined && issued !== '' && handleOf(issued) === handleOf(id)
      if (adopts && operation.seen !== undefined) {
        report('P9 adopted', 'an id that opened nothing kept its handle', operation)
      }
      continue
    }
    const issuer = issuers.get(id)
    for (const { kind, certain, to, from, operation: by } of session?.effects ?? []) {
      if (!certain || to + tick >= sentAt) continue
      if (kind === 'end') report('P4 revived', `ended by ${by.act} ${by.number}`, operation)
      const isOlder = issuer !== undefined && issuer !== by && issuer.endedAt + tick < from
      if (kind === 'replace' && isOlder) report('P5 old id', `replaced by ${by.act} ${by.number}`, operation)
    }
  }
}

/** No user is signed out by a parallel request, a renewal, or nothing at all. */
function checkLost(history: History, effects: Effects, report: Report): void {
  for (const operation of history.operations) {
    const { id, seen, outcome, actedAt } = operation
    if (id === undefined || seen === undefined || outcome !== 'ok' || isKnown(operation)) continue
    const session = effects.sessions.get(handleOf(id))
    const issuer = effects.issuers.get(id)
    if (session === undefined || issuer === undefined) continue
    const at = (actedAt ?? operation.endedAt) + tick
    const excused = session.effects.some(
      ({ kind, from, to, zombie, operation: by }) =>
        (kind === 'end' && !zombie && from <= at) ||
        (kind === 'replace' && by !== issuer && from <= at && to >= issuer.sentAt - tick),
    )
    if (excused || wasSuperseded(history, effects, id, at) || mayBeIdle(history, session, at)) continue
    report('lost session', `issued by ${issuer.act} ${issuer.number}`, operation)
  }
}

/** Whether a client had a newer id for longer than the overlap. */
function wasSuperseded({ options }: History, { renewals }: Effects, id: string, at: number): boolean {
  const overlap = (options.timeouts.overlap ?? 0) * 1000
  return renewals.some(
    ({ from, operation }) => from === id && operation.sentAt + overlap * 0.9 - spreadOf(options) <= at,
  )
}

/** Milliseconds by which the clocks of two processes differ at most. */
function spreadOf({ skews }: History['options']): number {
  return 1000 * (Math.max(0, ...skews) - Math.min(0, ...skews))
}

/** P6: one request at a time is given the new id. */
function checkRenewals({ options }: History, { renewals }: Effects, report: Report): void {
  const overlap = (options.timeouts.overlap ?? 0) * 1000
  const first = new Map<string, Operation>()
  for (const { from, operation } of renewals) {
    if (operation.act.startsWith('job')) report('P6 job', 'a job was given a new id', operation)
    const other = first.get(from)
    if (other === undefined) first.set(from, operation)
    else if (operation.sentAt - other.endedAt < overlap / 4 - spreadOf(options)) {
      report('P6 two renewals', `of one id, the other by ${other.number}`, operation)
    }
  }
}

/** P7: a listing has all live sessions of the user, and no other. */
function checkListings(history: History, { sessions }: Effects, report: Report): void {
  const listings = history.operations.filter(({ act, outcome }) => act === 'list' && outcome === 'ok')
  for (const listing of listings) {
    const { subject, sentAt, endedAt } = listing
    const listed = new Set(listing.result as string[])
    for (const session of sessions.values()) {
      const bindings = session.effects.filter((effect) => effect.kind === 'bind' && effect.subject === subject)
      const isListed = listed.delete(session.handle)
      if (bindings.length === 0 && !isListed) continue
      const ends = session.effects.filter(({ kind, zombie }) => kind === 'end' && !zombie)
      const over = ends.find(({ certain, to }) => certain && to + tick < sentAt)
      if (isListed && over !== undefined) {
        report('P7 listed', `${session.handle} was ended by ${over.operation.act} ${over.operation.number}`, listing)
      }
      if (isListed && !bindings.some(({ from }) => from <= endedAt + tick)) {
        report('P7 listed', `${session.handle} was never the user's`, listing)
      }
      const isBound = bindings.some(({ certain, to }) => certain && to + tick < sentAt)
      const mayBeOver = ends.some(({ from }) => from <= endedAt + tick) || mayBeIdle(history, session, endedAt)
      if (isBound && !isListed && !mayBeOver) report('P7 not listed', session.handle, listing)
    }
    // The client of a lost login does not know its session.
    const lost = history.operations.filter(
      (one) => one.act === 'login' && one.outcome !== 'ok' && one.subject === subject,
    )
    if (listed.size > lost.length) report('P7 listed', `${listed.size} sessions that no login made`, listing)
  }
}

/** A flash message is shown once, by the next request. */
function checkFlash({ operations }: History, { sessions }: Effects, report: Report): void {
  const shownBy = new Map<number, Operation>()
  for (const operation of operations) {
    if (operation.outcome !== 'ok' || operation.seen === undefined || !isKnown(operation)) continue
    const session = sessions.get(operation.seen.handle)
    for (const number of Object.values(operation.seen.flash)) {
      const before = shownBy.get(number)
      if (before !== undefined && before.endedAt + tick < operation.sentAt) {
        report('flash twice', `shown by ${before.number}`, operation)
      }
      const cleared = session !== undefined && !interferes(session, operation)
      if (before === undefined && cleared) shownBy.set(number, operation)
    }
  }
  for (const session of sessions.values()) {
    for (const { kind, certain, operation, key = '' } of session.effects) {
      if (kind !== 'flash' || !certain) continue
      const others = session.operations.filter((one) => one !== operation && one.endedAt >= operation.sentAt)
      const next = others.reduce<Operation | undefined>(
        (a, b) => (a === undefined || b.sentAt < a.sentAt ? b : a),
        undefined,
      )
      if (next?.seen === undefined || !isKnown(next) || next.sentAt <= operation.endedAt + tick) continue
      if (others.some((one) => one !== next && one.sentAt <= (next.actedAt ?? 0) + tick)) continue
      if (next.seen.flash[key] !== operation.number) report('flash lost', `set by ${operation.number}`, next)
    }
  }
}

/** P2: errors have a cause, and no cookie. */
function checkErrors({ operations, faults }: History, report: Report): void {
  for (const operation of operations) {
    if (operation.outcome !== 'failed') continue
    if (operation.issued) report('P2 cookie', 'an error response has a session cookie', operation)
    const { sentAt, endedAt, act } = operation
    const hasCause = faults.some(({ from, to }) => from <= endedAt && to + 3000 >= sentAt)
    // A channel refuses once its session is over.
    if (!hasCause && !act.startsWith('channel')) {
      report('P2 error', `${operation.status ?? 0} ${String(operation.result)}`, operation)
    }
  }
}
