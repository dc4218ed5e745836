import { types } from 'node:util'
import { andThen, type Awaitable } from '../../base/awaitable'
import { SessionError } from '../../base/errors'
import { describe } from '../../base/option-check'
import type { UserSessionDevice } from '../../session/session-shape'
import type { UserSessionMetaData } from '../../session/user-session-types'
import { CallGuard } from '../../stores/call-guard'

/**
 * Where `UserSessionManager` keeps sessions when an app brings its own place for them: six methods, each of which may
 * reply at once or with a promise. A runnable one in memory and one on SQL stand in `examples/user-session-storage`.
 *
 * Contract:
 * - Sessions are kept by subject and id together. Subjects are any non-empty text; ids are `[A-Za-z0-9_-]`. Both come from
 *   outside: use them as parameters, never as parts of a query or of a path.
 * - The id opens the session, so a reader of a storage that keeps ids can open every session in it: keep
 *   `UserSessionManager.hash(id)` in its place, as both examples do.
 * - `metaData` is plain data with whole Unix seconds in `createdAt`, `accessedAt` and `expiresAt`. `accessedAt` is negative
 *   in a session whose id was renewed: minus the instant at which the old id stops to work. Keep it as it is.
 * - Absence is `null` or `undefined`, never an error. What throws or rejects is a failure of the storage: the call rejects
 *   with `STORE_UNAVAILABLE`; with `STORE_TIMEOUT` when there was no reply in time.
 */
export interface UserSessionStorage<Device = UserSessionDevice, Location = unknown> {
  /** Keeps a new session, and drops it by itself `ttl` seconds from now. */
  insert(subject: string, id: string, metaData: UserSessionMetaData<Device, Location>, ttl: number): Awaitable<unknown>

  /** The session, unless it is unknown, another subject's, deleted or dropped. */
  read(subject: string, id: string): Awaitable<UserSessionMetaData<Device, Location> | null | undefined>

  /** All sessions of the subject, by id, or by `UserSessionManager.hash` of it where only that is kept; an empty map when
   * there are none. Anything else but `null` or `undefined` is refused with `STORE_UNSUPPORTED`. */
  readAll(subject: string): Awaitable<ReadonlyMap<string, UserSessionMetaData<Device, Location>>>

  /**
   * Replaces what is kept of a session by `metaData`; only `accessedAt` differs, and `expiresAt` in a session whose id was
   * renewed. The session must be there: one that was deleted is not to come back.
   *
   * May resolve to false when nothing was changed: because there is no such session, or because the kept `accessedAt` is
   * negative. A storage that decides this in one step (`UPDATE … WHERE accessed_at >= 0`) makes sure that of several
   * processes exactly one renews an id; without, two that come at the same instant may each issue one.
   */
  updateAccessedAt(subject: string, id: string, metaData: UserSessionMetaData<Device, Location>): Awaitable<unknown>

  /** Deletes a session; nothing happens when there is none. Takes what `readAll` calls it as well as its id. */
  delete(subject: string, id: string): Awaitable<unknown>

  /** Deletes all sessions of the subject. May resolve to how many there were; else they are counted with `readAll`. */
  deleteAll(subject: string): Awaitable<unknown>
}

const methods = ['insert', 'read', 'readAll', 'updateAccessedAt', 'delete', 'deleteAll'] as const

/** Whether the value has the six methods. */
export function isUserSessionStorage(value: unknown): value is UserSessionStorage {
  if (typeof value !== 'object' || value === null) return false
  return methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function')
}

/** A storage behind a guard: failures come out as `SessionError`, and what is read is checked before it is believed. */
export class GuardedStorage {
  readonly #storage: UserSessionStorage
  readonly #guard: CallGuard

  /** @param timeout Seconds that a call may take. */
  constructor(storage: UserSessionStorage, timeout: number) {
    this.#storage = storage
    this.#guard = new CallGuard(timeout)
  }

  async insert(subject: string, id: string, metaData: UserSessionMetaData, ttl: number): Promise<void> {
    await this.#guard.run('insert', () => this.#storage.insert(subject, id, copyMetaData(metaData), ttl))
  }

  async read(subject: string, id: string): Promise<UserSessionMetaData | undefined> {
    return this.#guard.run('read', () => andThen(this.#storage.read(subject, id), checkMetaData))
  }

  async readAll(subject: string): Promise<Map<string, UserSessionMetaData>> {
    return this.#guard.run('readAll', () => andThen(this.#storage.readAll(subject), checkListing))
  }

  /** False when the storage says that it changed nothing. */
  async updateAccessedAt(subject: string, id: string, metaData: UserSessionMetaData): Promise<boolean> {
    const update = (): unknown => this.#storage.updateAccessedAt(subject, id, copyMetaData(metaData))
    return (await this.#guard.run('updateAccessedAt', update)) !== false
  }

  async delete(subject: string, id: string): Promise<void> {
    await this.#guard.run('delete', () => this.#storage.delete(subject, id))
  }

  /** How many there were, where the storage says so. */
  async deleteAll(subject: string): Promise<number | undefined> {
    const count = await this.#guard.run('deleteAll', () => this.#storage.deleteAll(subject))
    return typeof count === 'number' && Number.isFinite(count) ? count : undefined
  }
}

/** A storage in memory may keep what it is given, and hand out what it keeps: nothing is shared with it. */
function copyMetaData(metaData: UserSessionMetaData): UserSessionMetaData {
  return structuredClone(metaData)
}

function checkListing(found: unknown): Map<string, UserSessionMetaData> {
  const sessions = new Map<string, UserSessionMetaData>()
  if (found === undefined || found === null) return sessions
  // An empty list would look as if there were nothing to sign out.
  if (!types.isMap(found)) {
    throw new SessionError(
      'STORE_UNSUPPORTED',
      `readAll of the storage gave ${describe(found)}; give a Map of metaData by session id, empty where there are none`,
    )
  }
  for (const [id, data] of found) {
    const metaData = checkMetaData(data)
    if (typeof id === 'string' && metaData !== undefined) sessions.set(id, metaData)
  }
  return sessions
}

/** What was read, as the package knows it; undefined where it is no session. */
function checkMetaData(data: unknown): UserSessionMetaData | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { ip, device, location, createdAt, accessedAt, expiresAt } = data as Record<string, unknown>
  const instants = { createdAt: toNumber(createdAt), accessedAt: toNumber(accessedAt), expiresAt: toNumber(expiresAt) }
  if (!Object.values(instants).every(Number.isFinite)) return undefined
  return structuredClone({
    ip: typeof ip === 'string' ? ip : '',
    ...(device != null && { device: device as UserSessionDevice }),
    ...(location != null && { location }),
    ...instants,
  })
}

/** Drivers of databases give big integers as text, or as bigint. */
function toNumber(value: unknown): number {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string' ? Number(value) : NaN
}
