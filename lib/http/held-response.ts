import type { ServerResponse } from 'node:http'
import { type Awaitable, isPromise } from '../session/store'
import { absorbWriteHead, addSessionCookies, type WriteHeadArgs, withdrawAnswer } from './response-headers'
import { headersAlreadySent, showAsIs, showAsSent } from './sent-view'

/** What a held response asks before anything of it leaves. */
export interface Gate {
  /** Stores what changed. Resolves to the `Set-Cookie` values that the response is to carry; at once where nothing has
   * to wait. Fails when the change could not be stored. */
  commit(headersSent: boolean): Awaitable<readonly string[]>
  /** The change could not be stored, and nothing of the response has left. */
  fail(error: unknown): void
  /** The change could not be stored, and part of the response has left: it was cut off. */
  failLate(error: unknown): void
}

type Method = 'write' | 'end' | 'writeHead' | 'flushHeaders'
type Call = readonly [method: Method, args: readonly unknown[]]
type Callback = (error?: unknown) => void

const methods: readonly Method[] = ['write', 'end', 'writeHead', 'flushHeaders']

/**
 * Holds a response back until the gate lets it go.
 *
 * Installed over the four methods through which anything leaves, when a session is first touched; a response whose
 * session is only read is never held. Calls made while the gate is asked are kept in order and replayed to Node, which
 * then validates, returns and calls back as it always does. `write` answers false meanwhile, and 'drain' follows.
 * 1xx responses (`writeEarlyHints`, `writeContinue`) carry no session and are not held.
 */
export class HeldResponse {
  readonly #res: ServerResponse
  readonly #gate: Gate
  readonly #native: Partial<Record<Method, (...args: readonly unknown[]) => unknown>> = {}
  /** `open`: ask the gate at the next call. `waiting`: it was asked. `failing`: its no is about to be told. `through`: all
   * calls go to Node. */
  #state: 'open' | 'waiting' | 'failing' | 'through' = 'open'
  #failed = false
  #ended = false
  #inside = false
  #queue: Call[] = []
  #statusCode = 200
  #statusMessage: string | undefined
  #oweDrain = false

  constructor(res: ServerResponse, gate: Gate) {
    this.#res = res
    this.#gate = gate
    for (const method of methods) {
      // A stub of a response may lack some, or all.
      const native = res[method] as ((...args: readonly unknown[]) => unknown) | undefined
      if (typeof native !== 'function') continue
      this.#native[method] = native
      res[method] = ((...args: readonly unknown[]) => this.#call(method, args)) as never
    }
  }

  /** For the view that the app has of the response while it is held. */
  get ended(): boolean {
    return this.#queue.some(([method]) => method === 'end')
  }

  /** A stub of a response may not say. */
  get #headersSent(): boolean {
    return (this.#res.headersSent as boolean | undefined) ?? false
  }

  #call(method: Method, args: readonly unknown[]): unknown {
    if (this.#inside) return this.#toNode(method, args)
    switch (this.#state) {
      case 'through':
        return this.#failed && this.#ended ? this.#swallow(method, args) : this.#toNode(method, args)
      case 'failing':
        return this.#swallow(method, args)
      case 'waiting':
        return this.#hold(method, args)
      case 'open':
        // Node refuses such a chunk with an exception; it is no part of the answer.
        if (method === 'write' && !isChunk(args[0])) return this.#toNode(method, args)
        return this.#ask(method, args)
    }
  }

  #ask(method: Method, args: readonly unknown[]): unknown {
    let answer: Awaitable<readonly string[]>
    try {
      answer = this.#gate.commit(this.#headersSent)
    } catch (error) {
      this.#refuse(error)
      return this.#swallow(method, args)
    }
    if (!isPromise(answer)) return this.#send(method, args, answer)
    this.#wait(answer)
    return this.#hold(method, args)
  }

  #wait(answer: PromiseLike<readonly string[]>): void {
    if (this.#state === 'open') {
      this.#state = 'waiting'
      this.#statusCode = this.#res.statusCode
      this.#statusMessage = this.#res.statusMessage
      showAsSent(this.#res, this)
    }
    // Calls made from here on may belong to a later change.
    const held = this.#queue.length
    answer.then(
      (cookies) => this.#release(Math.max(1, held), cookies),
      (error: unknown) => this.#refuse(error),
    )
  }

