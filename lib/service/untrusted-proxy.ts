import type { IncomingMessage } from 'node:http'
import { SessionError } from '../base/errors'
import { claimsForwardedTls } from '../base/request'
import { warnRarely } from '../base/warnings'
import type { CookieSettings } from '../id/session-cookie'

/**
 * Whether the session cookie must not be sent on a request that is not secure as far as the app knows. With
 * `cookie.secure: 'auto'`, in production, that is when a proxy says that its client used TLS: then the app was meant to be
 * reached over TLS, and a cookie without `Secure` and `__Host-` is what a forgotten `trust proxy` costs. The proxy on the
 * same machine is the usual one, so a loopback address makes no difference. A client that writes such a header to an app
 * without a proxy has only its own request refused.
 */
export function refusesCookie({ secure }: CookieSettings, req: IncomingMessage): boolean {
  return secure === true || (secure === 'auto' && claimsForwardedTls(req) && process.env['NODE_ENV'] === 'production')
}

/** Warns that a secure cookie is not sent over plain HTTP. */
export function warnOfSecureCookie(req: IncomingMessage): void {
  const detail = claimsForwardedTls(req) ? 'a proxy says that the client used TLS' : undefined
  warnRarely('HOLDFAST_SECURE_COOKIE_NOT_SENT', detail)
}

/** @throws SessionError `PROXY_NOT_TRUSTED`. */
export function refuseCookie(): never {
  warnRarely('HOLDFAST_UNTRUSTED_PROXY')
  throw new SessionError(
    'PROXY_NOT_TRUSTED',
    "a proxy says that the client used TLS, but the app does not trust proxies, so the session cookie would go out without Secure: set app.set('trust proxy', 1) in Express, or req.secure = true elsewhere; cookie.secure: false sends it all the same",
  )
}
