import { type IncomingMessage, ServerResponse } from 'node:http'

/** Whether an object merely stands in for a response, as for the handshake of a WebSocket, or in a test: it says neither
 * its status nor when it ends. */
export function isStub(res: ServerResponse): boolean {
  // Node's own have both, which are slow to read of an Express response.
  if (res instanceof ServerResponse) return false
  const { on, statusCode } = res as { on?: unknown; statusCode?: unknown }
  return typeof on !== 'function' || statusCode === undefined
}

/**
 * Whether a response was made by hand for a request that became a WebSocket, as express-ws does: it has no socket, and
 * never ends. A pipelined response has no socket either, until its turn comes.
 */
export function isNeverSent(req: IncomingMessage, res: ServerResponse): boolean {
  return (req as { upgrade?: unknown }).upgrade === true && (res.socket as object | null) === null
}

/**
 * Whether the head of a response has left, or is about to. A stub may not say.
 *
 * @param isExpress It is an Express response, behind our own methods: there, what Node's `headersSent` reads takes a third of
 *   the time.
 */
export function isHeadSent(res: ServerResponse, isExpress: boolean): boolean {
  if (isExpress) return Boolean((res as { _header?: unknown })._header)
  return (res as { headersSent?: boolean }).headersSent ?? false
}

/** Whether a response was ended, or will not be. @param isExpress As for `isHeadSent`, of `writableEnded`. */
export function isOver(res: ServerResponse, isExpress: boolean): boolean {
  if (!isExpress) return res.destroyed || res.writableEnded
  return res.destroyed || (res as { finished: boolean }).finished
}
