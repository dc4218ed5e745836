import type { IncomingMessage } from 'node:http'

/** Whether the request came over TLS, as far as the app can tell: Express says so in `req.secure` and minds `trust
 * proxy`; elsewhere the socket does. Stubs of requests may have neither. */
export function isSecureRequest(req: IncomingMessage): boolean {
  const { secure } = req as { secure?: unknown }
  if (typeof secure === 'boolean') return secure
  const socket = req.socket as { encrypted?: unknown } | undefined
  return socket?.encrypted === true
}

/** Whether a proxy in front says that it was asked over TLS. Anybody can write this header: it decides nothing, it only
 * tells which remedy to name. */
export function claimsForwardedTls(req: IncomingMessage): boolean {
  const claim = headerOf(req, 'x-forwarded-proto')
  return typeof claim === 'string' && claim.trimStart().toLowerCase().startsWith('https')
}

export function headerOf(req: IncomingMessage, name: string): unknown {
  const headers = req.headers as Record<string, unknown> | undefined
  return headers?.[name]
}
