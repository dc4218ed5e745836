import { type FieldChanges, hasChanges } from './fields'
import type { UserSessionOperationContext } from './session-shape'

/**
 * What a store keeps of a session beside its values. All instants are Unix seconds (with a fraction, to the
 * millisecond). There is no id in it, only hashes of ids: a reader of the record cannot open the session.
 */
export interface SessionRecord {
  /** SHA-256, base64url, of the id that opens the session: the last one that a client has sent. */
  readonly hash: string
  /** Hashes of the ids before it, since the last renewal; they open the session too, while `now < previousUntil`. Never
   * empty. */
  readonly previous?: readonly string[] | undefined
  /** When the overlap of the last renewal ends: for `previous`, or for `hash` once a client sends one of `pending`. */
  readonly previousUntil?: number | undefined
  /** Hashes of ids that a renewal has issued and no client has sent yet, in the order of issue. Each opens the session,
   * for as long as none issued later was sent. Never empty, and at most {@link mostPending}. */
  readonly pending?: readonly string[] | undefined
  /** Counts the times that an id was replaced without overlap (login, regenerate). A save carries the epoch that it was
   * opened with and is refused when it is no longer the record's: a request that began on an invalid id writes nothing. */
  readonly epoch: number
  /** Whose session it is; absent without a login. */
  readonly subject?: string | undefined
  /** From where the subject logged in; absent without a login. */
  readonly context?: UserSessionOperationContext | undefined
  /** Start of the absolute lifetime; a login restarts it. */
  readonly createdAt: number
  /** When the current id was issued; renewal counts from here. */
  readonly issuedAt: number
  /** The last recorded request; moves forward only. */
  readonly accessedAt: number
  /** When the session ends unless another request comes; absent without an idle timeout; moves forward only. */
  readonly idleUntil?: number | undefined
  /** The absolute deadline. Nothing but a login moves it. */
  readonly expiresAt: number
}

/** The record of a session that begins now, with an id that was never renewed. Always with the same properties in the same
 * order, so that V8 gives all records one hidden class. */
export function startRecord(
  now: number,
  {
    hash,
    epoch,
    subject,
    context,
    idleUntil,
    expiresAt,
  }: Pick<SessionRecord, 'hash' | 'epoch' | 'subject' | 'context' | 'idleUntil' | 'expiresAt'>,
): SessionRecord {
  return {
    hash,
    previous: undefined,
    previousUntil: undefined,
    pending: undefined,
    epoch,
    subject,
    context,
    createdAt: now,
    issuedAt: now,
    accessedAt: now,
    idleUntil,
    expiresAt,
  }
}

/** A record with its fields: opaque text by name. Stores never read the text (a Redis hash: one field each). */
export interface StoredSession {
  readonly record: SessionRecord
  readonly fields: ReadonlyMap<string, string>
}

export type { FieldChanges }

/** A request to change one record, applied by the store as one atomic step, whole or not at all. */
export interface RecordChange {
  /** Refuse unless the record still has this epoch. */
  readonly epoch?: number
  readonly fields?: FieldChanges
  /** Record an access. An instant that is earlier than the record's changes nothing. */
  readonly access?: { readonly accessedAt: number; readonly idleUntil?: number | undefined }
  /** A client has sent this id, which is pending: it is the current one now, and the overlap of those before it ends at
   * `previousUntil`. Nothing where it is not pending (any more). Never an id that the same change issues: a client has sent
   * it, so an earlier response has brought it. */
  readonly confirm?: { readonly hash: string; readonly issuedAt: number }
  /** Issue a new id with overlap: only while `from` is still the record's hash and `after` its last pending one; otherwise
   * only the rest is applied. Where `previousUntil` is not after `issuedAt` there is no overlap, and the new id is the
   * current one at once. Never together with `replace`. */
  readonly renew?: {
    readonly from: string
    readonly after?: string | undefined
    readonly to: string
    readonly issuedAt: number
    readonly previousUntil: number
  }
  /** Issue a new id without overlap: epoch + 1, no previous hash. */
  readonly replace?: { readonly hash: string; readonly issuedAt: number }
  /** Bind the session to a subject, or to none, and restart its lifetime. Comes with
   * `replace`, but where the app keeps the id: an app that was written for express-session may. */
  readonly bind?: {
    readonly subject?: string | undefined
    readonly context?: UserSessionOperationContext | undefined
    readonly createdAt: number
    readonly idleUntil?: number | undefined
    readonly expiresAt: number
  }
}

