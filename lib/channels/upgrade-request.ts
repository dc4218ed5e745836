import type { IncomingMessage } from 'node:http'

/** The HTTP request behind a WebSocket: what was given, where it is a request; what a Socket.IO socket has in `request`;
 * what others keep in `upgradeReq`. Undefined when there is none: a bare `ws` socket does not know its request. */
export function upgradeRequestOf(source: object): IncomingMessage | undefined {
  const { headers, request, upgradeReq } = source as { headers?: unknown; request?: unknown; upgradeReq?: unknown }
  if (isObject(headers)) return source as IncomingMessage
  for (const inner of [request, upgradeReq]) {
    if (isObject(inner) && isObject((inner as { headers?: unknown }).headers)) return inner as IncomingMessage
  }
  return undefined
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
