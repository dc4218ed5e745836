import type { Clock } from '../base/clock'
import { checkKeys, invalidOption, type KeysOf } from '../base/option-check'
import { isSessionStore, resolveOptions, resolveRules } from '../service/resolve-options'
import type { TimeoutOptions } from '../service/session-options'
import { SessionService } from '../service/session-service'
import type { UserSessionDevice } from '../session/session-shape'
import type { SessionStore } from '../session/store'
import type { ReadUserSessionHook, RenewSessionHooks } from '../session/user-session-types'
import { type ExpressSessionStore, isExpressSessionStore } from '../stores/express-session/express-session-store'
import { StorageBackend } from './external/storage-backend'
import { isUserSessionStorage, type UserSessionStorage } from './external/user-session-storage'
import { StoreBackend } from './store-backend'
import type { UserSessionBackend } from './user-session-backend'

/** Options of `UserSessionManager`; all but `storage` have defaults. Wrong ones throw a `SessionError` at once. */
export interface UserSessionManagerOptions<Device = UserSessionDevice, Location = unknown> {
  /** Where sessions are: one of the package's stores, a store written for express-session (which cannot list), or any
   * object with the six methods of {@link UserSessionStorage}. Give the same store, and the same times, to the middleware:
   * then its sessions are these. Shorter: `sessions.users`. */
  storage: SessionStore | ExpressSessionStore | UserSessionStorage<Device, Location>
  /** Absolute lifetime of a session in seconds, from its creation. Default 86 400: a day. */
  sessionTtl?: number | undefined
  /** Random bytes in the secret part of an id. Default 24, at least 16, at most 256. Otherwise `INVALID_SESSION_ID_LENGTH`. */
  idLength?: number | undefined
  /** As in `SessionOptions`. Throws `INVALID_IDLE_TIMEOUT`, `INVALID_RENEW_TIMEOUT`,
   * `OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL_REQUIRED`, `INVALID_OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL`. */
  timeouts?: TimeoutOptions | undefined
  /** Who may read a session from where. Default: the device has to be the one of the login, where both are known. */
  readUserSessionHook?: ReadUserSessionHook<Device, Location> | undefined
  /** Called on what happens around renewals, for logs. */
  renewSessionHooks?: RenewSessionHooks | undefined
  /** Seconds after which a call of the storage without a reply has failed. Default 5, as in `SessionOptions`. */
  storeTimeout?: number | undefined
  /** Bytes of one session's values, for `updateAll`. Default 65 536, as in `SessionOptions`. */
  maxBytes?: number | undefined
  /** Unix seconds. Default: the machine's clock. For tests that turn it. */
  clock?: Clock | undefined
}

const optionKeys: KeysOf<UserSessionManagerOptions> = {
  storage: true,
  sessionTtl: true,
  idLength: true,
  timeouts: true,
  readUserSessionHook: true,
  renewSessionHooks: true,
  storeTimeout: true,
  maxBytes: true,
  clock: true,
}

/** Checks the options, and finds out what kind of place `storage` is. */
export function resolveUserSessionOptions(options: unknown): UserSessionBackend {
  checkKeys<UserSessionManagerOptions>('user session options', options, optionKeys)
  const { storage, ...rest }: UserSessionManagerOptions & { storage: unknown } = options
  if (isSessionStore(storage) || isExpressSessionStore(storage)) {
    return new StoreBackend(new SessionService(resolveOptions({ store: storage, ...rest })))
  }
  if (isUserSessionStorage(storage)) return new StorageBackend({ storage, ...resolveRules(rest) })
  throw invalidOption(
    'storage',
    storage,
    'a MemoryStore, a RedisStore, a store written for express-session, or an object with the methods insert, read, readAll, updateAccessedAt, delete and deleteAll',
  )
}
