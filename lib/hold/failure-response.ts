import { type AsyncHook, createHook, executionAsyncId } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { SessionError } from '../base/errors'
import { startTimer } from '../base/timers'
import { warnRarely } from '../base/warnings'
import { expressErrorHandlers } from './express-error-handlers'

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Express and Connect have it
export type Next = (error?: any) => void

/** Seconds until the 503 where `next(error)` has started nothing: a middleware that was made a promise takes the first
 * call only. */
const idleLimit = 1.5
/** Seconds that an error handler that is at work may take until its first byte. */
const busyLimit = 30
/** Seconds: what `Retry-After` asks a client to wait. */
const retryAfter = 5

/**
 * The response to a request whose session could not be stored, after the app's own response was discarded: the app's
 * error page where it can be reached, a plain 503 otherwise.
 */
export class FailureResponse {
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #next: Next
  readonly #middleware: object
  readonly #work = new StartedWork()
  #timer: NodeJS.Timeout | undefined

  /** @param middleware The function that the app has mounted. */
  constructor(req: IncomingMessage, res: ServerResponse, next: Next, middleware: object) {
    this.#req = req
    this.#res = res
    this.#next = next
    this.#middleware = middleware
  }

  /** @param discardedStatus The status of the discarded response. */
  start(error: unknown, discardedStatus: number): void {
    const next = this.#next
    addRetryAfter(this.#res, error)
    // The page of an error handler, or a 404, was discarded: a router's `next` has left the error handlers behind, and
    // would go to Express' or Connect's final handler, which shows the stack.
    const handlers = discardedStatus >= 400 ? expressErrorHandlers(this.#req, this.#middleware) : undefined
    if (discardedStatus >= 400) hideStack(error)
    let pass = (): unknown => next(error)
    if (handlers !== undefined) pass = () => handlers.run(error, () => this.#respond(error))
    else if (belongsToAnother(next, this.#middleware, this.#req)) pass = () => this.#respond(error)
    try {
      this.#work.run(pass)
    } catch (thrown) {
      this.#respond(thrown)
    }
    if (!this.#isResponding) this.#timer = startTimer(idleLimit, () => this.#giveUp(error)).unref()
  }

  #giveUp(error: unknown): void {
    if (this.#work.goesOn) this.#timer = startTimer(busyLimit - idleLimit, () => this.#respond(error)).unref()
    else this.#respond(error)
  }

  /** A response was given, or there is no client any more. A timer that is left running would hold all of the request. */
  settle(): void {
    clearTimeout(this.#timer)
    this.#work.forget()
  }

  get #isResponding(): boolean {
    const { headersSent, writableEnded, destroyed } = this.#res as Partial<ServerResponse>
    return headersSent !== false || writableEnded === true || destroyed === true
  }

  #respond(error: unknown): void {
    if (this.#isResponding) return
    respondPlainly(this.#res, error)
  }
}

/** Passes an error to `next` while the chain waits for it. A `next` that throws must not end the process. */
export function passError(error: unknown, res: ServerResponse, next: Next): void {
  addRetryAfter(res, error)
  try {
    next(error)
  } catch (thrown) {
    if (res.headersSent || res.destroyed) return
    respondPlainly(res, thrown)
  }
}

function respondPlainly(res: ServerResponse, error: unknown): void {
  warnRarely('HOLDFAST_ERROR_NOT_ANSWERED', reasonOf(error))
  res.statusCode = 503
  res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  res.end('Service Unavailable')
}

/** For the log. Errors of others may hold anything, so only their code is shown. */
export function reasonOf(error: unknown): string {
  if (error instanceof SessionError) return `${error.code}: ${error.message}`
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : 'unknown reason'
}

/** RFC 9110 section 10.2.3. */
function addRetryAfter(res: ServerResponse, error: unknown): void {
  if (!(error instanceof SessionError) || error.status !== 503) return
  if (typeof res.setHeader === 'function' && !res.headersSent) res.setHeader('Retry-After', String(retryAfter))
}

function hideStack(error: unknown): void {
  if (error instanceof SessionError) error.stack = `${error.name}: ${error.message}`
}

/** What only passes the turn: Express' router leaves a router through `setImmediate`. */
const turns = new Set(['Immediate', 'TickObject'])

/**
 * Whether a function has started anything that goes on: a promise, a timer, a file that is read; at once, or in a turn of the
 * event loop that it asked for. An error handler that is still at work has; a `next` that has become the rejection of a settled
 * promise has not.
 */
class StartedWork {
  goesOn = false
  readonly #awaitedTurns = new Set<number>()
  #hook: AsyncHook | undefined

  run(act: () => unknown): void {
    const current = executionAsyncId()
    this.#awaitedTurns.add(current)
    this.#hook = createHook({
      init: (id, type) => {
        if (!this.#awaitedTurns.has(executionAsyncId())) return
        if (turns.has(type)) this.#awaitedTurns.add(id)
        else this.#note()
      },
      after: (id) => this.#end(id),
    }).enable()
    try {
      act()
    } finally {
      this.#end(current)
    }
  }

  /** A hook that stays would slow down the whole process. */
  forget(): void {
    this.#hook?.disable()
    this.#hook = undefined
  }

  #note(): void {
    this.goesOn = true
    this.forget()
  }

  #end(turn: number): void {
    this.#awaitedTurns.delete(turn)
    if (this.#awaitedTurns.size === 0) this.forget()
  }
}

/** A request whose response has ended. */
const ended = Symbol('ended')
/** The request that a `next` continues. */
const requests = new WeakMap<Next, IncomingMessage | typeof ended>()
/** Middlewares that were given one `next` for several requests. */
const pooled = new WeakSet<object>()

/**
 * Remembers which request a `next` continues. `@fastify/middie` uses one function for many requests, one after the other:
 * called late, it would continue the request of another client.
 */
export function noteRequest(next: Next, middleware: object, req: IncomingMessage): void {
  const before = requests.get(next)
  if (before !== undefined && before !== req) pooled.add(middleware)
  requests.set(next, req)
}

/** The function stays known: one that comes again with another request is pooled. */
export function forgetRequest(next: Next): void {
  requests.set(next, ended)
}

/**
 * Whether `next` may by now continue another request, or none. A late call does harm also where it throws: it moves the
 * chain of `@fastify/middie` on, and the next request passes the sessions by. So its `next`, which goes back to a pool, is
 * known by its source, also from a bundle; any other is once it was given for a second request.
 */
function belongsToAnother(next: Next, middleware: object, req: IncomingMessage): boolean {
  if (pooled.has(middleware)) return true
  const noted = requests.get(next)
  // Of two managers that serve one request, the outer one has seen the response end when the inner one fails.
  if (noted !== undefined && noted !== ended && noted !== req) return true
  return requests.has(next) && Function.prototype.toString.call(next).includes('.release(')
}
