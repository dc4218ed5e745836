import type { IncomingMessage } from 'node:http'

/** Whether the request came over TLS, as far as the app knows: in Express `req.secure`, which minds `trust proxy`,
 * elsewhere the socket. Stubs of requests may have neither. */
export function isSecureRequest(req: IncomingMessage): boolean {
  const { secure } = req as { secure?: unknown }
  if (typeof secure === 'boolean') return secure
  const socket = req.socket as { encrypted?: unknown } | undefined
  return socket?.encrypted === true
}

/** In which headers a proxy says that its client used TLS, and what it says then. */
const tlsClaims: readonly (readonly [header: string, claim: RegExp])[] = [
  ['x-forwarded-proto', /^\s*https/i],
  // RFC 7239: the first element is the one of the proxy next to the client.
  ['forwarded', /^[^,]*\bproto="?https/i],
  ['x-forwarded-protocol', /^\s*https/i],
  ['x-forwarded-scheme', /^\s*https/i],
  ['x-forwarded-ssl', /^\s*on/i],
  ['x-scheme', /^\s*https/i],
  ['x-url-scheme', /^\s*https/i],
  ['front-end-https', /^\s*on/i],
  ['cf-visitor', /"scheme"\s*:\s*"https"/i],
  ['cloudfront-forwarded-proto', /^\s*https/i],
  ['x-appengine-https', /^\s*on/i],
]

/** Whether a proxy in front says that it was asked over TLS. Any client can write these headers: they make nothing secure,
 * they only show that the app may be configured for another proxy than it has. */
export function claimsForwardedTls(req: IncomingMessage): boolean {
  const headers = req.headers as Record<string, unknown> | undefined
  for (const [header, claim] of tlsClaims) {
    const value = headers?.[header]
    if (typeof value === 'string' && claim.test(value)) return true
  }
  return false
}

export function headerOf(req: IncomingMessage, name: string): unknown {
  const headers = req.headers as Record<string, unknown> | undefined
  return headers?.[name]
}
