import type { IncomingMessage, ServerResponse } from 'node:http'
import { SessionError } from '../base/errors'
import type { SessionService, VerifiedSession } from '../manager/session-service'
import { andThen, type Awaitable, isPromise } from '../session/store'
import type { Session } from '../session/session'
import { Exchange, exchangeOf, type Next, type Presentation } from './exchange'
import { headerOf, isSecureRequest } from './request'

/** What Express, Connect and a bare `node:http` server all call. */
export type RequestHandler = (req: IncomingMessage, res: ServerResponse, next: Next) => void

/** The session that a request's cookies open; see {@link findPresented}. */
export interface Presented extends Presentation {
  readonly verified: VerifiedSession | undefined
}

/** A handler that attaches `req.session`. A request without a cookie goes on at once; one whose cookie could not be
 * looked up goes to `next(error)`, for an app must not take a customer for a stranger because a store is away. */
export function createMiddleware(service: SessionService): RequestHandler {
  return function sessionMiddleware(req, res, next) {
    if (isAttached(service, req)) {
      next()
      return
    }
    let found: Awaitable<Presented>
    try {
      found = findPresented(service, req)
    } catch (error) {
      next(error)
      return
    }
    if (isPromise(found)) {
      found.then((presented) => {
        attach(service, req, res, next, presented)
        next()
      }, next)
      return
    }
    attach(service, req, res, next, found)
    next()
  }
}

function attach(service: SessionService, req: IncomingMessage, res: ServerResponse, next: Next, presented: Presented): void {
  const { verified } = presented
  const session: Session = verified === undefined ? service.fresh() : service.open(verified)
  new Exchange(service, req, res, next, presented, session)
}

/** Mounted twice, the first one serves. */
function isAttached(service: SessionService, req: IncomingMessage): boolean {
  if ((req as { session?: unknown }).session === undefined) return false
  try {
    return exchangeOf(req).service === service
  } catch (error) {
    if (error instanceof SessionError) return false
    throw error
  }
}

/**
 * The live session that the request's cookies name. A browser may send several of one name: left over from another path,
 * or planted by a neighbour. Dead ones are passed over; when two live sessions are named nobody can tell whose request it
 * is, and neither is served.
 */
export function findPresented(service: SessionService, req: IncomingMessage, secure = isSecureRequest(req)): Awaitable<Presented> {
  const { presented, ids } = service.options.cookie.read(headerOf(req, 'cookie'), secure)
  if (ids.length === 0) return { secure, presented, verified: undefined }
  return andThen(findOnlyLive(service, ids, 0, undefined), (verified) => ({ secure, presented, verified }))
}

function findOnlyLive(
  service: SessionService,
  ids: readonly string[],
  index: number,
  found: VerifiedSession | undefined,
): Awaitable<VerifiedSession | undefined> {
  const id = ids[index]
  if (id === undefined) return found
  return andThen(service.find(id), (verified) => {
    if (verified === undefined) return findOnlyLive(service, ids, index + 1, found)
    if (found !== undefined && found.handle !== verified.handle) return undefined
    // Two ids of one session, around a renewal: the current one counts.
    const better = found === undefined || verified.openedAs === 'current' ? verified : found
    return findOnlyLive(service, ids, index + 1, better)
  })
}
