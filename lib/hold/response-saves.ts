import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Awaitable } from '../base/awaitable'
import { inNextTurn } from '../base/next-turn'
import { warnRarely } from '../base/warnings'
import { FailureResponse, forgetRequest, type Next, noteRequest, reasonOf } from './failure-response'
import type { CacheControl } from './response-headers'
import { ResponseHold } from './response-hold'
import type { ResponseHooks } from './response-hooks'
import { isNeverSent } from './response-progress'

/** Stores what one request has changed. */
export interface Committer {
  /** Resolves to the `Set-Cookie` values that the response is to carry; at once where nothing has to wait. */
  commit(headersSent: boolean): Awaitable<readonly string[]>
  /** Default `private`. */
  readonly cacheControl?: CacheControl
  /** The app has read the session. Default false: the response gets no `Vary`. */
  readonly variesOnCookie?: boolean
  /** Default false. See `ResponseHooks`. */
  readonly ignoresAfterEnd?: boolean
}

/**
 * When a request's changes are stored: before a byte of the response leaves; when the response closes, where it is never
 * ended; in the next turn, where they come later still. A change that cannot be stored gives the app's error page, or a
 * 503, in place of the response.
 */
export class ResponseSaves implements ResponseHooks {
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #next: Next
  readonly #middleware: object
  readonly #committer: Committer
  readonly #hold: ResponseHold
  /** Nothing can have changed so far. Never again once something could: an object that was read may be changed later. */
  #isClean = true
  /** Something can have changed since the last commit began. */
  #isChangePending = false
  /** The response will ask for no further commit. */
  #isOver = false
  #hasWarned = false
  #lateSave: Promise<void> | undefined
  #failure: FailureResponse | undefined

  /** @param middleware The function that the app has mounted. */
  constructor(req: IncomingMessage, res: ServerResponse, next: Next, middleware: object, committer: Committer) {
    this.#req = req
    this.#res = res
    this.#next = next
    this.#middleware = middleware
    this.#committer = committer
    this.#hold = new ResponseHold(res, this)
    // The `next` of Express is made for each request.
    if (!this.#hold.isShared) noteRequest(next, middleware, req)
  }

  get isClean(): boolean {
    return this.#isClean
  }

  get variesOnCookie(): boolean {
    return this.#committer.variesOnCookie ?? false
  }

  get cacheControl(): CacheControl {
    return this.#committer.cacheControl ?? 'private'
  }

  get ignoresAfterEnd(): boolean {
    return this.#committer.ignoresAfterEnd ?? false
  }

  /** Something may have changed, or may change from now on. */
  expectChange(): void {
    if (this.#isClean) {
      this.#isClean = false
      if (isNeverSent(this.#req, this.#res) || !this.#hold.expectChange()) this.#isOver = true
    }
    if (this.#isOver) this.#saveLate()
    else this.#isChangePending = true
  }

  /** Warns that a cookie comes after the headers: once, because a stream asks at each of its chunks. */
  warnOfLateCookie(): void {
    if (this.#hasWarned) return
    this.#hasWarned = true
    warnRarely('HOLDFAST_COOKIE_AFTER_HEADERS')
  }

  /** Runs the task when the response has ended, or its client has left. */
  whenOver(task: () => void): void {
    // A stub of a response is no emitter.
    if (typeof this.#res.once === 'function') this.#res.once('close', task)
    else inNextTurn(task)
  }

  beforeSend(headersSent: boolean): Awaitable<readonly string[]> {
    this.#isChangePending = false
    return this.#committer.commit(headersSent)
  }

  afterEnd(): void {
    this.#settle()
    // What an error page does to the session is not saved: a second failure would have no error handler to go to.
    if (this.#failure !== undefined) return
    this.#isOver = true
    if (this.#isChangePending) this.#saveLate()
  }

  afterClose(isUnfinished: boolean): void {
    this.#settle()
    if (!isUnfinished) return
    this.#isOver = true
    // The client has left before there was a response: no cookie can reach it, and nothing is wrong.
    if (!this.#res.headersSent) this.#hasWarned = true
    this.#saveLate()
  }

  onError(error: unknown, discardedStatus: number): void {
    this.#failure = new FailureResponse(this.#req, this.#res, this.#next, this.#middleware)
    this.#failure.start(error, discardedStatus)
  }

  onLateError(error: unknown): void {
    warnRarely('HOLDFAST_SAVE_FAILED_AFTER_HEADERS', reasonOf(error))
    if (typeof this.#res.destroy === 'function') this.#res.destroy()
  }

  /** Nothing that outlives the response may keep the request in memory. */
  #settle(): void {
    this.#failure?.settle()
    if (!this.#hold.isShared) forgetRequest(this.#next)
  }

  /** Saves a change that comes after the response has ended. Nothing waits for it. */
  #saveLate(): void {
    const before = this.#lateSave ?? new Promise<void>((resolve) => inNextTurn(resolve))
    const save = before.then(async () => {
      if (this.#lateSave === save) this.#lateSave = undefined
      try {
        await this.beforeSend(true)
      } catch (error) {
        warnRarely('HOLDFAST_SAVE_FAILED_AFTER_END', reasonOf(error))
      }
    })
    this.#lateSave = save
  }
}
