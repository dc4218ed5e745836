import type { IncomingMessage } from 'node:http'
import type { Clock } from '../base/clock'
import type { UserSessionOperationContext } from '../session/session-shape'
import type { SessionStore } from '../session/store'
import type { ReadUserSessionHook, RenewSessionHooks } from '../session/user-session-types'
import type { ExpressSessionStore } from '../stores/express-session/express-session-store'

/** Attributes of the cookie. They always come from here; none are kept in a session's record. */
export interface CookieOptions {
  /**
   * Default `__Host-sid` on a secure request and `sid` on plain HTTP (`__Secure-sid` on a secure request when `domain`
   * or `path` is set): the prefix makes browsers refuse a cookie planted by a subdomain or over plain HTTP. A name of
   * your own that begins with `__Host-` or `__Secure-` implies `secure: true`.
   */
  name?: string | undefined
  /** Default `/`. */
  path?: string | undefined
  /** Default: none, so that the cookie goes to this host only. With a domain, each of its subdomains gets to see it. */
  domain?: string | undefined
  /**
   * Default `'auto'`: `Secure` when the request came over TLS, so that one program runs on a laptop and behind a proxy.
   * `true`: over plain HTTP no cookie is sent at all, and a warning is logged. Behind a proxy that ends TLS set
   * Express' `trust proxy`.
   */
  secure?: boolean | 'auto' | undefined
  /** Default true: a script in the page has no need to read it (OWASP Session Management, "HttpOnly Attribute"). */
  httpOnly?: boolean | undefined
  /** Default `'lax'`: not sent with cross-site posts, sent when a link is followed. `'none'` requires `secure: true`. */
  sameSite?: 'lax' | 'strict' | 'none' | undefined
  /** Default false. For an app inside other sites' frames (CHIPS); requires `secure: true`. */
  partitioned?: boolean | undefined
  /** Default: none. Which cookies Chromium gives up first. */
  priority?: 'low' | 'medium' | 'high' | undefined
  /** Default true: `Max-Age` follows the session's absolute deadline. False: the browser forgets it when it closes. */
  persistent?: boolean | undefined
}

/** When sessions end, and when ids are replaced, by time. All in seconds, greater than 0. */
export type TimeoutOptions = IdleTimeoutOption & (RenewalTimeoutOptions | NoRenewalTimeoutOptions)

export interface IdleTimeoutOption {
  /** A session ends this long after its last request. Default: off. Less than `sessionTtl`. Recorded in steps of a
   * twentieth, so a session may end up to a twentieth early. */
  idle?: number | undefined
}

/** A renewal without its overlap would sign out users whose pages have requests under way: both or none. */
export interface RenewalTimeoutOptions {
  /** An id that is this old is replaced at the next request. Default: off. Less than `sessionTtl`. */
  renewal: number
  /** How long the id before a renewal still works: long enough for requests that are under way, and pages with many of
   * them. Required with `renewal`, less than `sessionTtl`. While it lasts the id is not renewed again. */
  oldSessionAvailabilityAfterRenewal: number
}

export interface NoRenewalTimeoutOptions {
  renewal?: undefined
  oldSessionAvailabilityAfterRenewal?: undefined
}

/** Bivariant, as methods are: it may be written with Express' type of a request. */
export type ContextOfRequest = { of(req: IncomingMessage): UserSessionOperationContext }['of']

/**
 * Options of `sessionMiddleware` and `SessionManager`; all have defaults. Wrong ones throw a `SessionError` while the app
 * starts, naming the option, what it got and what it accepts.
 */
export interface SessionOptions {
  /** Where sessions are kept: one of the package's stores, or any store written for express-session. Default: a new
   * `MemoryStore`. An undefined that is written out is refused. */
  store?: SessionStore | ExpressSessionStore
  /**
   * Signs the cookie: the first signs, all verify, so a secret is replaced by putting the new one in front. Default:
   * none. Ids have 192 random bits and need no signature; it spares the store the look-up of made-up ids, and is the form
   * that cookie-parser reads. A secret of fewer than 16 characters can be guessed and triggers a one-time warning. */
  secret?: string | readonly string[]
  cookie?: CookieOptions | undefined
  /** Absolute lifetime of a session in seconds, from its creation; only a login restarts it. Default 86 400: a day. At most
   * 34 560 000: 400 days, for which browsers keep a cookie (RFC 6265bis, section 5.5). */
  sessionTtl?: number | undefined
  timeouts?: TimeoutOptions | undefined
  /** Random bytes in the secret part of an id. Default 24, at least 16 (128 bits, as OWASP asks), at most 256. */
  idLength?: number | undefined
  /**
   * Bytes (UTF-8) that the values and flash messages of one session may take together, keys included, as JSON. More is
   * refused with `SESSION_TOO_LARGE`, by `set` and `flash` where they see it, by the save at the latest; nothing of
   * that save is stored. As much is refused by `create`, `update`, channels, and `users.updateAll`, which counts only
   * what it is given. Default 65 536: a session is read at every request, and a client must not be able to fill the
   * store with one. A whole number, at least 1; `Infinity` for no limit.
   */
  maxBytes?: number | undefined
  /**
   * `Cache-Control` of a response that carries the session cookie. Default `'no-store'`: neither a shared cache nor the
   * browser's keeps it (OWASP Session Management, "Web Content Caching"). `'private'`: the browser's cache may. `false`: the
   * app sees to it; a cache that keeps such a response hands one user's session to another.
   */
  cacheControl?: 'no-store' | 'private' | false | undefined
  /**
   * Whether a response to a request whose session the app has read (`get`, `has`, `data`, `size`, `subject`) says
   * `Vary: Cookie`, also without a cookie (RFC 9110 section 12.5.5). Default true: a cache must not give the page of a user
   * to another, nor to a visitor. Costs nothing on other responses. False: the app sees to it.
   */
  vary?: boolean | undefined
  /** Seconds after which a store call that has not returned has failed. Default 5: longer than a hiccup, shorter than a
   * client's patience. At most 300, Node's own limit for a request; from 100 on a warning, as for milliseconds. */
  storeTimeout?: number | undefined
  /** From where a request comes: recorded at login, shown on "your devices". Default: `{ ip }`, Express' `req.ip` or the
   * address of the socket. */
  context?: ContextOfRequest | undefined
  /** As in `UserSessionManager`. */
  readUserSessionHook?: ReadUserSessionHook | undefined
  /** As in `UserSessionManager`. */
  renewSessionHooks?: RenewSessionHooks | undefined
  /** Unix seconds. Default: the machine's clock. For tests that turn it. */
  clock?: Clock | undefined
}
