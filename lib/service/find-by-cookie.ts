import type { IncomingMessage } from 'node:http'
import { type Awaitable, isPromise } from '../base/awaitable'
import { headerOf, isSecureRequest } from '../base/request'
import type { SessionService, VerifiedSession } from './session-service'

/** What the cookies of a request say. */
export interface RequestCookie {
  /** Whether the request came over TLS; undefined where the cookies left no need to ask. */
  readonly secure: boolean | undefined
  /** The client sent a cookie of our name, valid or not. */
  readonly hasCookie: boolean
  /** Live sessions that the cookies name beside the one that is served; a login of this request ends them. */
  readonly rivals: readonly VerifiedSession[]
}

/** The session that a request's cookies open; see {@link findByCookie}. */
export interface FoundByCookie extends RequestCookie {
  readonly verified: VerifiedSession | undefined
}

/** Of several ids of one session, the one that was issued last counts. */
const ranks: Readonly<Record<VerifiedSession['openedAs'], number>> = { previous: 0, renewed: 1, current: 2, pending: 3 }

const noRivals: readonly VerifiedSession[] = []
const nothingSent: FoundByCookie = { secure: undefined, hasCookie: false, rivals: noRivals, verified: undefined }

/**
 * The live session that the request's cookies name. A browser may send several of one name: left over from another path,
 * or planted by a neighbouring site. All are loaded at once, so that `storeTimeout` is the limit for the request; which
 * of several live sessions is served, {@link chooseSession} says.
 */
export function findByCookie(
  service: SessionService,
  req: IncomingMessage,
  isSecure = isSecureRequest,
): Awaitable<FoundByCookie> {
  const header = headerOf(req, 'cookie')
  if (header === undefined) return nothingSent
  const secure = isSecure(req)
  const { hasCookie, ids } = service.options.cookie.read(header, secure)
  const [id] = ids
  if (id === undefined) return { secure, hasCookie, rivals: noRivals, verified: undefined }
  if (ids.length === 1) {
    const verified = service.find(id)
    return isPromise(verified) ? describeWhenFound(verified, secure) : { secure, hasCookie, rivals: noRivals, verified }
  }
  return findSeveral(service, ids, secure)
}

async function describeWhenFound(
  found: PromiseLike<VerifiedSession | undefined>,
  secure: boolean,
): Promise<FoundByCookie> {
  return { secure, hasCookie: true, rivals: noRivals, verified: await found }
}

async function findSeveral(service: SessionService, ids: readonly string[], secure: boolean): Promise<FoundByCookie> {
  // Each in an async function, so that one that throws leaves no rejection of another unhandled.
  const found = await Promise.all(ids.map(async (one) => service.find(one)))
  return { secure, hasCookie: true, ...chooseSession(found.filter((one) => one !== undefined)) }
}

/**
 * Which of several live sessions is served:
 * - of two ids of one session, around a renewal, the newer one;
 * - of anonymous sessions and logins, the login: a planted anonymous session does not hide it;
 * - of several logins of one user, the newest;
 * - otherwise (several visitors, several users) none: the request does not say whose it is.
 */
function chooseSession(found: readonly VerifiedSession[]): {
  verified: VerifiedSession | undefined
  rivals: readonly VerifiedSession[]
} {
  const sessions = new Map<string, VerifiedSession>()
  for (const one of found) {
    const other = sessions.get(one.handle)
    if (other === undefined || ranks[one.openedAs] > ranks[other.openedAs]) sessions.set(one.handle, one)
  }
  const distinct = [...sessions.values()]
  if (distinct.length <= 1) return { verified: distinct[0], rivals: noRivals }
  const [newest, ...others] = distinct
    .filter(({ stored }) => stored.record.subject !== undefined)
    .sort((one, other) => other.stored.record.createdAt - one.stored.record.createdAt)
  const subject = newest?.stored.record.subject
  const verified = others.every((one) => one.stored.record.subject === subject) ? newest : undefined
  return { verified, rivals: distinct.filter((one) => one !== verified) }
}
