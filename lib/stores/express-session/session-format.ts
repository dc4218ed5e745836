import { retainUntil } from '../../session/lifetime'
import type { SessionRecord, StoredSession } from '../../session/record'

/** Raised when a reader of the format before could misread the new one. */
const formatVersion = 1

/**
 * What holdfast keeps in a store written for express-session, under the session's handle as the store's `sid`:
 *
 *     {
 *       "cookie": { "originalMaxAge": 86400000, "maxAge": 86400000, "expires": "2030-01-02T00:00:00.000Z" },
 *       "holdfast": {
 *         "version": 1,
 *         "record": { "hash": "…", "epoch": 0, "createdAt": 1893456000, … },
 *         "fields": { "name": "text", … }
 *       }
 *     }
 *
 * - `cookie` is there for the store alone: where such stores look for the time at which to drop a session. Some read
 *   `expires` (connect-redis, connect-pg-simple, express-session's MemoryStore), some `maxAge` (memorystore), some
 *   `originalMaxAge`, counted from the last `set` (session-file-store). All three say the same: drop it at
 *   `retainUntil(record)`. Durations here are milliseconds, as those stores expect. No cookie attribute is kept.
 * - `holdfast.record` is a `SessionRecord` (session/record.ts): instants in Unix seconds, and hashes of ids, never an id.
 *   What is absent has no key.
 * - `holdfast.fields` has one text for each field.
 */
export interface ExpressSessionData {
  cookie: {
    originalMaxAge: number
    maxAge: number
    expires: Date
  }
  holdfast: {
    version: typeof formatVersion
    record: SessionRecord
    fields: Record<string, string>
  }
}

/**
 * The session as it is given to the store. Shares nothing with the caller, and is extensible: session-file-store writes a
 * property of its own into it.
 *
 * @param skew Seconds to be added to the deadline, for a session whose clock is behind the machine's: the store goes by the
 * machine's, and must not drop what has not ended yet.
 */
export function encodeSession({ record, fields }: StoredSession, skew: number): ExpressSessionData {
  const expires = Math.ceil((retainUntil(record) + skew) * 1000)
  // Never 0: memorystore takes it for "never expires", session-file-store for "as long as others do".
  const maxAge = Math.max(1, expires - Date.now())
  return {
    cookie: { originalMaxAge: maxAge, maxAge, expires: new Date(expires) },
    holdfast: { version: formatVersion, record: copyJson(record), fields: Object.fromEntries(fields) },
  }
}

/** What {@link encodeSession} made, or undefined for anything else: nothing there, a session of express-session, another
 * version, a record with a part missing or of a wrong type. Never throws, and shares nothing with what the store gave. */
export function decodeSession(data: unknown): StoredSession | undefined {
  const kept = isObject(data) ? data['holdfast'] : undefined
  if (!isObject(kept) || kept['version'] !== formatVersion || !isObject(kept['fields'])) return undefined
  const record = decodeRecord(kept['record'])
  if (record === undefined) return undefined
  const fields = new Map<string, string>()
  for (const [name, text] of Object.entries(kept['fields'])) {
    if (typeof text !== 'string') return undefined
    fields.set(name, text)
  }
  return { record, fields }
}

/** Whether the data is holdfast's, of whatever version and in whatever state: then deleting it deletes no data of another
 * program. */
export function isHoldfastData(data: unknown): boolean {
  return isObject(data) && data['holdfast'] !== undefined
}

type Kind = 'string' | 'number' | 'object' | 'strings'

/** Typed by key, so that a new part of a record cannot be forgotten here. */
const kinds: { readonly [K in keyof Required<SessionRecord>]: readonly [kind: Kind, required: boolean] } = {
  hash: ['string', true],
  previous: ['strings', false],
  previousUntil: ['number', false],
  pending: ['strings', false],
  epoch: ['number', true],
  subject: ['string', false],
  context: ['object', false],
  createdAt: ['number', true],
  issuedAt: ['number', true],
  accessedAt: ['number', true],
  idleUntil: ['number', false],
  expiresAt: ['number', true],
}
const required = Object.entries(kinds).flatMap(([name, [, isRequired]]) => (isRequired ? [name] : []))

function decodeRecord(kept: unknown): SessionRecord | undefined {
  if (!isObject(kept)) return undefined
  const parts: Record<string, unknown> = {}
  for (const [name, [kind]] of Object.entries(kinds)) {
    const part = kept[name]
    // Some stores keep null for what was absent.
    if (part === undefined || part === null) continue
    if (!isOfKind(part, kind)) return undefined
    parts[name] = typeof part === 'object' ? copyJson(part) : part
  }
  return isWhole(parts) ? parts : undefined
}

/** @param parts Each of its kind. */
function isWhole(parts: Record<string, unknown>): parts is Record<string, unknown> & SessionRecord {
  return required.every((name) => name in parts)
}

function isOfKind(part: unknown, kind: Kind): boolean {
  if (kind === 'object') return isObject(part)
  if (kind === 'strings') return Array.isArray(part) && part.every((one) => typeof one === 'string')
  return kind === 'number' ? Number.isFinite(part) : typeof part === 'string'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** By way of JSON, as most of these stores keep it: so a store that keeps objects as they are gives back the same. */
function copyJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
