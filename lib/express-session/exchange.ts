import type { IncomingMessage, ServerResponse } from 'node:http'
import { andThen, type Awaitable, isPromise, whenDone } from '../base/awaitable'
import { inNextTurn } from '../base/next-turn'
import { TaskLine } from '../base/task-line'
import type { Next } from '../hold/failure-response'
import { type Committer, ResponseSaves } from '../hold/response-saves'
import type { Secret } from '../id/hmac-signature'
import { warnOfSecureCookie } from '../service/untrusted-proxy'
import { hasChanges } from '../session/fields'
import { type CommitFacts, planCommit } from './commit-plan'
import { Cookie, slide } from './cookie'
import { ForeignSession } from './foreign-session'
import { clearId, isSecure, mintId, writeId } from './id-cookie'
import type { SessionChanges, StoredSession } from './records'
import { isDeleted } from './request-properties'
import { type Callback, Session, type SessionRequest, tracked } from './session'
import type { Setting } from './setting'
import { writeSession } from './write-session'
import { type CommittableSession, type SessionHost, TrackedSession } from './tracked-session'

const nothing: readonly never[] = []
const noCookies: readonly string[] = nothing

/** One request and its session: what `req.session`, `req.sessionID` and `req.sessionStore` show, and what the end of the
 * response stores. */
export class Exchange implements SessionHost, Committer {
  readonly setting: Setting
  readonly req: IncomingMessage & SessionRequest
  sessionStore: unknown
  readonly isDeletable: boolean
  readonly ignoresAfterEnd = true
  readonly #secrets: readonly Secret[]
  readonly #saves: ResponseSaves
  /** The id that the client has. */
  #clientId: string | undefined
  #isCookieThere: boolean
  /** Undefined: not made yet, because the app has not asked. Null: the app took it away, or destroyed it. */
  #current: CommittableSession | null | undefined
  /** What `req.session` shows while there is none. */
  #absent: unknown
  /** The session that the app took away, for the option `unset`. */
  #unset: CommittableSession | undefined
  /** The session that was destroyed or taken away: `req.sessionID` still has its id. */
  #before: CommittableSession | undefined
  /** What the app wrote into `req.sessionID`. */
  #givenId: unknown
  /** The session whose cookie is to be cleared, and the one whose cookie it was sent. */
  #ended: CommittableSession | undefined
  #sentFor: CommittableSession | undefined
  /** What is under way for this request, so that a save and an end do not overtake each other. */
  readonly #tasks = new TaskLine()
  /** A failed `save()` without a callback, and the like. */
  #unreported: { readonly error: unknown } | undefined

  constructor(
    setting: Setting,
    req: IncomingMessage,
    res: ServerResponse,
    next: Next,
    middleware: object,
    secrets: readonly Secret[],
    isCookieThere: boolean,
  ) {
    this.setting = setting
    this.req = req
    this.sessionStore = setting.store
    this.isDeletable = setting.options.unsetDestroys
    this.#secrets = secrets
    this.#isCookieThere = isCookieThere
    this.#saves = new ResponseSaves(req, res, next, middleware, this)
  }

