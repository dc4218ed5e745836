import type { SessionRecord, StoredSession } from '../../session/record'
import { bytesOfText, type KeptFields, mapOf } from './kept-fields'

/** Bytes that a session takes beside its texts, tables and what is not filled of its block included: an upper bound. */
const overhead = 400

/** A session as it is while it is not packed. Never changed, only replaced. */
export interface KeptSession {
  /** Its place in the table; 0 before it has one. */
  row: number
  readonly handle: string
  /** Without the context. */
  readonly record: SessionRecord
  /** JSON. */
  readonly context: string | undefined
  readonly fields: KeptFields
  /** An estimate of what it takes. */
  readonly bytes: number
}

export function keptSession(handle: string, { record, fields }: StoredSession): KeptSession {
  const context = contextText(record)
  let bytes = overhead + bytesOfText(context)
  for (const [name, text] of fields) bytes += bytesOfText(name) + bytesOfText(text)
  const [names, texts] = [[...fields.keys()], [...fields.values()]]
  return { row: 0, handle, record: withContext(record, undefined), context, fields: { names, texts }, bytes }
}

/** Copies, so that what the caller does to them changes nothing here. */
export function storedSession({ record, context, fields }: KeptSession): StoredSession {
  return { record: listedRecord({ record, context }), fields: mapOf(fields) }
}

export function listedRecord({ record, context }: Pick<KeptSession, 'record' | 'context'>): SessionRecord {
  return context === undefined ? record : withContext(record, JSON.parse(context) as SessionRecord['context'])
}

/** With a record of its own. Fields are never changed, only replaced. */
export function copySession(kept: KeptSession): KeptSession {
  const { row, handle, record, context, fields, bytes } = kept
  return { row, handle, record: withContext(record, undefined), context, fields, bytes }
}

/** JSON of the context of a record or a change, if it has one. */
export function contextText({ context }: Pick<SessionRecord, 'context'>): string | undefined {
  return context === undefined ? undefined : JSON.stringify(context)
}

/** A copy, written out, so that all records have one hidden class. */
function withContext(record: SessionRecord, context: SessionRecord['context']): SessionRecord {
  return {
    hash: record.hash,
    previous: record.previous?.slice(),
    previousUntil: record.previousUntil,
    pending: record.pending?.slice(),
    epoch: record.epoch,
    subject: record.subject,
    context,
    createdAt: record.createdAt,
    issuedAt: record.issuedAt,
    accessedAt: record.accessedAt,
    idleUntil: record.idleUntil,
    expiresAt: record.expiresAt,
  }
}
