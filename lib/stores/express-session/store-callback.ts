import { isPromise } from '../../base/awaitable'
import type { Expiring, TimeoutQueue } from '../../base/timeout-queue'
import { storeTimeout } from '../call-guard'

/** What a store is asked for: the same for many calls, so that a call makes one promise and nothing that it can share. */
export interface Question<T> {
  /** Makes the value of a reply, once, in the turn in which that comes. */
  readonly valueOf: (reply: unknown) => T
  /** Whether an error is a reply too: then the value is that of undefined. */
  readonly meansUndefined?: (error: unknown) => boolean
  /** What the promise rejects with for an error of the store; default: that error. */
  readonly failureOf?: (error: unknown) => unknown
  /** The time limit, after which the promise rejects with `STORE_TIMEOUT`; default: none. */
  readonly timeouts?: TimeoutQueue
}

/**
 * The reply of a callback-style store as a promise, however the store replies: the first reply counts, later ones are
 * ignored; an exception is a reply; of a promise that the store returns beside using the callback only the rejection counts
 * (connect-redis rejects without calling back when an app's `ttl` function throws). A store that never replies leaves the
 * promise open: the caller has the time limit, or the question.
 */
export function askStore(store: object, method: Method, id: string, data?: object): Promise<unknown> {
  return askStoreFor(asIs, store, method, id, data)
}

/** As `askStore`, for what the reply means. */
export function askStoreFor<T>(
  question: Question<T>,
  store: object,
  method: Method,
  id: string,
  data?: object,
): Promise<T> {
  return new Asking(question).outcomeOf(store, method, id, data)
}

type Method = 'get' | 'set' | 'destroy' | 'touch'

const asIs: Question<unknown> = { valueOf: (reply) => reply }

/** An object, and not closures: V8 forgets the compiled code of a closure that is made for each call at each full collection
 * of garbage. */
class Asking<T> implements Expiring {
  startedAt = 0
  previous: Expiring | undefined
  next: Expiring | undefined
  readonly #question: Question<T>
  #resolve: ((value: T) => void) | undefined
  #reject: ((error: unknown) => void) | undefined
  #isOver = false

  constructor(question: Question<T>) {
    this.#question = question
  }

  outcomeOf(store: object, method: Method, id: string, data: object | undefined): Promise<T> {
    const outcome = new Promise<T>(this.#keep.bind(this))
    const { timeouts } = this.#question
    if (timeouts !== undefined) {
      this.startedAt = performance.now()
      timeouts.add(this)
    }
    try {
      const callback = this.#calledBack.bind(this)
      const methods = store as Record<Method, (...args: unknown[]) => unknown>
      const returned = data === undefined ? methods[method](id, callback) : methods[method](id, data, callback)
      if (isPromise(returned)) returned.then(ignoreValue, this.#failed.bind(this))
    } catch (error) {
      this.#failed(error)
    }
    return outcome
  }

  #keep(resolve: (value: T) => void, reject: (error: unknown) => void): void {
    this.#resolve = resolve
    this.#reject = reject
  }

  /** What the store is given, as stores written for express-session take it. */
  #calledBack(error?: unknown, value?: unknown): void {
    if (error) this.#failed(error)
    else this.#replied(value)
  }

  #replied(value: unknown): void {
    if (!this.#finish()) return
    try {
      this.#resolve?.(this.#question.valueOf(value))
    } catch (error) {
      this.#reject?.(error)
    }
  }

  #failed(error: unknown): void {
    const { failureOf } = this.#question
    if (this.#meansUndefined(error)) this.#replied(undefined)
    else if (this.#finish()) this.#reject?.(failureOf === undefined ? error : failureOf(error))
  }

  #meansUndefined(error: unknown): boolean {
    try {
      return this.#question.meansUndefined?.(error) === true
    } catch {
      // An error that cannot be asked, such as a proxy that was revoked.
      return false
    }
  }

  expire(): void {
    if (this.#finish()) this.#reject?.(storeTimeout())
  }

  /** False when it is over: the first reply counts. */
  #finish(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#question.timeouts?.remove(this)
    return true
  }
}

/** A function, because there are thenables that call whatever they are given. */
function ignoreValue(): void {}

/**
 * Whether the error of a `get` or `destroy` says "there is no such session": `ENOENT`, by which express-session's own
 * contract lets a store say so (session-file-store does). Not when a connection could not be made: a database whose Unix
 * socket is missing is away, and a store that is away must not look like an empty one.
 */
export function meansAbsent(error: unknown): boolean {
  const { code, syscall } = partsOf(error)
  return code === 'ENOENT' && syscall !== 'connect'
}

/** Whether the error of a `get` says that what is kept there is not JSON: such a session can never be read again. */
export function meansGarbage(error: unknown): boolean {
  return partsOf(error).name === 'SyntaxError'
}

/** Read by name, not by class: an error may come from another realm, or be a plain object. */
function partsOf(error: unknown): { name?: unknown; code?: unknown; syscall?: unknown } {
  return typeof error === 'object' && error !== null ? error : {}
}