  /** The session of the id that the client showed; without one, a new session as soon as the app asks. */
  open(id: string | undefined, stored: StoredSession | undefined): void {
    const { saveUninitialized, rolling } = this.setting.options
    this.#clientId = id
    if (id !== undefined && stored !== undefined) {
      const opened = TrackedSession.opened(this, id, stored)
      this.#current = opened
      this.setting.accesses.record(id, opened, this.#saves)
    } else if (saveUninitialized) this.#saves.expectChange()
    if (rolling || this.isDeletable) this.#saves.expectChange()
  }

  get hasSession(): boolean {
    return this.#current !== null
  }

  get session(): unknown {
    if (this.#current === undefined) this.#current = this.#fresh()
    return this.#current === null ? this.#absent : this.#current.session
  }

  set session(value: unknown) {
    const before = this.#current === undefined ? this.#fresh() : this.#current
    if (before !== null && before.session === value) return
    this.mayChange()
    if (typeof value !== 'object' || value === null) {
      this.#unset = before ?? this.#unset
      this.#before = before ?? this.#before
      this.#current = null
      this.#absent = value
      return
    }
    this.#current = this.#adopt(value, before)
  }

  get sessionID(): unknown {
    if (this.#givenId !== undefined) return this.#givenId
    if (this.#current === undefined) this.#current = this.#fresh()
    return (this.#current ?? this.#before)?.id
  }

  set sessionID(id: unknown) {
    this.mayChange()
    this.#givenId = id
  }

  /** Gives the request a new session, as `store.generate(req)` does. */
  generate(): void {
    this.mayChange()
    this.#givenId = undefined
    this.#current = this.#fresh()
    this.#current.modified = true
  }

  mintId(): string {
    const { genid } = this.setting.options
    return genid === undefined ? mintId() : (genid(this.req) as string)
  }

  mayChange(): void {
    this.#saves.expectChange()
  }

  save(session: TrackedSession, callback: Callback | undefined): void {
    this.#report(() => andThen(writeSession(this.setting, session, this.req), () => undefined), callback)
  }

  destroy(session: TrackedSession, callback: Callback | undefined): void {
    this.#takeAway(session)
    this.#report(() => this.#end(session), callback)
  }

  regenerate(_session: TrackedSession, callback: Callback | undefined): void {
    const before = this.#current
    const generate = (): void => {
      if (this.#current === before || this.#current === null) this.generate()
    }
    // Without a callback the app goes on at once, and means the new session.
    if (callback === undefined) {
      generate()
      this.#report(() => (before ? this.#end(before) : undefined), undefined)
      return
    }
    const report: Callback = (error) => {
      generate()
      callback(error)
    }
    this.#report(() => (before ? this.#end(before) : undefined), report)
  }

  reload(session: TrackedSession, callback: Callback | undefined): void {
    const reload = (): Awaitable<void> =>
      andThen(session.ended ? undefined : this.setting.records.load(session.id, this.req), (stored) => {
        if (stored === undefined) throw new Error('failed to load session')
        const reloaded = TrackedSession.opened(this, session.id, stored)
        reloaded.modified = session.modified
        this.#current = reloaded
      })
    this.#report(reload, callback)
  }

  #fresh(): TrackedSession {
    const { cookie: attributesOf, proxy } = this.setting.options
    const attributes = attributesOf(this.req)
    const cookie = new Cookie(attributes)
    if (attributes.secure === 'auto') cookie.secure = isSecure(this.req, proxy)
    if (attributes.sameSite === 'auto') cookie.sameSite = isSecure(this.req, proxy) ? 'none' : 'lax'
    return TrackedSession.fresh(this, cookie)
  }

  /** What the app put into `req.session` in place of the one before. */
  #adopt(value: object, before: CommittableSession | null): CommittableSession {
    const methods = (value as { [tracked]?: unknown })[tracked]
    if (methods instanceof TrackedSession) return methods
    const { id } = value as { id?: unknown }
    ;(value as { cookie?: unknown }).cookie ??= (before ?? this.#fresh()).cookie
    const given = typeof id === 'string' ? id : this.#givenId
    const isSession = value instanceof Session || typeof (value as { save?: unknown }).save === 'function'
    // An id that was minted for this request has no record yet; the store may have one under an id of the app's `genid`.
    const isKnown = before?.id === given && (before?.stored === true || this.setting.options.genid === undefined)
    if (isSession && typeof given === 'string' && !isKnown) {
      return ForeignSession.read(value, given)
    }
    const texts = before instanceof TrackedSession ? before.storedTexts() : new Map<string, string>()
    return new ForeignSession(value, before?.id ?? this.mintId(), texts, before?.stored ?? false)
  }

  #takeAway(session: CommittableSession): void {
    this.mayChange()
    if (this.#current !== session) return
    this.#before = session
    this.#current = null
    this.#absent = undefined
  }

  /** Runs after what is under way for this request. */
  #run<T>(task: () => Awaitable<T>): Awaitable<T> {
    const { end } = this.#tasks
    return this.#begun(end === undefined ? task() : end.then(task))
  }

  #begun<T>(result: Awaitable<T>): Awaitable<T> {
    if (isPromise(result)) this.#tasks.add(result)
    return result
  }

  /** Runs at once and reports to the callback; without one, the response waits and an error goes to its error handler. */
  #report(task: () => Awaitable<void>, callback: Callback | undefined): void {
    this.mayChange()
    whenDone(
      () => this.#run(task),
      () => {
        if (callback !== undefined) inNextTurn(callback)
      },
      (error) => {
        if (callback !== undefined) inNextTurn(callback, error)
        else this.#unreported = { error }
      },
    )
  }

  /** Ends the session in the store; one that was never stored costs nothing. */
  #end(session: CommittableSession): Awaitable<void> {
    if (session.ended) return
    if (!session.stored) {
      session.ended = true
      this.#ended = session
      return
    }
    return andThen(this.setting.records.end(session.id), () => {
      session.ended = true
      this.#ended = session
    })
  }

  commit(headersSent: boolean): Awaitable<readonly string[]> {
    if (this.#tasks.end !== undefined) return this.#commitAfter(this.#tasks.end, headersSent)
    if (this.#unreported !== undefined) {
      const { error } = this.#unreported
      this.#unreported = undefined
      throw error
    }
    if (this.#givenId !== undefined && typeof this.#givenId !== 'string') return noCookies
    if (this.#current !== null && isDeleted(this.req, this)) this.session = undefined
    if (this.#current === undefined && this.setting.options.saveUninitialized) this.#current = this.#fresh()
    if (this.#current === undefined) return noCookies
    if (this.#current === null) return this.#commitUnset(headersSent)
    const session = this.#current
    return session.ended ? noCookies : this.#commitSession(session, headersSent)
  }

  async #commitAfter(tasks: Promise<void>, headersSent: boolean): Promise<readonly string[]> {
    await tasks
    return this.commit(headersSent)
  }

  #commitUnset(headersSent: boolean): Awaitable<readonly string[]> {
    const unset = this.#unset
    this.#unset = undefined
    const { unsetDestroys } = this.setting.options
    const end = unset !== undefined && unsetDestroys ? this.#run(() => this.#end(unset)) : undefined
    return andThen(end, () => this.#clearCookie(headersSent))
  }

  #clearCookie(headersSent: boolean): readonly string[] {
    const ended = this.#ended
    this.#ended = undefined
    if (ended === undefined || headersSent || !this.#isCookieThere || this.#deliveryOf(ended, false) !== 'open') {
      return noCookies
    }
    this.#isCookieThere = false
    return [clearId(this.setting.options.name, ended.cookie)]
  }

  #commitSession(session: CommittableSession, headersSent: boolean): Awaitable<readonly string[]> {
    const { options } = this.setting
    const changes = session.stored ? session.changes() : { set: session.all(), remove: nothing }
    const changed = hasChanges(changes)
    const modified = session.modified || changed
    // An id is minted only for a session that is to be stored.
    const exists = session.stored || options.saveUninitialized || modified
    if (!exists || typeof session.id !== 'string') return noCookies
    const plan = planCommit({
      stored: session.stored,
      changed,
      modified,
      cookieChanged: session.isCookieChanged,
      accessRequested: session.accessRequested,
      saveUninitialized: options.saveUninitialized,
      rolling: options.rolling,
      hasEnd: session.cookie.expires != null,
      clientHasId: session.id === this.#clientId,
      sent: this.#sentFor === session,
      delivery: this.#deliveryOf(session, headersSent),
    })
    if (plan.undeliverable) {
      if (headersSent) this.#saves.warnOfLateCookie()
      else warnOfSecureCookie(this.req)
    }
    if (plan.store === 'nothing' && !plan.sendsCookie) return noCookies
    slide(session.cookie)
    // Made before anything is stored: attributes that cannot stand in a header store nothing.
    const { name } = options
    const cookies = plan.sendsCookie ? [writeId(session.id, name, this.#secrets, session.cookie)] : noCookies
    // An app that makes the ids may have changed the session meanwhile.
    const known = options.genid === undefined ? changes : undefined
    const stored = plan.store === 'nothing' || this.#write(session, known)
    return isPromise(stored)
      ? this.#cookiesWhenStored(stored, session, cookies)
      : this.#cookiesOf(stored, session, cookies)
  }

  #write(session: CommittableSession, known: SessionChanges | undefined): Awaitable<boolean> {
    // A `toJSON` of the app may have begun something.
    if (this.#tasks.end !== undefined) return this.#run(() => writeSession(this.setting, session, this.req, known))
    return this.#begun(writeSession(this.setting, session, this.req, known))
  }

  async #cookiesWhenStored(
    stored: PromiseLike<boolean>,
    session: CommittableSession,
    cookies: readonly string[],
  ): Promise<readonly string[]> {
    return this.#cookiesOf(await stored, session, cookies)
  }

  #cookiesOf(isLive: boolean, session: CommittableSession, cookies: readonly string[]): readonly string[] {
    if (!isLive) return noCookies
    if (cookies.length > 0) this.#sentFor = session
    return cookies
  }

  #deliveryOf(session: CommittableSession, headersSent: boolean): CommitFacts['delivery'] {
    if (headersSent) return 'headers-sent'
    return session.cookie.secure && !isSecure(this.req, this.setting.options.proxy) ? 'insecure' : 'open'
  }
}
