import type { ServerResponse } from 'node:http'
import { type Awaitable, isPromise } from '../base/awaitable'
import { type Appearance, SentMask } from './appear-sent'
import { checkCall, headersAlreadySent, isLateBody, makesHead, type Method, returnValueOf } from './check-call'
import { type Call, DiscardedResponse, ignoreCall } from './discarded-response'
import { Drain } from './drain'
import { intercept, type Interception, type Interceptor, interceptBody, learnPrototype, release } from './intercept'
import { absorbWriteHead, addSessionCookies, setCookiesOf, varyOnCookie, withdrawResponse } from './response-headers'
import type { ResponseHooks } from './response-hooks'
import { isHeadSent, isOver, isStub } from './response-progress'

/**
 * Holds a response back until its hooks let it go: asks them, waits, then replays the calls to Node or discards them.
 *
 * It stands over the methods through which anything leaves, from the start of the request, so that everything that wraps
 * the response meets it at the same place whether the session changes or not. A response whose session did not change
 * passes at once. Calls that are made while the hooks are asked are kept in order and replayed to Node, which then
 * returns and calls back as it always does. `write` returns false meanwhile, and 'drain' follows. What wraps `writeHead`
 * runs when the first call is made, as it would without the hold. 1xx responses (`writeEarlyHints`, `writeContinue`)
 * carry no session and are not held.
 */
export class ResponseHold implements Interceptor, Appearance {
  readonly #res: ServerResponse
  readonly #hooks: ResponseHooks
  readonly #interception: Interception
  /** `open`: ask the hooks at the next call. `waiting`: they were asked. `failing`: the error handler is about to be
   * called. `through`: all calls go to Node. */
  #state: 'open' | 'waiting' | 'failing' | 'through' = 'open'
  #ended = false
  /** One of Node's methods is running: what it calls is not the app's call. */
  #inside = false
  /** The wrappers of `writeHead` are running, for a head that the app did not give itself. */
  #makingHead = false
  /** The arguments with which they came to `writeHead`: what Node is to make the head of. */
  #head: readonly unknown[] | undefined
  #headPassed = false
  #isVaried = false
  #queue: Call[] | undefined
  /** Cookies that the hooks gave and no head has taken yet. */
  #cookies = noCookies
  /** Those of `Set-Cookie` from before the session could change. */
  #cookiesBefore = noCookies
  #discarded: DiscardedResponse | undefined
  #layer = 0
  #drain: Drain | undefined
  #mask: SentMask | undefined
  #isClosed = false

