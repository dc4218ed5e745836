import type { Awaitable } from '../base/awaitable'
import type { UserSessionDevice, UserSessionOperationContext } from './session-shape'

/** What is known of one of a user's sessions. Instants are whole Unix seconds, rounded down. */
export interface UserSessionMetaData<Device = UserSessionDevice, Location = unknown> {
  /** Address at login. */
  ip: string
  /** Absent where the login named none; so is `location`. */
  device?: Device | undefined
  location?: Location | undefined
  /** The login. On a storage with the six methods: the login, or the renewal that made this id. */
  createdAt: number
  /** The last recorded access; see `UserSessionManager.read`. */
  accessedAt: number
  /** The absolute deadline; an idle timeout can end the session earlier. */
  expiresAt: number
}

/**
 * Decides whether a session may be read, or renewed, from where it is asked for: throws, or rejects, to refuse. What it
 * throws is what the caller gets. Default: when both the session and the access name a device, their `name` and `type`
 * must be equal, or `FORBIDDEN_ACCESS_TO_USER_SESSION_FROM_DIFFERENT_DEVICE` is thrown.
 *
 * `session` names the session and is no id: its handle or, on a storage with the six methods,
 * `UserSessionManager.hash` of its id.
 */
export type ReadUserSessionHook<Device = UserSessionDevice, Location = unknown> = (
  subject: string,
  session: string,
  context: UserSessionOperationContext<Device, Location>,
  metaData: UserSessionMetaData<Device, Location>,
) => Awaitable<void>

/**
 * Called on renewal events, for logs; all optional. `session` is as in {@link ReadUserSessionHook}. What a
 * hook throws goes to `process.on('warning')` and nowhere else.
 */
export interface RenewSessionHooks {
  /** The client has sent an id that is old enough to be renewed, but this manager has renewed it, or is doing so. */
  onRenewMadeAlreadyFromCurrentProcess?: (session: string) => void
  /** As above, but it was another process, or another manager, that has renewed it. */
  onRenewMadeAlreadyFromAnotherProcess?: (session: string) => void
  /** On a storage with the six methods: the session of the old id could not be deleted after its overlap. It is invalid
   * all the same, and the storage drops it at its own deadline. */
  onOldSessionDeleteFailure?: (session: string, error: unknown) => void
}
