import { defaultSecretBytes } from '../id/session-id'
import type { UserSessionOperationContext } from './session-shape'

/** What a session needs to know from its surroundings. */
export interface SessionSetting {
  readonly now: number
  /** Absolute lifetime of a session without a login, seconds. */
  readonly ttl: number
  readonly secretBytes: number
  /** Of the session's values; `set` and `flash` refuse more. Default: no limit but the one of the save. */
  readonly maxBytes?: number | undefined
}

/** For a `Session` that is made by hand. */
export function plainSetting(): SessionSetting {
  return { now: Date.now() / 1000, ttl: 86_400, secretBytes: defaultSecretBytes }
}

/** The request, or another owner, that a session belongs to. */
export interface SessionOwner {
  /** The session may have to be saved: called at the first change, and at the first one after each save. */
  expectChange(): void
}

/** What `login` asks of the next save. */
export interface LoginIntent {
  readonly subject: string | undefined
  readonly context: UserSessionOperationContext | undefined
  /** Seconds of absolute lifetime. */
  readonly ttl: number
}
