import type { UserSessionDevice, UserSessionOperationContext } from '../session/session-shape'

/** What is known of one of a user's sessions. Instants are Unix seconds. */
export interface UserSessionMetaData<Device = UserSessionDevice, Location = unknown> {
  /** Address at login. */
  ip: string
  device?: Device | undefined
  location?: Location | undefined
  /** The login. */
  createdAt: number
  /** The last recorded access. */
  accessedAt: number
  /** The absolute deadline. */
  expiresAt: number
}

/**
 * Decides whether a session may be read from where it is asked for: throws to refuse. Default: when both the session and
 * the access name a device, their `name` and `type` must be equal, or
 * `FORBIDDEN_ACCESS_TO_USER_SESSION_FROM_DIFFERENT_DEVICE` is thrown.
 */
export type ReadUserSessionHook<Device = UserSessionDevice, Location = unknown> = (
  subject: string,
  sessionId: string,
  context: UserSessionOperationContext<Device, Location>,
  metaData: UserSessionMetaData<Device, Location>,
) => void

/** Told of what happens around a renewal; all optional. */
export interface RenewSessionHooks {
  /** Another call in this process has renewed, or is renewing, the same id: this one does not. */
  onRenewMadeAlreadyFromCurrentProcess?: (sessionId: string) => void
  /** Another process has renewed the same id: this one does not. */
  onRenewMadeAlreadyFromAnotherProcess?: (sessionId: string) => void
  /** The old session could not be deleted after its overlap; it lives on until its own deadline. */
  onOldSessionDeleteFailure?: (sessionId: string, error: unknown) => void
}
