import type { Awaitable } from '../base/awaitable'
import type { CacheControl } from './response-headers'

/** What a held response asks for before anything of it leaves. */
export interface ResponseHooks {
  /** Nothing can have changed so far: the response need not ask. */
  readonly isClean: boolean
  /** The app has read the session, so what it responds may depend on the cookie. */
  readonly variesOnCookie: boolean
  /** For a response that carries one of the cookies of `beforeSend`. */
  readonly cacheControl: CacheControl
  /** What is written after the end is ignored, as express-session does, and `write` and `end` return false. Otherwise Node
   * refuses it, with an 'error' event that ends the process where nothing listens. */
  readonly ignoresAfterEnd: boolean
  /** Stores what changed. Resolves to the `Set-Cookie` values that the response is to carry; at once where nothing has
   * to wait. Fails when the change could not be stored. */
  beforeSend(headersSent: boolean): Awaitable<readonly string[]>
  /** The response has ended: the app's, or the one that replaced it. */
  afterEnd(): void
  /** The response was closed. `isUnfinished`: it was not ended through the hold, but never given, left in the middle, or
   * has bypassed the hold; what changed since the hooks were last asked is not stored. */
  afterClose(isUnfinished: boolean): void
  /** The change could not be stored, and nothing of the response has left: another one is to be given. */
  onError(error: unknown, discardedStatus: number): void
  /** As `onError`, but part of the response has left: it has to be cut off. */
  onLateError(error: unknown): void
}
