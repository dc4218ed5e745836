import { andThen, type Awaitable, isPromise } from '../base/awaitable'
import { systemClock } from '../base/clock'
import { digestOf, handleLength } from '../id/session-id'
import { isSessionStore } from '../service/resolve-options'
import { isLive, matchId } from '../session/lifetime'
import { parseValue } from '../session/json-value'
import { keyOfField, valueField } from '../session/fields'
import {
  type ChangeResult,
  type RecordChange,
  type SessionRecord,
  startRecord,
  type StoredSession as KeptSession,
} from '../session/record'
import type { SessionStore } from '../session/store'
import { adaptExpressSessionStore, type ExpressSessionStore } from '../stores/express-session/express-session-store'
import { GuardedStore } from '../stores/guarded-store'
import { type Cookie, cookieFromRecord, textOfCookie } from './cookie'
import { takenId } from './record-data'
import {
  accessIntervalOf,
  type NewSession,
  type Owner,
  type Records,
  secondsOfADay,
  type SessionUpdate,
  type StoredSession,
} from './records'
import type { ResolvedOptions } from './resolve-options'
import { Unparsed } from './value-texts'

/** The field that holds the cookie's attributes and the lifetime that it slides by, but no instant. */
const cookieField = 'c:cookie'
/** Without `sessionTtl` a session that is used goes on; its record needs an absolute deadline all the same. */
const noAbsoluteEnd = 3650 * secondsOfADay
/** No id is ever replaced within a record here. A change carries this epoch, so that it writes nothing into a record which
 * has become another's, or none. */
export const firstEpoch = 0
const hashLength = 43

/**
 * Records of our own: a field for each value, under a handle that is derived from the id, with a hash of the id in it.
 * Nothing in the store opens a session.
 *
 * The handle is a hash of the whole id, never a part of it: ids of `genid` may have any form, and begin alike.
 * `idleUntil` is the end that slides; `expiresAt` the absolute one of the option `sessionTtl`.
 */
export class HashedRecords implements Records {
  protected readonly store: GuardedStore
  readonly #options: ResolvedOptions

  constructor(store: SessionStore | ExpressSessionStore, options: ResolvedOptions) {
    const { storeTimeout } = options
    this.#options = options
    this.store = new GuardedStore(
      isSessionStore(store) ? store : adaptExpressSessionStore(store, { storeTimeout }),
      storeTimeout,
    )
  }

  load(id: string): Awaitable<StoredSession | undefined> {
    const now = systemClock()
    const { handle, hash } = deriveKeys(id)
    const kept = this.store.load(handle, now)
    return isPromise(kept) ? openWhenLoaded(kept, hash, now) : openKept(kept, hash, now)
  }

  create(id: string, session: NewSession, isGiven: boolean): Awaitable<void> {
    return andThen(isGiven ? this.load(id) : undefined, (other) => {
      if (other !== undefined) throw takenId()
      const now = systemClock()
      return this.store.insert(deriveKeys(id).handle, this.keptOf(id, session, now), now)
    })
  }

  update(id: string, { set, remove, cookie, cookieChanged, newOwner }: SessionUpdate): Awaitable<boolean> {
    const now = systemClock()
    const fields = new Map<string, string>()
    for (const [key, { text }] of set) fields.set(valueField(key), text)
    if (cookieChanged) fields.set(cookieField, textOfCookie(cookie))
    const idleUntil = this.endOf(cookie, now)
    const change: RecordChange = {
      epoch: firstEpoch,
      fields: { set: fields, remove: remove.map(valueField) },
      access: { accessedAt: now, idleUntil },
      ...(newOwner !== undefined && {
        bind: {
          subject: newOwner.subject,
          context: this.contextOf(newOwner),
          createdAt: now,
          idleUntil,
          expiresAt: this.absoluteEnd(now),
        },
      }),
    }
    return andThen(this.store.change(deriveKeys(id).handle, change, now), isStored)
  }