  #hold(method: Method, args: readonly unknown[]): unknown {
    if (method === 'write' && !isChunk(args[0])) return this.#toNode(method, args)
    if (method === 'writeHead' && this.#queue.length > 0) {
      // Whoever wraps a response calls `_implicitHeader` as long as no header is rendered; saying the same again is
      // harmless. Saying something else is what Node refuses.
      if (args.length === 1 && args[0] === this.#statusCode) return this.#res
      throw headersAlreadySent()
    }
    this.#queue.push([method, args])
    if (method === 'write') this.#oweDrain = true
    return this.#returnValue(method)
  }

  /** Replays the first `count` calls; what came later waits again if it was made after a further change. */
  #release(count: number, cookies: readonly string[]): void {
    const calls = this.#queue.splice(0, count)
    this.#state = 'open'
    showAsIs(this.#res)
    this.#res.statusCode = this.#statusCode
    if (this.#statusMessage !== undefined) this.#res.statusMessage = this.#statusMessage
    let wrote: unknown
    try {
      for (const [index, [method, args]] of calls.entries()) wrote = this.#send(method, args, index === 0 ? cookies : [])
    } catch (error) {
      // Node refuses the call with an exception (a status code of 1000), and its caller has long gone on.
      this.#refuse(error)
      return
    }
    if (this.#queue.length > 0) this.#resume()
    else if (this.#oweDrain && !this.#ended) {
      this.#oweDrain = false
      if (wrote !== false) this.#res.emit('drain')
    }
  }

  #resume(): void {
    let answer: Awaitable<readonly string[]> = []
    try {
      // After its end, what an app still calls is for Node to refuse.
      if (!this.#ended) answer = this.#gate.commit(this.#headersSent)
    } catch (error) {
      this.#refuse(error)
      return
    }
    if (isPromise(answer)) this.#wait(answer)
    else this.#release(this.#queue.length, answer)
  }

  #send(method: Method, args: readonly unknown[], cookies: readonly string[]): unknown {
    if (cookies.length === 0 || this.#headersSent) return this.#toNode(method, args)
    const final = method === 'writeHead' ? absorbWriteHead(this.#res, args as WriteHeadArgs) : args
    addSessionCookies(this.#res, cookies)
    return this.#toNode(method, final)
  }

  /** Node calls `writeHead` from inside `write` and `end`; that is not the app's call. */
  #toNode(method: Method, args: readonly unknown[]): unknown {
    const outer = this.#inside
    this.#inside = true
    try {
      if (method === 'end') this.#ended = true
      return this.#native[method]?.apply(this.#res, args as unknown[])
    } finally {
      this.#inside = outer
      if (this.#ended) this.#state = 'through'
    }
  }

  /** Drops what was held: the answer that the app gave was not kept, another one will be. */
  #refuse(error: unknown): void {
    const dropped = this.#queue
    this.#queue = []
    this.#failed = true
    this.#oweDrain = false
    showAsIs(this.#res)
    for (const [, args] of dropped) callbackOf(args)?.(error)
    if (this.#headersSent) {
      this.#ended = true
      this.#state = 'through'
      this.#gate.failLate(error)
      return
    }
    this.#state = 'failing'
    // Not from inside the app's own `res.end(...)`: what it still does in this turn belongs to the refused answer.
    process.nextTick(() => {
      this.#state = 'through'
      withdrawAnswer(this.#res)
      this.#gate.fail(error)
    })
  }

  /** The app goes on with an answer that was refused, perhaps while, or after, another one was given in its place. */
  #swallow(method: Method, args: readonly unknown[]): unknown {
    const callback = callbackOf(args)
    if (callback !== undefined) process.nextTick(callback, new Error('the response was replaced: its session could not be stored'))
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

function isChunk(chunk: unknown): boolean {
  return typeof chunk === 'string' || chunk instanceof Uint8Array
}

function callbackOf(args: readonly unknown[]): Callback | undefined {
  const last = args.findLast((argument) => argument !== undefined)
  return typeof last === 'function' ? (last as Callback) : undefined
}
