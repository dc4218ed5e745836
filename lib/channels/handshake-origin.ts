import type { IncomingMessage } from 'node:http'
import { checkKeys, invalidOption, type KeysOf } from '../base/option-check'
import { claimsForwardedTls, headerOf, isSecureRequest } from '../base/request'
import { warnOnce } from '../base/warnings'

/** Which origins may open a channel; see {@link OriginOptions}. */
export type AllowedOrigins = readonly string[] | ((origin: string, upgradeRequest: IncomingMessage) => boolean)

/** Whose handshakes are accepted: for `sessions.openChannel` and `sessions.fromWebSocket`. */
export interface OriginOptions {
  /**
   * The pages that may open a WebSocket with the user's session, as origins (`'https://app.example.com'`), or a function
   * that decides. Default: pages of the host that the handshake was sent to (`Host`); when the handshake came over TLS, or
   * a proxy says so in `X-Forwarded-Proto`, only `https:` pages of it. Behind a proxy that changes `Host`, give a list. A
   * list replaces the default, so name the app's own origin too.
   *
   * A handshake without `Origin` comes from no browser. It is accepted by default. A list refuses it, unless the list has
   * the word `'no-origin'`; a function gets that word in place of the origin. `'null'`, which sandboxed pages of any site
   * send, cannot be on a list.
   */
  allowedOrigins?: AllowedOrigins | undefined
}

/** Stands for a handshake without `Origin`. It is no URL, so no header can match it. */
const noOrigin = 'no-origin'

export const originKeys: KeysOf<OriginOptions> = { allowedOrigins: true }

/** @throws SessionError `INVALID_OPTION`. */
export function checkOriginOptions(options: OriginOptions): void {
  checkKeys<OriginOptions>('fromWebSocket options', options, originKeys)
  checkAllowedOrigins(options.allowedOrigins)
}

export function checkAllowedOrigins(allowed: unknown): void {
  if (allowed === undefined || typeof allowed === 'function') return
  const accepts = `a list of origins such as 'https://app.example.com' (and '${noOrigin}'), or a function`
  if (!Array.isArray(allowed)) throw invalidOption('allowedOrigins', allowed, accepts)
  for (const origin of allowed as unknown[]) {
    const isKnown = typeof origin === 'string' && (origin === noOrigin || parseOrigin(origin) !== undefined)
    if (!isKnown) throw invalidOption('allowedOrigins', origin, accepts)
  }
}

/** As {@link isOriginAllowed}; logs a warning the first time that an origin is refused. */
export function acceptOrigin(req: IncomingMessage, allowed: AllowedOrigins | undefined): boolean {
  if (isOriginAllowed(req, allowed)) return true
  const header = req.headers.origin
  const origin = header === undefined ? noOrigin : (parseOrigin(header)?.origin ?? 'none that can be named')
  warnOnce('HOLDFAST_CHANNEL_ORIGIN_REFUSED', origin)
  return false
}

/**
 * Whether the page that sent the handshake may open a WebSocket. A browser lets every page open a WebSocket to every host,
 * and sends that host's cookies with it where `SameSite` does not forbid it. Only `Origin` distinguishes the pages: a browser
 * sends it with every handshake, and no page can forge it (RFC 6455 section 10.2). A client that sends none is no browser,
 * and can send only cookies of its own.
 */
export function isOriginAllowed(req: IncomingMessage, allowed: AllowedOrigins | undefined): boolean {
  const origin = headerOf(req, 'origin')
  if (origin !== undefined && typeof origin !== 'string') return false
  if (typeof allowed === 'function') return allowed(origin ?? noOrigin, req)
  if (origin === undefined) return allowed === undefined || allowed.includes(noOrigin)
  const url = parseOrigin(origin)
  if (url === undefined) return false
  if (allowed !== undefined) return allowed.some((one) => parseOrigin(one)?.origin === url.origin)
  // On a site with TLS, a page of the same host that was loaded without TLS may be an attacker's on the network. A forged
  // X-Forwarded-Proto can only have the handshake refused.
  if ((isSecureRequest(req) || claimsForwardedTls(req)) && url.protocol !== 'https:') return false
  const host = headerOf(req, 'host')
  // Parsed with the page's scheme, so that a default port that only one of the two names makes no difference.
  return typeof host === 'string' && parseOrigin(`${url.protocol}//${host}`)?.host === url.host
}

/** An `http:` or `https:` origin. Undefined for `null`, which any page can send, and for what is no origin. */
function parseOrigin(origin: string): URL | undefined {
  try {
    const url = new URL(origin)
    const isWeb = url.protocol === 'http:' || url.protocol === 'https:'
    return isWeb && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === ''
      ? url
      : undefined
  } catch {
    return undefined
  }
}

/**
 * Whether the client sees the site over TLS, which decides the name of its cookie. An upgrade request does not pass
 * Express, so `trust proxy` was not applied; but a page that was loaded over TLS opens no WebSocket without TLS. A client
 * that lies here only has another one of its own cookies read.
 */
export function isSecureHandshake(req: IncomingMessage): boolean {
  const { secure } = req as { secure?: unknown }
  if (typeof secure === 'boolean') return secure
  const origin = headerOf(req, 'origin')
  const isSecurePage = typeof origin === 'string' && parseOrigin(origin)?.protocol === 'https:'
  return isSecureRequest(req) || isSecurePage || claimsForwardedTls(req)
}
