import type { ServerResponse } from 'node:http'
import { type Awaitable, isPromise } from '../base/awaitable'
import { BackPressure } from './back-pressure'
import { checkCall, headersAlreadySent, type Method, statusMessageOf } from './call-check'
import {
  intercept,
  type Interceptor,
  interceptOver,
  isShared,
  isWrapped,
  learnPrototype,
  letGo,
  type NodeMethods,
} from './interception'
import { absorbWriteHead, addSessionCookies, withdrawAnswer } from './response-headers'
import { type HeldState, showAsIs, showAsSent } from './sent-view'
import { type WatchedHold, watchWrappers } from './wrapper-watch'

/** What a held response asks before anything of it leaves. */
export interface Gate {
  /** Stores what changed. Resolves to the `Set-Cookie` values that the response is to carry; at once where nothing has
   * to wait. Fails when the change could not be stored. */
  commit(headersSent: boolean): Awaitable<readonly string[]>
  /** The app has ended its answer, and it has been let go. */
  ended(): void
  /** The head has gone past the hold; nothing could be asked. */
  passedBy(): void
  /** There is no answer: the change could not be stored, and nothing of the response has left. */
  fail(error: unknown): void
  /** As `fail`, but part of the response has left: it has to be cut off. */
  failLate(error: unknown): void
}

type Call = readonly [method: Method, args: readonly unknown[]]

/**
 * Holds a response back until the gate lets it go.
 *
 * Installed over the methods through which anything leaves, when a session is first touched; a response whose session is
 * only read is never held. Calls made while the gate is asked are kept in order and replayed to Node, which then returns
 * and calls back as it always does. `write` answers false meanwhile, and 'drain' follows. 1xx responses
 * (`writeEarlyHints`, `writeContinue`) carry no session and are not held.
 */
export class HeldResponse implements Interceptor, HeldState, WatchedHold {
  readonly #res: ServerResponse
  readonly #gate: Gate
  readonly #native: NodeMethods
  readonly #pressure: BackPressure
  /** `open`: ask the gate at the next call. `waiting`: it was asked. `failing`: its no is about to be told. `through`: all
   * calls go to Node. */
  #state: 'open' | 'waiting' | 'failing' | 'through' = 'open'
  #ended = false
  #inside = false
  #queue: Call[] = []
  /** Cookies that the gate gave and no head has taken yet. */
  #cookies: readonly string[] = []
  #statusCode = 200
  #statusMessage: string | undefined
  /** The answer before this one was refused; `cut`: in the middle, so its maker may still be writing. */
  #refused: 'no' | 'whole' | 'cut' = 'no'
  #telling = false
  #layer = 0

  constructor(res: ServerResponse, gate: Gate) {
    this.#res = res
    this.#gate = gate
    this.#pressure = new BackPressure(res)
    const wrapped = isWrapped(res)
    this.#native = intercept(res, this, wrapped)
    if (wrapped) watchWrappers(res, this)
    // A stub of a response is no emitter.
    if (typeof res.on === 'function') res.on('finish', () => this.#finished())
  }

  /** The response may have ended without a call that came through here. */
  #finished(): void {
    if (!this.isIdle) return
    learnPrototype(this.#res)
    this.#gate.passedBy()
  }

  /** For the view that the app has of the response while it is held. */
  get ended(): boolean {
    return this.#queue.some(([method]) => method === 'end')
  }

  get needsDrain(): boolean {
    return this.#pressure.isOwed
  }

  /** See `watchWrappers`. */
  get isIdle(): boolean {
    return this.#state === 'open' && !this.#inside && !this.#ended
  }

  makeHead(): void {
    this.#toNode('writeHead', [this.#res.statusCode])
  }

  passedBy(): void {
    this.#gate.passedBy()
  }

  /** A stub of a response may not say. */
  get #headersSent(): boolean {
    const { headersSent } = this.#res as { headersSent?: boolean }
    return headersSent ?? false
  }

  piped(source: unknown): void {
    this.#pressure.piped(source)
  }

