import type { Cookie } from './cookie'
import { cookieFromRecord } from './cookie'
import type { Data } from './record-data'
import type { ChangedValue, NewSession, Records } from './records'
import { valuesOf } from './value-texts'

/** A record of express-session as it was read, to be compared with what is there later. */
export interface Snapshot {
  readonly text: string
  readonly cookie: Cookie
  readonly values: ReadonlyMap<string, ChangedValue>
}

/** What became of a record that was to be removed: it was, there was none, or another one is there. */
export type Removal = 'removed' | 'absent' | Snapshot

/**
 * Where sessions come from while they move to records of our own, or go to on the way back. Each of the two writes has an
 * effect only where the record is what the caller has read. With `RedisStore({ layout: 'express-session' })` each is one
 * atomic step; with a store written for express-session it is `get`, then `destroy` or `set`: one step within the process,
 * one round trip of gap between processes.
 */
export interface OldPlace extends Records {
  snapshot(id: string): Promise<Snapshot | undefined>

  removeUnchanged(id: string, before: Snapshot): Promise<Removal>

  /** Keeps the session where the record still is the one before (undefined: where there is none). False: it is another. */
  putUnchanged(id: string, session: NewSession, before: Snapshot | undefined): Promise<boolean>
}

/** Undefined for what is no session. */
export function snapshotOf(data: Data | undefined, text = JSON.stringify(data)): Snapshot | undefined {
  const cookie = cookieFromRecord(data?.cookie)
  if (data === undefined || cookie === undefined) return undefined
  return { text, cookie, values: valuesOf(data) }
}
