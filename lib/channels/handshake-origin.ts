import type { IncomingMessage } from 'node:http'
import { claimsForwardedTls, headerOf, isSecureRequest } from '../base/request'

/** Which origins may open a channel; see `ChannelOptions.allowedOrigins`. */
export type AllowedOrigins = readonly string[] | ((origin: string, upgradeRequest: IncomingMessage) => boolean)

/**
 * Whether the page that opened the handshake may. A browser lets every page in the world open a WebSocket to every host,
 * and where `SameSite` does not forbid it sends that host's cookies along; the one thing that tells the pages apart is
 * `Origin`, which a browser always sends with a WebSocket and no page can forge (RFC 6455 section 10.2). Who sends none
 * is no browser, and can present only a cookie of its own.
 */
export function isOriginAllowed(req: IncomingMessage, allowed: AllowedOrigins | undefined): boolean {
  const origin = headerOf(req, 'origin')
  if (origin === undefined) return true
  if (typeof origin !== 'string') return false
  if (typeof allowed === 'function') return allowed(origin, req)
  const url = parseOrigin(origin)
  if (url === undefined) return false
  if (allowed !== undefined) return allowed.some((one) => parseOrigin(one)?.origin === url.origin)
  // Over TLS, a page of the same name that came without it may be anybody's who sits on the wire.
  if (isSecureRequest(req) && url.protocol !== 'https:') return false
  const host = headerOf(req, 'host')
  // The scheme of the page, so that a default port that one of the two spells out makes no difference.
  return typeof host === 'string' && parseOrigin(`${url.protocol}//${host}`)?.host === url.host
}

/** A page's origin as one can write it down; undefined for `null`, which any page can have, and for what is none. */
export function parseOrigin(origin: string): URL | undefined {
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
 * Whether the client thinks that it came over TLS, which decides the name of its cookie. An upgrade does not go through
 * Express, so nobody has looked at `trust proxy`; but the origin is the page's, and a page over TLS opens no socket
 * without it. A client that says something else than the truth here merely has another one of its own cookies read.
 */
export function isSecureHandshake(req: IncomingMessage): boolean {
  const { secure } = req as { secure?: unknown }
  if (typeof secure === 'boolean') return secure
  const origin = headerOf(req, 'origin')
  const isSecurePage = typeof origin === 'string' && parseOrigin(origin)?.protocol === 'https:'
  return isSecureRequest(req) || isSecurePage || claimsForwardedTls(req)
}
