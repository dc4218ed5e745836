import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Awaitable, isPromise } from '../base/awaitable'
import { SessionError } from '../base/errors'
import { watchFirstResponses } from '../hold/intercept'
import { findByCookie, type FoundByCookie } from '../service/find-by-cookie'
import type { SessionService } from '../service/session-service'
import { type Next, passError } from '../hold/failure-response'
import { RequestSession, requestSessionOf } from './request-session'

/** What Express, Connect and a bare `node:http` server all call. */
export type RequestHandler = (req: IncomingMessage, res: ServerResponse, next: Next) => void

/** A handler that attaches `req.session`. A request without a cookie goes on at once; one whose cookie could not be
 * loaded goes to `next(error)`, because an app must not treat a signed-in user as a stranger while its store is away. */
export function createMiddleware(service: SessionService): RequestHandler {
  watchFirstResponses()
  return function sessionMiddleware(req, res, next) {
    if (isAttached(service, req)) {
      next()
      return
    }
    let found: Awaitable<FoundByCookie>
    try {
      found = findByCookie(service, req)
    } catch (error) {
      passError(error, res, next)
      return
    }
    if (isPromise(found)) {
      void attachWhenFound(found, service, req, res, next, sessionMiddleware)
      return
    }
    new RequestSession(service, req, res, next, sessionMiddleware, found)
    next()
  }
}

async function attachWhenFound(
  found: PromiseLike<FoundByCookie>,
  service: SessionService,
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
  middleware: object,
): Promise<void> {
  let sent: FoundByCookie
  try {
    sent = await found
  } catch (error) {
    passError(error, res, next)
    return
  }
  new RequestSession(service, req, res, next, middleware, sent)
  next()
}

/** Mounted twice, the first one serves. */
function isAttached(service: SessionService, req: IncomingMessage): boolean {
  if ((req as { session?: unknown }).session === undefined) return false
  try {
    return requestSessionOf(req).service === service
  } catch (error) {
    if (error instanceof SessionError) return false
    throw error
  }
}
