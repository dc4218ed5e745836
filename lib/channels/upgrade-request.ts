import type { IncomingMessage } from 'node:http'

/** The HTTP request behind a WebSocket: what was given, where that is a request; what a Socket.IO socket has in `request`;
 * what others keep in `upgradeReq`. Undefined when there is none: a bare `ws` socket does not know its request. */
export function upgradeRequestOf(source: object): IncomingMessage | undefined {
  const { request, upgradeReq } = source as { request?: unknown; upgradeReq?: unknown }
  for (const candidate of [source, request, upgradeReq]) {
    const { headers } = (candidate ?? {}) as { headers?: unknown }
    if (typeof headers === 'object' && headers !== null) return candidate as IncomingMessage
  }
  return undefined
}
