import { sameHash } from '../id/session-id'
import type { SessionRecord } from './record'

/** The time rules of a session, in seconds; see `SessionOptions`. */
export interface Timeouts {
  readonly idle?: number | undefined
  readonly renewal?: number | undefined
  readonly oldSessionAvailabilityAfterRenewal?: number | undefined
}

/** What of a record says when it ends. */
type Instants = Pick<SessionRecord, 'accessedAt' | 'idleUntil' | 'expiresAt'>

/** An idle session's record is kept a little past its end, so that its owner can be told "expired" and not "unknown". */
export const longestRetention = 60

/** An access is recorded when the last recorded one is this part of the idle timeout old: at most one command each
 * twentieth, and a session ends at most a twentieth early. */
const accessGrain = 1 / 20

/** Without an idle timeout nothing depends on it but "last active" on a user's page: so, in seconds, and for a user only. */
const userAccessInterval = 300

/** Not ended by time. The limit itself is too late: a session of 10 seconds has ended when 10 seconds have passed. The
 * idle rule of today's configuration counts as well as the deadline in the record, so a tightened rule holds at once. */
export function isLive(record: Instants, now: number, timeouts?: Timeouts): boolean {
  if (now >= record.expiresAt) return false
  if (record.idleUntil !== undefined && now >= record.idleUntil) return false
  return timeouts?.idle === undefined || now < record.accessedAt + timeouts.idle
}

/** When a store drops the record: at its absolute deadline, or soon after its idle one. */
export function retainUntil(record: Instants): number {
  if (record.idleUntil === undefined) return record.expiresAt
  const grace = Math.min(longestRetention, Math.max(0, record.idleUntil - record.accessedAt))
  return Math.min(record.expiresAt, record.idleUntil + grace)
}

/** Whether the id with this hash opens the record, and as what: `previous` is the id before a renewal, in its overlap. */
export function matchId(record: SessionRecord, hash: string, now: number): 'current' | 'previous' | undefined {
  if (sameHash(record.hash, hash)) return 'current'
  const { previousHash, previousUntil } = record
  if (previousHash === undefined || previousUntil === undefined || now >= previousUntil) return undefined
  return sameHash(previousHash, hash) ? 'previous' : undefined
}

/** For how long a recorded access is good enough. */
export function accessInterval(timeouts: Timeouts): number {
  return timeouts.idle === undefined ? userAccessInterval : timeouts.idle * accessGrain
}

/** Whether an access at `now` is worth a store command. */
export function isAccessDue(record: SessionRecord, now: number, timeouts: Timeouts): boolean {
  if (timeouts.idle === undefined && record.subject === undefined) return false
  if (timeouts.idle !== undefined && record.idleUntil === undefined) return true
  return now - record.accessedAt >= accessInterval(timeouts)
}

/** Whether the current id is old enough to be renewed. While the one before it still works it is not: a record remembers
 * one, and the first would lose part of its overlap. */
export function isRenewalDue(record: SessionRecord, now: number, timeouts: Timeouts): boolean {
  if (timeouts.renewal === undefined || now - record.issuedAt < timeouts.renewal) return false
  return record.previousUntil === undefined || now >= record.previousUntil
}

/** When a session that is used at `now` ends unless it is used again. */
export function idleDeadline(now: number, timeouts: Timeouts): number | undefined {
  return timeouts.idle === undefined ? undefined : now + timeouts.idle
}
