import { hashId, mintId } from '../../lib/id/session-id'
import type { RecordChange, SessionRecord, StoredSession } from '../../lib/session/record'
import type { SessionStore } from '../../lib/session/store'

/**
 * Where the time of a test starts: an hour ahead. A store that drops records by a clock of its own then drops none while
 * the test turns its time, and only what the test says decides.
 */
export const start = Math.round(Date.now()) / 1000 + 3600

/** So many seconds from the start; to the millisecond, as records have it. */
export function at(seconds: number): number {
  return Math.round((start + seconds) * 1000) / 1000
}

export function newHandle(): string {
  return mintId(24).slice(0, 16)
}

export function newHash(): string {
  return hashId(mintId(24))
}

/** A record of a day, made now. */
export function recordWith(parts: Partial<SessionRecord> = {}): SessionRecord {
  const times = { createdAt: at(0), issuedAt: at(0), accessedAt: at(0), expiresAt: at(86_400) }
  return { hash: newHash(), epoch: 0, ...times, ...parts }
}

export function sessionWith(parts: Partial<SessionRecord> = {}, fields: Record<string, string> = {}): StoredSession {
  return { record: recordWith(parts), fields: new Map(Object.entries(fields)) }
}

export function setting(fields: Record<string, string>, remove: string[] = []): RecordChange {
  return { fields: { set: new Map(Object.entries(fields)), remove } }
}

/** Keeps sessions in the store of a test, and reads what became of their fields. */
export function keptIn(store: () => SessionStore): {
  kept(session: StoredSession): Promise<string>
  fieldsOf(handle: string): Promise<Record<string, string>>
} {
  return {
    async kept(session) {
      const handle = newHandle()
      await store().insert(handle, session, at(0))
      return handle
    },
    async fieldsOf(handle) {
      return Object.fromEntries((await store().load(handle, at(1)))?.fields ?? [])
    },
  }
}
