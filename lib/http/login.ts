import type { IncomingMessage } from 'node:http'
import { SessionError } from '../base/errors'
import { checkKeys, checkObject, describe, isLifetime, type KeysOf, lifetimeAccepts } from '../base/option-check'
import type { UserSessionOperationContext } from '../session/session-shape'
import { refuseCallback } from '../session/misuse'
import { checkSubject, copyContext } from '../session/subject'
import { requestSessionOf } from './request-session'

export interface LoginOptions {
  /** Absolute lifetime of this login in seconds: long for "remember me", short for a shared computer. Default:
   * `sessionTtl`; at most 34 560 000, 400 days. */
  ttl?: number | undefined
  /** From where the user logs in. Default: what the option `context` says of the request. */
  context?: UserSessionOperationContext | undefined
}

const acceptedRequest = 'the request that the route was given'
const loginKeys: KeysOf<LoginOptions> = { ttl: true, context: true }

/**
 * Makes the request's session a login: to be called once the password, or whatever proves who it is, was checked.
 *
 * Replaces the id without overlap, so that the id from before is invalid once this is stored and a request that began
 * on it writes nothing (OWASP Session Management, "Renew the session ID after any privilege level change"); keeps the
 * visitor's data, a cart for example; binds the session to `subject` with its context; restarts its lifetime. Over the
 * login of another user it starts from empty data. Stored, as every change, before the response leaves.
 *
 * @param subject Whose session it is: any non-empty string, for example a user's id. Left out, `login(req)`: the session
 *   keeps the subject that it has, or has none; the id and the lifetime are renewed all the same. An undefined that is
 *   written out, `login(req, user.Id)`, is refused.
 * @throws SessionError `SESSION_MISSING` without the middleware, `INVALID_ARGUMENT` for a wrong request, subject, context
 *   or ttl, `INVALID_SESSION_VALUE` for a context that JSON cannot carry.
 *
 * @example
 * app.post('/login', async (req, res) => {
 *   const user = await checkPassword(req.body.name, req.body.password)
 *   login(req, user.id, { ttl: req.body.remember ? 30 * 86_400 : undefined })
 *   res.redirect('/')
 * })
 */
export function login(req: IncomingMessage): void
// eslint-disable-next-line @typescript-eslint/unified-signatures -- together they would accept an undefined
export function login(req: IncomingMessage, subject: string, options?: LoginOptions): void
export function login(req: IncomingMessage, ...rest: [subject?: string, options?: LoginOptions]): void {
  checkObject('login: the request', req, acceptedRequest)
  const requestSession = requestSessionOf(req)
  const [subject, options = {}] = rest
  // An undefined that is written out is a misspelt `user.Id`: it would renew the session without a login.
  if (rest.length > 0) checkSubject(subject)
  checkKeys<LoginOptions>('login options', options, loginKeys)
  const { sessionTtl, context } = requestSession.service.options
  const { ttl = sessionTtl } = options
  if (!isLifetime('login: ttl', ttl)) {
    throw new SessionError('INVALID_ARGUMENT', `login: ttl is ${describe(ttl)}; it accepts ${lifetimeAccepts}`)
  }
  requestSession.login({ subject, ttl, context: copyContext(options.context ?? context(requestSession.req)) })
}

/**
 * Ends the request's session and leaves a fresh, anonymous one in `req.session`, so that a farewell can be flashed. The
 * record is deleted, and the cookie cleared or replaced, before the response leaves. Requests in flight cannot bring the
 * session back. Without a login it ends the anonymous session. Throws `SESSION_MISSING` without the middleware,
 * `SESSION_MISUSE` for a callback, and `INVALID_ARGUMENT` for a request that is no object.
 */
export function logout(req: IncomingMessage): void {
  // eslint-disable-next-line prefer-rest-params -- not part of the signature
  refuseCallback('logout(req)', arguments[1])
  checkObject('logout: the request', req, acceptedRequest)
  requestSessionOf(req).startOver()
}
