import { wholeSeconds } from '../base/clock'
import { SessionError } from '../base/errors'
import type { SessionRecord } from '../session/record'
import type { UserSessionDevice, UserSessionOperationContext } from '../session/session-shape'
import type { ReadUserSessionHook, UserSessionMetaData } from '../session/user-session-types'

/** What `UserSessionManager` asks of the place where sessions are. Arguments are checked before; what each method
 * promises is said there. */
export interface UserSessionBackend {
  create(subject: string, context: UserSessionOperationContext, ttl: number | undefined): Promise<string>
  read(subject: string, id: string, context: UserSessionOperationContext): Promise<[UserSessionMetaData, string | null]>
  readAll(subject: string): Promise<ReadonlyMap<string, UserSessionMetaData>>
  renew(subject: string, id: string, context: UserSessionOperationContext): Promise<string | null>
  delete(subject: string, session: string): Promise<void>
  deleteAll(subject: string, except: string | undefined): Promise<number>
  updateAll(subject: string, data: object): Promise<number>
}

/** Unknown, malformed, ended and another subject's look the same from outside. */
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
export const checkDevice: ReadUserSessionHook = (_subject, _session, context, metaData) => {
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

/** What may be shown of a record. */
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