/** `gone`: there is no such live session, or not with that epoch; nothing was written. `renewed`: stored, and the new id
 * of `renew` is the session's. */
export type ChangeResult = 'gone' | 'stored' | 'renewed'

/** What a record becomes: the one definition of a change that every store must agree with (a Redis script repeats it).
 * Undefined when the change is refused. Liveness is the caller's to check. */
export function changeRecord(record: SessionRecord, change: RecordChange): SessionRecord | undefined {
  if (change.epoch !== undefined && change.epoch !== record.epoch) return undefined
  const { access, replace, bind } = change
  const ids = replace === undefined ? changeIds(record, change) : soleId(replace.hash, replace.issuedAt)
  const idleUntil =
    access?.idleUntil === undefined ? record.idleUntil : Math.max(record.idleUntil ?? 0, access.idleUntil)
  // Written out, because `{ ...record }` costs V8 1 µs here, and another hidden class for every reader.
  return {
    hash: ids.hash,
    previous: ids.previous,
    previousUntil: ids.previousUntil,
    pending: ids.pending,
    epoch: replace === undefined ? record.epoch : record.epoch + 1,
    subject: bind === undefined ? record.subject : bind.subject,
    context: bind === undefined ? record.context : bind.context,
    createdAt: bind?.createdAt ?? record.createdAt,
    issuedAt: ids.issuedAt,
    accessedAt: bind?.createdAt ?? Math.max(record.accessedAt, access?.accessedAt ?? 0),
    idleUntil: bind === undefined ? idleUntil : bind.idleUntil,
    expiresAt: bind?.expiresAt ?? record.expiresAt,
  }
}

type Ids = Pick<SessionRecord, 'hash' | 'previous' | 'previousUntil' | 'pending' | 'issuedAt'>

/** How many ids may be pending. More than one is issued only while responses get lost; the oldest is then given up. */
export const mostPending = 4

function changeIds(record: SessionRecord, change: RecordChange): Ids {
  const { renew } = change
  const confirmed = confirmedIds(record, change)
  if (renew === undefined || !isRenewed(record, change)) return confirmed
  const { to, issuedAt, previousUntil } = renew
  if (previousUntil <= issuedAt) return soleId(to, issuedAt)
  const pending = [...(confirmed.pending ?? []), to].slice(-mostPending)
  return { hash: confirmed.hash, issuedAt: confirmed.issuedAt, previous: undefined, previousUntil, pending }
}

/** The id after one without overlap: no other opens the record. */
function soleId(hash: string, issuedAt: number): Ids {
  return { hash, issuedAt, previous: undefined, previousUntil: undefined, pending: undefined }
}

function confirmedIds(record: SessionRecord, { confirm }: RecordChange): Ids {
  if (confirm === undefined) return record
  const { hash, issuedAt } = confirm
  const { pending = [], previous = [], previousUntil } = record
  const place = pending.indexOf(hash)
  if (place === -1) return record
  const later = pending.slice(place + 1)
  return {
    hash,
    issuedAt,
    previous: [...previous, record.hash, ...pending.slice(0, place)],
    previousUntil,
    pending: later.length === 0 ? undefined : later,
  }
}

/** Whether the renewal of the change is carried out on the record. */
export function isRenewed(record: SessionRecord, change: RecordChange): boolean {
  if (change.renew === undefined) return false
  const { hash, pending } = confirmedIds(record, change)
  return change.renew.from === hash && change.renew.after === pending?.at(-1)
}

/** Whether a store notifies its subscribers of a change: of other values, another id or another subject. A recorded access is
 * the one change that no channel depends on. */
export function isNotifiable({ fields, confirm, renew, replace, bind }: RecordChange): boolean {
  const otherId = confirm !== undefined || renew !== undefined || replace !== undefined
  return otherId || bind !== undefined || (fields !== undefined && hasChanges(fields))
}