  recordAccess(id: string, cookie: Cookie): Awaitable<boolean> {
    const now = systemClock()
    const access = { accessedAt: now, idleUntil: this.endOf(cookie, now) }
    return andThen(this.store.change(deriveKeys(id).handle, { epoch: firstEpoch, access }, now), isStored)
  }

  end(id: string): Awaitable<void> {
    return andThen(this.store.delete(deriveKeys(id).handle, systemClock()), () => undefined)
  }

  accessInterval(lifetime: number = this.#options.ttl ?? secondsOfADay): number {
    return accessIntervalOf(lifetime)
  }

  /** What the store is to keep of a session that begins, or arrives, now. */
  protected keptOf(id: string, { cookie, values, owner }: NewSession, now: number): KeptSession {
    const fields = new Map([[cookieField, textOfCookie(cookie)]])
    for (const [key, { text }] of values) fields.set(valueField(key), text)
    const record = startRecord(now, {
      hash: deriveKeys(id).hash,
      epoch: firstEpoch,
      subject: owner.subject,
      context: this.contextOf(owner),
      idleUntil: this.endOf(cookie, now),
      expiresAt: this.absoluteEnd(now),
    })
    return { record, fields }
  }

  /** When the session ends unless it is used again. */
  protected endOf({ originalMaxAge }: Cookie, now: number): number {
    const lifetime = typeof originalMaxAge === 'number' ? originalMaxAge / 1000 : (this.#options.ttl ?? secondsOfADay)
    return now + Math.max(lifetime, 0)
  }

  protected contextOf({ subject, req }: Owner): SessionRecord['context'] {
    if (subject === undefined) return undefined
    return req === undefined ? { ip: '' } : this.#options.context(req)
  }

  protected absoluteEnd(now: number): number {
    return now + (this.#options.sessionTtl ?? noAbsoluteEnd)
  }
}

function isStored(result: ChangeResult): boolean {
  return result !== 'gone'
}

async function openWhenLoaded(
  kept: PromiseLike<KeptSession | undefined>,
  hash: string,
  now: number,
): Promise<StoredSession | undefined> {
  return openKept(await kept, hash, now)
}

function openKept(kept: KeptSession | undefined, hash: string, now: number): StoredSession | undefined {
  if (kept === undefined || !isLive(kept.record, now)) return undefined
  return matchId(kept.record, hash, now) === undefined ? undefined : sessionOf(kept, now)
}

/** Two parts of one SHA-512 of the id, as long as a handle and a hash of other sessions are. */
export function deriveKeys(id: string): { readonly handle: string; readonly hash: string } {
  const digest = digestOf('sha512', id)
  return { handle: digest.slice(0, handleLength), hash: digest.slice(handleLength, handleLength + hashLength) }
}

/** The session in a record; undefined where the record holds none. Whether an id opens it is the caller's to check. */
export function sessionOf({ record, fields }: KeptSession, now: number): StoredSession | undefined {
  const cookie = cookieAt(fields.get(cookieField), record, now)
  if (cookie === undefined) return undefined
  const values: Record<string, unknown> = {}
  for (const [name, text] of fields) {
    const key = keyOfField(name)
    if (key !== undefined && key !== '__proto__') values[key] = new Unparsed(text)
  }
  return { cookie, values, subject: record.subject }
}

/** The cookie, with the end that the last recorded use gives it; undefined where that has passed, or is no cookie's. */
function cookieAt(text: string | undefined, { accessedAt }: SessionRecord, now: number): Cookie | undefined {
  const data = parseValue(text ?? '')
  if (typeof data !== 'object' || data === null) return undefined
  const { originalMaxAge } = data as { originalMaxAge?: unknown }
  // Without an end it reads back as it was set.
  if (typeof originalMaxAge !== 'number') {
    return cookieFromRecord({ ...data, expires: originalMaxAge === false ? false : null })
  }
  const expires = new Date(accessedAt * 1000 + originalMaxAge)
  if (expires.getTime() <= now * 1000) return undefined
  return cookieFromRecord({ ...data, expires })
}