  call(method: Method, args: readonly unknown[], layer = 0): unknown {
    // Only a head may come from under a layer that has been replaced: whoever made it, it is the same.
    if (layer !== this.#layer && method !== 'writeHead') return this.#swallow(method, args)
    if (this.#inside) return this.#toNode(method, args)
    if (this.#refused !== 'no' && this.#isStray(method)) return this.#swallow(method, args)
    switch (this.#state) {
      case 'through':
        return this.#toNode(method, args)
      case 'failing':
        return this.#swallow(method, args)
      case 'waiting':
        return this.#hold(method, args)
      case 'open':
        return this.#ask(method, args)
    }
  }

  #ask(method: Method, args: readonly unknown[]): unknown {
    const headersSent = this.#headersSent
    if (headersSent && method === 'writeHead') return this.#toNode(method, args)
    checkCall(this.#res, method, args, !headersSent)
    let answer: Awaitable<readonly string[]>
    try {
      answer = this.#gate.commit(headersSent)
    } catch (error) {
      this.#refuse(error, 'through', [[method, args]])
      return this.#returnValue(method)
    }
    if (!isPromise(answer)) return this.#send(method, args, answer)
    this.#wait(answer)
    return this.#hold(method, args)
  }

  #wait(answer: PromiseLike<readonly string[]>): void {
    if (this.#state === 'open') {
      this.#state = 'waiting'
      this.#statusCode = this.#res.statusCode
      this.#statusMessage = statusMessageOf(this.#res)
      showAsSent(this.#res, this, isShared(this.#res, this))
    }
    // Calls made from here on may belong to a later change.
    const held = this.#queue.length
    answer.then(
      (cookies) => this.#release(Math.max(1, held), cookies),
      (error: unknown) => this.#refuse(error, 'through', this.#queue),
    )
  }

  #hold(method: Method, args: readonly unknown[]): unknown {
    if (this.#queue.length > 0) {
      checkCall(this.#res, method, args, false)
      if (method === 'writeHead') throw headersAlreadySent()
    } else if (method === 'writeHead') this.#showHead(args)
    this.#queue.push([method, args])
    if (method === 'write') this.#pressure.owe()
    return this.#returnValue(method)
  }

  /** After `writeHead` Node shows its status at once. */
  #showHead([status, message]: readonly unknown[]): void {
    const res = this.#res
    res.statusCode = this.#statusCode = Number(status) | 0
    // HTTP/2 has no messages.
    if (typeof message === 'string' && '_header' in res) res.statusMessage = this.#statusMessage = message
  }

  /** Replays the first `count` calls; what came later waits again if it was made after a further change. */
  #release(count: number, cookies: readonly string[]): void {
    this.#showAsIs()
    let sent = 0
    try {
      for (const [method, args] of this.#queue.slice(0, count)) {
        this.#send(method, args, sent === 0 ? cookies : [])
        sent++
      }
    } catch (error) {
      // Node refuses the call with an exception that `checkCall` did not foresee, and its caller has long gone on.
      this.#refuse(error, 'open', this.#queue.slice(sent))
      return
    }
    this.#queue.splice(0, count)
    if (this.#queue.length > 0) this.#resume()
    else this.#pressure.pay(this.#ended)
  }

  #resume(): void {
    let answer: Awaitable<readonly string[]> = []
    try {
      // After its end, what an app still calls is for Node to refuse.
      if (!this.#ended) answer = this.#gate.commit(this.#headersSent)
    } catch (error) {
      this.#refuse(error, 'through', this.#queue)
      return
    }
    if (isPromise(answer)) this.#wait(answer)
    else this.#release(this.#queue.length, answer)
  }

  #send(method: Method, args: readonly unknown[], cookies: readonly string[]): unknown {
    if (cookies.length > 0) this.#cookies = [...this.#cookies, ...cookies]
    if (this.#cookies.length === 0 || this.#headersSent) return this.#toNode(method, args)
    const final = method === 'writeHead' ? absorbWriteHead(this.#res, args) : args
    addSessionCookies(this.#res, this.#cookies)
    this.#cookies = []
    return this.#toNode(method, final)
  }

  /** Node calls `writeHead` from inside `write` and `end`; that is not the app's call. */
  #toNode(method: Method, args: readonly unknown[]): unknown {
    const outer = this.#inside
    this.#inside = true
    let result: unknown
    try {
      result = this.#native[method]?.apply(this.#res, args as unknown[])
    } finally {
      this.#inside = outer
    }
    if (method === 'write') this.#pressure.wrote(result)
    if (method === 'end' && !this.#ended) {
      this.#ended = true
      this.#state = 'through'
      if (this.#refused === 'no') {
        letGo(this.#res, this)
        this.#gate.ended()
      }
    } else if (this.#ended) this.#state = 'through'
    return result
  }

  /** Drops the answer that the app gave: it was not kept, another one will be. */
  #refuse(error: unknown, next: 'open' | 'through', dropped: readonly Call[]): void {
    this.#queue = []
    this.#showAsIs()
    this.#refused = this.#ended || dropped.some(([method]) => method === 'end') ? 'whole' : 'cut'
    this.#pressure.cutOff()
    for (const [, args] of dropped) tell(args, error)
    if (this.#headersSent) {
      this.#ended = true
      this.#state = 'through'
      this.#gate.failLate(error)
      return
    }
    this.#state = 'failing'
    // A wrapper above that made the head (one that compresses) has begun to turn the old body into something else: what
    // it still lets out is swallowed, and the other answer does not go through it.
    if (dropped.some(([method]) => method === 'writeHead')) {
      const layer = ++this.#layer
      interceptOver(this.#res, ['write', 'end', 'flushHeaders'], (method, args) => this.call(method, args, layer))
    }
    // Not from inside the app's own `res.end(...)`: what it still does in this turn belongs to the refused answer.
    process.nextTick(() => {
      this.#state = next
      withdrawAnswer(this.#res)
      this.#telling = true
      try {
        this.#gate.fail(error)
      } finally {
        this.#telling = false
      }
    })
  }

  #showAsIs(): void {
    if (this.#state !== 'waiting') return
    this.#state = this.#ended ? 'through' : 'open'
    const res = this.#res
    showAsIs(res)
    // What an app assigns after its answer, Node ignores.
    if (res.statusCode !== this.#statusCode) res.statusCode = this.#statusCode
    if (statusMessageOf(res) !== this.#statusMessage) {
      ;(res as { statusMessage: unknown }).statusMessage = this.#statusMessage
    }
  }

  /** After a refusal: whether a call belongs to the answer that was refused. Once the other answer has ended, all do.
   * Where the refused one was cut in the middle, so does what comes before the other has said anything of itself: it is
   * called for in `fail`, sets a status or a type. */
  #isStray(method: Method): boolean {
    // Where another hold lies beneath, it is Node that asks for the head, after the end.
    if (method === 'writeHead') return this.#ended && this.#headersSent
    if (this.#ended) return true
    if (this.#refused !== 'cut' || this.#telling || this.#headersSent) return false
    const res = this.#res
    if (res.statusCode !== 200 || (typeof res.hasHeader === 'function' && res.hasHeader('content-type'))) return false
    if (method === 'end') this.#refused = 'whole'
    return true
  }

  /** The app goes on with an answer that was refused, perhaps while, or after, another one was given in its place. */
  #swallow(method: Method, args: readonly unknown[]): unknown {
    tell(args, new Error('the response was replaced: its session could not be stored'))
    return this.#returnValue(method)
  }

  #returnValue(method: Method): unknown {
    switch (method) {
      case 'write':
        return false
      case 'flushHeaders':
        return undefined
      default:
        return this.#res
    }
  }
}

/** Calls the callback of a call that will not be made. */
function tell(args: readonly unknown[], error: unknown): void {
  const last = args.findLast((argument) => argument !== undefined)
  if (typeof last === 'function') process.nextTick(last, error)
}