  constructor(res: ServerResponse, hooks: ResponseHooks) {
    this.#res = res
    this.#hooks = hooks
    this.#interception = intercept(res, this)
    // Where `compression` is beneath, the app's listeners for 'drain' must not go to it.
    if (this.#interception.kind === 'own' && Object.hasOwn(res, 'on')) this.#drain = new Drain(res)
  }

  /** Whether the response came from Express, whose responses share our methods. */
  get isShared(): boolean {
    return this.#interception.kind === 'shared'
  }

  /**
   * To be called at the first change: from here on, the hold must not miss the end of the response.
   *
   * @returns False when the end is over, or will not show.
   */
  expectChange(): boolean {
    const res = this.#res
    if (this.#ended || isOver(res, this.isShared)) return false
    this.#cookiesBefore = setCookiesOf(res)
    if (!this.isShared && typeof res.on !== 'function') {
      return Object.values(this.#interception.native).some((method) => method !== undefined)
    }
    res.on('close', this.#closed.bind(this))
    return true
  }

  get appearance(): Appearance | undefined {
    return this.#state === 'waiting' ? this : undefined
  }

  get writableEnded(): boolean {
    return this.#queue?.some(([method]) => method === 'end') ?? false
  }

  get writableNeedDrain(): boolean {
    return this.#drain?.isDue ?? false
  }

  piped(source: unknown): void {
    ;(this.#drain ??= new Drain(this.#res)).piped(source)
  }

  makeImplicitHead(): boolean {
    // `compression` asks for it before each of its writes.
    if (!this.#inside) return this.#state === 'waiting' || this.#head !== undefined
    const head = this.#takeHead()
    if (head === undefined) return false
    this.#interception.native.writeHead?.apply(this.#res, head as unknown[])
    return true
  }

  call(method: Method, args: readonly unknown[], layer = 0): unknown {
    // A layer that was replaced belongs to the discarded response, except for a head: Node itself may ask for that.
    if (layer !== this.#layer && method !== 'writeHead') return ignoreCall(this.#res, method, args)
    if (this.#inside) return this.#toNode(method, (method === 'writeHead' ? this.#takeHead() : undefined) ?? args)
    const isLate = this.#discarded?.isLateCall(method, this.#ended, this.#headersSent)
    if (isLate === true) return ignoreCall(this.#res, method, args)
    if (this.#hooks.ignoresAfterEnd && isLateBody(this.#res, method, this.#ended || this.writableEnded)) return false
    switch (this.#state) {
      case 'through':
        return this.#toNode(method, args)
      case 'failing':
        return ignoreCall(this.#res, method, args)
      case 'waiting':
        return this.#hold(method, args)
      case 'open':
        return this.#ask(method, args)
    }
  }

  get #headersSent(): boolean {
    return (this.isShared && this.#state === 'waiting') || isHeadSent(this.#res, this.isShared)
  }

  #ask(method: Method, args: readonly unknown[]): unknown {
    const hooks = this.#hooks
    if (this.#makingHead && method === 'writeHead') {
      this.#head = args
      return this.#res
    }
    const isWrapped = this.#res.writeHead !== this.#interception.writeHead
    if (hooks.isClean && (this.#headPassed || !isWrapped || method === 'writeHead')) return this.#toNode(method, args)

    let headersSent = this.#headersSent
    if (headersSent && method === 'writeHead') return this.#toNode(method, args)
    checkCall(this.#res, method, args, !headersSent)
    if (isWrapped && !headersSent && !this.#makingHead && makesHead(this.#res, method, args)) {
      headersSent = this.#makeHead()
    }
    if (hooks.isClean) return this.#toNode(method, args)
    let cookies: Awaitable<readonly string[]>
    try {
      cookies = hooks.beforeSend(headersSent)
    } catch (error) {
      this.#discard(error, 'through', [[method, args]])
      return returnValueOf(method, this.#res)
    }
    if (!isPromise(cookies)) return this.#send(method, args, cookies)
    void this.#wait(cookies)
    return this.#hold(method, args)
  }

  /**
   * Has the head made by those who wrap `writeHead`, at the moment when Node would: they set headers, choose an encoding,
   * stop a clock, or change the session. What they hand on is kept until Node's turn has come.
   *
   * @returns Whether a wrapper has made Node's head, past the hold.
   */
  #makeHead(): boolean {
    this.#makingHead = true
    try {
      this.#res.writeHead(this.#res.statusCode)
    } finally {
      this.#makingHead = false
    }
    return this.#head === undefined && this.#headersSent
  }

  #takeHead(): readonly unknown[] | undefined {
    const head = this.#head
    this.#head = undefined
    return head
  }

  async #wait(cookies: PromiseLike<readonly string[]>): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'waiting'
      this.#mask = new SentMask(this.#res, this.isShared, this)
    }
    // Calls made from here on may belong to a later change.
    const count = Math.max(1, this.#queue?.length ?? 0)
    let given: readonly string[]
    try {
      given = await cookies
    } catch (error) {
      this.#discard(error, 'through', this.#queue ?? [])
      return
    }
    this.#release(count, given)
  }

  #hold(method: Method, args: readonly unknown[]): unknown {
    const queue = (this.#queue ??= [])
    if (queue.length > 0) {
      checkCall(this.#res, method, args, false)
      if (method === 'writeHead') throw headersAlreadySent()
    } else if (method === 'writeHead') this.#mask?.showHead(args)
    queue.push([method, args])
    if (method === 'write') (this.#drain ??= new Drain(this.#res)).expect()
    return returnValueOf(method, this.#res)
  }

  /** Replays the first `count` calls; what came later waits again if it was made after a further change. */
  #release(count: number, cookies: readonly string[]): void {
    this.#appearAsIs()
    const queue = this.#queue ?? []
    let sent = 0
    try {
      for (const [method, args] of queue.slice(0, count)) {
        this.#send(method, args, sent === 0 ? cookies : noCookies)
        sent++
      }
    } catch (error) {
      // Node refuses the call with an exception that `checkCall` did not foresee, and its caller has long returned.
      this.#discard(error, 'open', queue.slice(sent))
      return
    }
    queue.splice(0, count)
    if (queue.length > 0) this.#resume(queue)
    else {
      this.#drain?.emit(this.#ended)
      if (this.#isClosed) this.#closed()
    }
  }

  #resume(queue: Call[]): void {
    let cookies: Awaitable<readonly string[]> = noCookies
    try {
      // After its end, what an app still calls is for Node to refuse.
      if (!this.#ended) cookies = this.#hooks.beforeSend(this.#headersSent)
    } catch (error) {
      this.#discard(error, 'through', queue)
      return
    }
    if (isPromise(cookies)) void this.#wait(cookies)
    else this.#release(queue.length, cookies)
  }

  #send(method: Method, args: readonly unknown[], cookies: readonly string[]): unknown {
    if (cookies.length > 0) this.#cookies = [...this.#cookies, ...cookies]
    if (this.#cookies.length === 0 || this.#headersSent) return this.#toNode(method, args)
    const final = this.#absorbHead(method, args)
    addSessionCookies(this.#res, this.#cookies, this.#hooks.cacheControl)
    this.#cookies = noCookies
    return this.#toNode(method, final)
  }

  #toNode(method: Method, args: readonly unknown[]): unknown {
    return this.#native(method, this.#hooks.variesOnCookie && !this.#isVaried ? this.#vary(method, args) : args)
  }

  #vary(method: Method, args: readonly unknown[]): readonly unknown[] {
    this.#isVaried = true
    if (this.#headersSent) return args
    const final = this.#absorbHead(method, args)
    varyOnCookie(this.#res)
    return final
  }

  #absorbHead(method: Method, args: readonly unknown[]): readonly unknown[] {
    if (this.#head !== undefined) this.#head = absorbWriteHead(this.#res, this.#head)
    return method === 'writeHead' ? absorbWriteHead(this.#res, args) : args
  }

  #native(method: Method, args: readonly unknown[]): unknown {
    const { native } = this.#interception
    const outer = this.#inside
    this.#inside = true
    this.#headPassed = true
    let result: unknown
    try {
      // HTTP/2 has no implicit head that could be given to it.
      if (this.#head !== undefined && !('_implicitHeader' in this.#res)) {
        native.writeHead?.apply(this.#res, this.#takeHead() as unknown[])
      }
      result = native[method]?.apply(this.#res, args as unknown[])
    } finally {
      this.#inside = outer
    }
    if (method === 'write') this.#drain?.wrote(result)
    // A stub does not say when it ends: its head is the last thing that counts.
    if ((method === 'end' || (method === 'writeHead' && isStub(this.#res))) && !this.#ended) {
      this.#ended = true
      if (this.#discarded === undefined) release(this.#res, this, this.#hooks.ignoresAfterEnd)
      this.#hooks.afterEnd()
    }
    if (this.#ended) this.#state = 'through'
    return result
  }

  /** Drops the response that the app gave: another one will be given. */
  #discard(error: unknown, next: 'open' | 'through', calls: readonly Call[]): void {
    const isHeadBegun = this.#head !== undefined || calls.some(([method]) => method === 'writeHead')
    this.#queue = undefined
    this.#head = undefined
    this.#appearAsIs()
    const discarded = (this.#discarded = new DiscardedResponse(this.#res, this.#ended, calls, error))
    this.#drain?.unpipeAll()
    if (this.#headersSent) {
      this.#ended = true
      this.#state = 'through'
      this.#hooks.onLateError(error)
      return
    }
    this.#state = 'failing'
    const { statusCode } = this.#res
    if (isHeadBegun) this.#replaceLayer()
    // Not from inside the app's own `res.end(...)`: what it still does in this turn belongs to the discarded response.
    process.nextTick(() => {
      this.#state = next
      withdrawResponse(this.#res, this.#cookiesBefore)
      discarded.handleError(() => this.#hooks.onError(error, statusCode))
      if (this.#isClosed) this.#closed()
    })
  }

  /** A wrapper above the hold that has made the head (one that compresses) has begun to turn the discarded body into
   * something else: what it still writes is ignored, and the other response does not go through it. */
  #replaceLayer(): void {
    const layer = ++this.#layer
    interceptBody(this.#res, (method, args) => this.call(method, args, layer))
  }

  #appearAsIs(): void {
    if (this.#state !== 'waiting') return
    this.#state = this.#ended ? 'through' : 'open'
    this.#mask?.takeOff()
    this.#mask = undefined
  }

  #closed(): void {
    this.#isClosed = true
    // The client has left while the store is asked.
    if (this.#state === 'waiting' || this.#state === 'failing') return
    const isUnfinished = !this.#ended && this.#discarded === undefined
    if (isUnfinished) learnPrototype(this.#res)
    this.#hooks.afterClose(isUnfinished)
  }
}

const noCookies: readonly string[] = []
