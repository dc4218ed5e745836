import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Awaitable, isPromise } from '../base/awaitable'
import { SessionError } from '../base/errors'
import { claimsForwardedTls, isSecureRequest } from '../base/request'
import { warnRarely } from '../base/warnings'
import type { Next } from '../hold/failure-response'
import { canInterceptLater, onWrappedHead } from '../hold/intercept'
import type { CacheControl } from '../hold/response-headers'
import { type Committer, ResponseSaves } from '../hold/response-saves'
import { commitReplacement } from '../service/commit-replacement'
import type { FoundByCookie } from '../service/find-by-cookie'
import type { CommitOutcome, SessionService, VerifiedSession } from '../service/session-service'
import { refuseCookie, refusesCookie, warnOfSecureCookie } from '../service/untrusted-proxy'
import type { CommitFacts } from '../session/commit-plan'
import { type AnySession, Session, stateOf } from '../session/session'
import type { LoginIntent, SessionOwner } from '../session/session-setting'
import { attachSession, holderOf } from './attach-session'

export type SessionRequest = IncomingMessage & { session: AnySession }

/** One request and its response, and the sessions in it: the current one, and those that it ended on the way. */
export class RequestSession implements Committer, SessionOwner {
  static {
    onWrappedHead(({ req }) => {
      const holder = (req as IncomingMessage | undefined) && holderOf(req)
      if (holder instanceof RequestSession) holder.#intercept()
    })
  }

  readonly service: SessionService
  readonly #req: SessionRequest
  readonly #res: ServerResponse
  readonly #next: Next
  readonly #middleware: object
  #saves: ResponseSaves | undefined
  #secure: boolean | undefined
  /** The client has a cookie of our name, good or not. */
  #hasCookie: boolean
  /** The id that the client has, or is about to get. */
  #clientId: string | undefined
  /** Made when it is first asked for: a request that leaves its session alone has none. */
  #session: Session | undefined
  /** Those that the request ended on the way, and that the store still has. */
  readonly #ended: Session[] = []
  #rivals: readonly VerifiedSession[]

  constructor(
    service: SessionService,
    req: IncomingMessage,
    res: ServerResponse,
    next: Next,
    middleware: object,
    sent: FoundByCookie,
  ) {
    this.service = service
    this.#req = req as SessionRequest
    this.#res = res
    this.#next = next
    this.#middleware = middleware
    const outer = holderOf(req)
    // Of two that serve one request, the first one is next to Node, whichever is used first.
    if (outer instanceof RequestSession) outer.#intercept()
    if (sent.verified !== undefined || !canInterceptLater(res)) this.#intercept()
    this.#secure = sent.secure
    this.#hasCookie = sent.hasCookie
    this.#rivals = sent.rivals
    attachSession(req, this)
    if (sent.verified === undefined) return
    const session = this.#begin(service.open(sent.verified, 'client'))
    this.#clientId = session.id
    if (service.isCommitExpected(session)) this.expectChange()
  }

  /** What `req.session` gives. */
  get session(): Session {
    return this.#session ?? this.#begin(this.service.fresh())
  }

  get req(): IncomingMessage {
    return this.#req
  }

  /** The session so far ends, and a fresh one takes its place. */
  startOver(): Session {
    const { session: before } = this
    if (!before.destroyed) before.destroy()
    this.#ended.push(before)
    const session = this.#begin(this.service.fresh())
    if (stateOf(before).wasRead) stateOf(session).noteRead()
    this.expectChange()
    return session
  }

  expectChange(): void {
    this.#intercept().expectChange()
  }

  /** Replaces the id and binds the session at the next save. A login over the login of another user starts from nothing. */
  login(login: LoginIntent): void {
    const { destroyed, subject } = stateOf(this.session)
    const isOther = subject !== undefined && login.subject !== undefined && subject !== login.subject
    const state = stateOf(destroyed || isOther ? this.startOver() : this.session)
    state.logIn(login)
    state.noteChange()
  }

  get variesOnCookie(): boolean {
    return this.#session !== undefined && stateOf(this.#session).wasRead && this.service.options.vary
  }

  get cacheControl(): CacheControl {
    return this.service.options.cacheControl
  }

