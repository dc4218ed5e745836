import type { IncomingMessage } from 'node:http'
import { andThen, type Awaitable } from '../base/awaitable'
import { headerOf, isSecureRequest } from '../base/request'
import type { SessionService, VerifiedSession } from './session-service'

/** What the request's cookie has shown. */
export interface Presentation {
  readonly secure: boolean
  readonly presented: boolean
}

/** The session that a request's cookies open; see {@link findPresented}. */
export interface Presented extends Presentation {
  readonly verified: VerifiedSession | undefined
}

/**
 * The live session that the request's cookies name. A browser may send several of one name: left over from another path,
 * or planted by a neighbour. Dead ones are passed over; when two live sessions are named nobody can tell whose request it
 * is, and neither is served.
 */
export function findPresented(
  service: SessionService,
  req: IncomingMessage,
  secure = isSecureRequest(req),
): Awaitable<Presented> {
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
