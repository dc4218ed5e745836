export { SessionError, type SessionErrorCode } from './base/errors'
export type { RequestWithSession } from './http/express-types'
export { type LoginOptions, login, logout } from './http/login'
export type { RequestHandler } from './http/middleware'
export type { ChannelSocket } from './channels/channel-socket'
export type { AllowedOrigins, OriginOptions } from './channels/handshake-origin'
export type { ChannelOptions } from './channels/open-channel'
export { SessionManager, type SetCookieOptions } from './session-manager'
export { sessionMiddleware } from './session-middleware'
export { ChannelSession } from './channels/channel-session'
export type { ChannelEnd, ChannelFollower, ChannelStore, UserSessionService } from './channels/channel-store'
export type { CookieOptions, SessionOptions, TimeoutOptions } from './service/session-options'
export { type DeleteAllOptions, UserSessionManager } from './users/user-session-manager'
export type { UserSessionManagerOptions } from './users/user-session-options'
export type { UserSessionStorage } from './users/external/user-session-storage'
export type { ReadUserSessionHook, RenewSessionHooks, UserSessionMetaData } from './session/user-session-types'
export type { ChangeResult, FieldChanges, RecordChange, SessionRecord, StoredSession } from './session/record'
export { isLive, retainUntil } from './session/lifetime'
export { changeRecord } from './session/record'
export type { Jsonified } from './session/jsonified'
export { Session } from './session/session'
export type {
  DefaultFlash,
  DefaultValues,
  SessionFlash,
  SessionValues,
  UserSessionDevice,
  UserSessionOperationContext,
  ValueChanges,
} from './session/session-shape'
export type { Awaitable } from './base/awaitable'
export type { Clock } from './base/clock'
export type { ExpressSessionStore } from './stores/express-session/express-session-store'
export type { SessionStore, StoreListener } from './session/store'
export { MemoryStore, type MemoryStoreOptions } from './stores/memory-store'
