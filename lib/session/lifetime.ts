import { sameHash } from '../id/session-id'
import type { RecordChange, SessionRecord } from './record'

/** The time rules of a session, in seconds; see `SessionOptions`. */
export interface Timeouts {
  readonly idle?: number | undefined
  readonly renewal?: number | undefined
  readonly oldSessionAvailabilityAfterRenewal?: number | undefined
}

/** What of a record says when it ends. */
type Instants = Pick<SessionRecord, 'createdAt' | 'accessedAt' | 'idleUntil' | 'expiresAt'>

/** An idle session's record is kept a little past its end, so that a read can report "expired" and not "unknown". */
export const longestRetention = 60

/** An access is recorded when the last recorded one is this part of the idle timeout old: at most one command each
 * twentieth, and a session ends at most a twentieth early. */
const accessGrain = 1 / 20

/** Without an idle timeout nothing depends on it but "last active" on a user's page: so, in seconds, and for a user only. */
const userAccessInterval = 300

/** By how many seconds the clock of the process that wrote a record may be ahead of this one's. A record from further in
 * the future was not written by a clock that can be trusted: it would live too long. */
const longestLead = 300

/** Not ended by time. The limit itself is too late: a session of 10 seconds has ended when 10 seconds have passed. The
 * idle rule of today's configuration counts as well as the deadline in the record, so a tightened rule holds at once. With
 * a configuration, a record from the future is none. */
export function isLive(record: Instants, now: number, timeouts?: Timeouts): boolean {
  if (now >= record.expiresAt) return false
  if (record.idleUntil !== undefined && now >= record.idleUntil) return false
  if (timeouts === undefined) return true
  if (record.createdAt > now + longestLead || record.accessedAt > now + longestLead) return false
  return timeouts.idle === undefined || now < record.accessedAt + timeouts.idle
}

/** When a session that is not used again ends by time; with a configuration, by its idle rule as well. */
export function deadlineOf({ accessedAt, idleUntil = Infinity, expiresAt }: Instants, timeouts?: Timeouts): number {
  return Math.min(expiresAt, idleUntil, accessedAt + (timeouts?.idle ?? Infinity))
}

/** The record as a process with this clock sees it: no access lies ahead of now. */
export function clampAccess(record: SessionRecord, now: number): SessionRecord {
  return record.accessedAt > now ? { ...record, accessedAt: now } : record
}

/** When a store drops the record: at its absolute deadline, or soon after its idle one. */
export function retainUntil(record: Instants): number {
  if (record.idleUntil === undefined) return record.expiresAt
  const grace = Math.min(longestRetention, Math.max(0, record.idleUntil - record.accessedAt))
  return Math.min(record.expiresAt, record.idleUntil + grace)
}

/**
 * How an id opens a record. `current`: as the record's id. `renewed`: so too, but a renewal has issued another one that no
 * client has sent yet. `pending`: as that other one, for the first time. `previous`: as one before the current id, in its
 * overlap.
 */
export type IdStanding = 'current' | 'renewed' | 'pending' | 'previous'

/** Whether the id with this hash opens the record, and as what. */
export function matchId(record: SessionRecord, hash: string, now: number): IdStanding | undefined {
  if (sameHash(record.hash, hash)) return isUnconfirmed(record) ? 'renewed' : 'current'
  if (record.pending?.some((one) => sameHash(one, hash)) === true) return 'pending'
  const { previous, previousUntil } = record
  if (previous === undefined || previousUntil === undefined || now >= previousUntil) return undefined
  return previous.some((one) => sameHash(one, hash)) ? 'previous' : undefined
}

/** Whether a renewal has issued an id, and no client has sent it yet. */
function isUnconfirmed({ pending, previous }: SessionRecord): boolean {
  return pending !== undefined && previous === undefined
}

/** For how long a recorded access is good enough. */
export function accessInterval(timeouts: Timeouts): number {
  return timeouts.idle === undefined ? userAccessInterval : timeouts.idle * accessGrain
}

/** Whether an access at `now` is worth a store command.
 *
 * @param part Of the interval that has to have passed: less where a command is sent anyway. */
export function isAccessDue(record: SessionRecord, now: number, timeouts: Timeouts, part = 1): boolean {
  if (timeouts.idle === undefined && record.subject === undefined) return false
  if (timeouts.idle !== undefined && record.idleUntil === undefined) return true
  return now - record.accessedAt >= accessInterval(timeouts) * part
}

/**
 * Whether a new id is to be issued to a client that sends the record's current one: when that is old enough, or when one
 * was issued half an overlap ago and no client has sent it since. The response that carried it was lost, or nearly so. While
 * the id before the current one still works it is not: it would lose part of its overlap.
 */
export function isRenewalDue(record: SessionRecord, now: number, timeouts: Timeouts): boolean {
  const { renewal, oldSessionAvailabilityAfterRenewal: overlap = 0 } = timeouts
  if (renewal === undefined) return false
  const { previousUntil = 0 } = record
  if (isUnconfirmed(record)) return now >= previousUntil - overlap / 2
  return now >= previousUntil && now - record.issuedAt >= renewal
}

/** When the id that a client has just sent for the first time was issued: renewal counts from there. The record knows it of
 * the last one; earlier ones are as old at least. */
export function issueTime({ issuedAt, previousUntil }: SessionRecord, now: number, timeouts: Timeouts): number {
  const { oldSessionAvailabilityAfterRenewal: overlap = 0 } = timeouts
  return Math.max(issuedAt, Math.min(now, (previousUntil ?? now) - overlap))
}

/** The access of a session that is used at `now`. */
export function accessAt(now: number, timeouts: Timeouts): NonNullable<RecordChange['access']> {
  return { accessedAt: now, idleUntil: idleDeadline(now, timeouts) }
}

/** When a session that is used at `now` ends unless it is used again. */
export function idleDeadline(now: number, timeouts: Timeouts): number | undefined {
  return timeouts.idle === undefined ? undefined : now + timeouts.idle
}
