import { SessionError } from '../base/errors'
import { type Cookie, cookieFromRecord, slide } from './cookie'
import type { StoredSession } from './records'

/** A record as express-session's stores give it: `{ cookie, ...values }`. */
export type Data = Record<string, unknown> & { cookie: object }

/** Anything else is no session. */
export function isData(value: unknown): value is Data {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { cookie } = value as { cookie?: unknown }
  return typeof cookie === 'object' && cookie !== null
}

/** What a record holds; undefined for one that is no session. */
export function sessionIn(data: Data | undefined): StoredSession | undefined {
  const cookie = cookieFromRecord(data?.cookie)
  return data === undefined || cookie === undefined ? undefined : { cookie, values: data }
}

/** Also for a key named `__proto__`. */
export function put(data: Data, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(data, key, { value, enumerable: true, writable: true, configurable: true })
  } else data[key] = value
}

/**
 * A copy of what is stored now, with its lifetime started again; undefined for a record that is no session. A copy, since
 * some stores give the object that they keep.
 *
 * @param cookie In place of the stored one, with its instant as it is.
 */
export function refreshed(data: Data, cookie: Cookie | undefined): (Data & { cookie: Cookie }) | undefined {
  const kept = cookie ?? cookieFromRecord(data.cookie)
  if (kept === undefined) return undefined
  if (cookie === undefined) slide(kept)
  const copy = { cookie: kept } as Data & { cookie: Cookie }
  for (const key of Object.keys(data)) if (key !== 'cookie') put(copy, key, data[key])
  return copy
}

export function takenId(): SessionError {
  return new SessionError(
    'INVALID_ARGUMENT',
    'genid gave an id that a session has already; it must give a new one each time',
  )
}
