import { wholeSeconds } from '../base/clock'
import { SessionError } from '../base/errors'
import type { ResolvedRules } from '../service/resolve-options'
import type { SessionRecord } from '../session/record'
import type { UserSessionDevice, UserSessionOperationContext } from '../session/session-shape'
import type { ReadUserSessionHook, UserSessionMetaData } from '../session/user-session-types'

/** What `read` and `renew` give: what is known of the session, and its new id when the call has renewed it. */
export type ReadResult = [metaData: UserSessionMetaData, renewedId: string | null]

/** A live session of a subject, opened by an id. */
export interface OpenUserSession {
  /** For hooks. */
  readonly name: string
  readonly metaData: UserSessionMetaData
  /** `done`: another id was issued already, and this one still works. `due`: the id is old enough. */
  readonly renewal: 'done' | 'due' | 'early'
  /** Undefined, after a hook was called, when another request has this renewal and an access is to be recorded instead. */
  renew(): Promise<ReadResult | undefined>
  /** Calls a hook: the client has sent an id for which another one was issued. */
  reportRenewed(): void
  /** Records that the session is used now, where that is due. */
  recordAccess(): Promise<UserSessionMetaData>
}

/**
 * The place where a `UserSessionManager` has its sessions. Arguments are checked before; what each method promises is said
 * there. How a session is read and renewed is the same in every place and stands here.
 */
export abstract class UserSessionBackend {
  protected abstract readonly rules: ResolvedRules

  abstract create(subject: string, context: UserSessionOperationContext, ttl: number | undefined): Promise<string>
  abstract readAll(subject: string): Promise<ReadonlyMap<string, UserSessionMetaData>>
  abstract delete(subject: string, session: string): Promise<void>
  abstract deleteAll(subject: string, except: string | undefined): Promise<number>
  abstract updateAll(subject: string, data: object): Promise<number>

  /** Rejects with `USER_SESSION_NOT_FOUND` or `USER_SESSION_EXPIRED` where the id opens no live session of the subject. */
  protected abstract open(subject: string, id: string): Promise<OpenUserSession>

  async read(subject: string, id: string, context: UserSessionOperationContext): Promise<ReadResult> {
    const session = await this.#openChecked(subject, id, context)
    if (session.renewal === 'due') {
      const renewed = await session.renew()
      if (renewed !== undefined) return renewed
    } else if (session.renewal === 'done') session.reportRenewed()
    return [await session.recordAccess(), null]
  }

  async renew(subject: string, id: string, context: UserSessionOperationContext): Promise<string | null> {
    const session = await this.#openChecked(subject, id, context)
    if (session.renewal !== 'done') return (await session.renew())?.[1] ?? null
    session.reportRenewed()
    return null
  }

  async #openChecked(subject: string, id: string, context: UserSessionOperationContext): Promise<OpenUserSession> {
    const session = await this.open(subject, id)
    const { readUserSessionHook = checkDevice } = this.rules
    await readUserSessionHook(subject, session.name, context, session.metaData)
    return session
  }
}

/** For ids that are unknown, malformed, ended or another subject's: a client cannot distinguish them. */
export function notFound(): SessionError {
  return new SessionError('USER_SESSION_NOT_FOUND', 'there is no such session of this subject; ask the user to sign in')
}

export function idleExpired(): SessionError {
  return new SessionError(
    'USER_SESSION_EXPIRED',
    'the session was not used for longer than timeouts.idle, and has ended; ask the user to sign in',
  )
}

/** The default `readUserSessionHook`. */
const checkDevice: ReadUserSessionHook = (_subject, _session, context, metaData) => {
  const [used, known] = [asDevice(context.device), asDevice(metaData.device)]
  if (used === undefined || known === undefined) return
  if (used.name === known.name && used.type === known.type) return
  throw new SessionError(
    'FORBIDDEN_ACCESS_TO_USER_SESSION_FROM_DIFFERENT_DEVICE',
    'the session was started on another device; end it, or give a readUserSessionHook with a rule of your own',
  )
}

/** An app in JavaScript may name a device in any way. */
function asDevice(device: unknown): UserSessionDevice | undefined {
  if (typeof device === 'string') return { name: device }
  return typeof device === 'object' && device !== null ? (device as UserSessionDevice) : undefined
}

/** The public part of a record. */
export function metaDataOf({ context, createdAt, accessedAt, expiresAt }: SessionRecord): UserSessionMetaData {
  const { ip = '', device, location } = context ?? {}
  return {
    ip,
    ...(device !== undefined && { device }),
    ...(location !== undefined && { location }),
    createdAt: wholeSeconds(createdAt),
    accessedAt: wholeSeconds(accessedAt),
    expiresAt: wholeSeconds(expiresAt),
  }
}