  commit(headersSent: boolean): Awaitable<readonly string[]> {
    const isRefused = !this.#isSecure && refusesCookie(this.service.options.cookie.settings, this.#req)
    const delivery = headersSent ? 'headers-sent' : isRefused ? 'insecure' : 'open'
    stateOf(this.session).announceNextChange()
    if (this.#rivals.length > 0 && this.#endsRivals(delivery)) return this.#commitAfterRivals(headersSent)
    if (this.#ended.length > 0) return this.#commitReplacement(delivery)
    const outcome = this.service.commit(this.session, delivery, this.#hasCookie)
    return isPromise(outcome) ? this.#cookiesWhenKnown(outcome, delivery) : this.#cookiesOf(outcome, false, delivery)
  }

  #commitAfterRivals(headersSent: boolean): PromiseLike<readonly string[]> {
    const rivals = this.#rivals
    this.#rivals = []
    return this.service.endAll(rivals).then(() => this.commit(headersSent))
  }

  async #commitReplacement(delivery: CommitFacts['delivery']): Promise<readonly string[]> {
    const { service } = this
    const { outcome, cleared } = await commitReplacement(service, this.#ended, this.session, delivery, this.#hasCookie)
    return this.#cookiesOf(outcome, cleared, delivery)
  }

  async #cookiesWhenKnown(
    outcome: PromiseLike<CommitOutcome>,
    delivery: CommitFacts['delivery'],
  ): Promise<readonly string[]> {
    return this.#cookiesOf(await outcome, false, delivery)
  }

  #begin(session: Session): Session {
    this.#session = session
    this.#intercept()
    stateOf(session).attachTo(this)
    return session
  }

  #intercept(): ResponseSaves {
    return (this.#saves ??= new ResponseSaves(this.#req, this.#res, this.#next, this.#middleware, this))
  }

  get #isSecure(): boolean {
    return (this.#secure ??= isSecureRequest(this.#req))
  }

  /** A login, so that the next request names the new session alone; and an end, so that it does not open another login of
   * the same user. */
  #endsRivals(delivery: CommitFacts['delivery']): boolean {
    const { destroyed, login } = stateOf(this.session)
    return destroyed || this.#ended.length > 0 || (login !== undefined && delivery === 'open')
  }

  #cookiesOf(outcome: CommitOutcome, cleared: boolean, delivery: CommitFacts['delivery']): readonly string[] {
    const { cookie } = this.service.options
    const state = stateOf(this.session)
    // The app may have saved the session itself, with `sessions.save(req.session)`: then nothing was left to store here,
    // and the client does not know yet.
    const { issuedId } = state
    const isCookieDue = issuedId !== undefined && !state.isOver && issuedId !== this.#clientId
    if (isCookieDue) this.#clientId = issuedId
    if (outcome.undeliverable || (isCookieDue && delivery !== 'open')) this.#warnUndelivered(delivery)
    if (outcome.cookie === 'send' || (isCookieDue && delivery === 'open')) {
      this.#hasCookie = true
      this.#warnOfProxy()
      return [cookie.write(issuedId ?? state.id, this.#isSecure, this.#maxAge())]
    }
    const isEnded = state.destroyed && state.isOver && !state.isDeleteRefused && this.#hasCookie && delivery === 'open'
    if (outcome.cookie !== 'clear' && !cleared && !isEnded) return noCookies
    this.#hasCookie = false
    return [cookie.clear(this.#isSecure)]
  }

  /** The cookie ends with the session, never a second before it. */
  #maxAge(): number | undefined {
    const { service } = this
    if (!service.options.cookie.settings.persistent) return undefined
    return Math.max(1, Math.ceil(stateOf(this.session).expiresAt - service.now))
  }

  /** @throws SessionError `PROXY_NOT_TRUSTED`. */
  #warnUndelivered(delivery: CommitFacts['delivery']): void {
    if (delivery === 'headers-sent') this.#intercept().warnOfLateCookie()
    else if (this.service.options.cookie.settings.secure === 'auto') refuseCookie()
    else warnOfSecureCookie(this.#req)
  }

  #warnOfProxy(): void {
    if (this.#isSecure || this.service.options.cookie.settings.secure !== 'auto' || !claimsForwardedTls(this.#req)) {
      return
    }
    warnRarely('HOLDFAST_UNTRUSTED_PROXY')
  }
}

const noCookies: readonly string[] = []

/** The one that the request's session belongs to. */
export function requestSessionOf(req: IncomingMessage): RequestSession {
  const { session } = req as Partial<SessionRequest>
  // Other middleware may have put anything there.
  const owner = session instanceof Session ? stateOf(session).owner : undefined
  if (owner instanceof RequestSession) return owner
  throw new SessionError(
    'SESSION_MISSING',
    'req.session is missing; mount sessionMiddleware() before the routes and middleware that use sessions',
  )
}
