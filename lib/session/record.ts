import type { UserSessionOperationContext } from './session-shape'

/**
 * What a store keeps of a session beside its values. All instants are Unix seconds (with a fraction, to the
 * millisecond). There is no id in it, only hashes of ids: nobody who reads a record can open the session.
 */
export interface SessionRecord {
  /** SHA-256, base64url, of the id that opens the session. */
  readonly hash: string
  /** Hash of the id before the last renewal; it opens the session too, while `now < previousUntil`. */
  readonly previousHash?: string | undefined
  readonly previousUntil?: number | undefined
  /** Counts the times that an id was replaced without overlap (login, regenerate). A save carries the epoch that it was
   * opened with and is refused when it is no longer the record's: a request that began on a dead id writes nothing. */
  readonly epoch: number
  /** Whose session it is; absent while nobody is logged in. */
  readonly subject?: string | undefined
  /** From where the subject logged in; absent while nobody is. */
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

/** A record with its fields: opaque text by name. Stores never look inside (a Redis hash: one field each). */
export interface StoredSession {
  readonly record: SessionRecord
  readonly fields: ReadonlyMap<string, string>
}

/** Which fields a save sets and which it removes; all other fields stay what they are. */
export interface FieldChanges {
  readonly set: ReadonlyMap<string, string>
  readonly remove: readonly string[]
}

/** A request to change one record, applied by the store as one atomic step, whole or not at all. */
export interface RecordChange {
  /** Refuse unless the record still has this epoch. */
  readonly epoch?: number
  readonly fields?: FieldChanges
  /** Record an access. An instant that is earlier than the record's changes nothing. */
  readonly access?: { readonly accessedAt: number; readonly idleUntil?: number | undefined }
  /** Issue a new id with overlap: only while `from` is still the record's hash; otherwise only the rest is applied. Never
   * together with `replace`. */
  readonly renew?: {
    readonly from: string
    readonly to: string
    readonly issuedAt: number
    readonly previousUntil: number
  }
  /** Issue a new id without overlap: epoch + 1, no previous hash. */
  readonly replace?: { readonly hash: string; readonly issuedAt: number }
  /** Bind the session to a subject, or to none, and restart its lifetime. Comes with `replace`. */
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
  const renew = change.renew?.from === record.hash ? change.renew : undefined
  const idleUntil =
    access?.idleUntil === undefined ? record.idleUntil : Math.max(record.idleUntil ?? 0, access.idleUntil)
  // Written out, because `{ ...record }` costs V8 1 µs here, and another hidden class for every reader.
  return {
    hash: replace?.hash ?? renew?.to ?? record.hash,
    previousHash: replace === undefined ? (renew?.from ?? record.previousHash) : undefined,
    previousUntil: replace === undefined ? (renew?.previousUntil ?? record.previousUntil) : undefined,
    epoch: replace === undefined ? record.epoch : record.epoch + 1,
    subject: bind === undefined ? record.subject : bind.subject,
    context: bind === undefined ? record.context : bind.context,
    createdAt: bind?.createdAt ?? record.createdAt,
    issuedAt: replace?.issuedAt ?? renew?.issuedAt ?? record.issuedAt,
    accessedAt: bind?.createdAt ?? Math.max(record.accessedAt, access?.accessedAt ?? 0),
    idleUntil: bind === undefined ? idleUntil : bind.idleUntil,
    expiresAt: bind?.expiresAt ?? record.expiresAt,
  }
}

/** Whether stores notify channels of a change: of other values, another id or another subject. A recorded access is the
 * one change that no channel depends on. */
export function isNews({ fields, renew, replace, bind }: RecordChange): boolean {
  const otherId = renew !== undefined || replace !== undefined
  return otherId || bind !== undefined || (fields !== undefined && fields.set.size + fields.remove.length > 0)
}
