import { type Awaitable, isPromise } from '../base/awaitable'
import { CallDeadline } from '../base/call-deadline'
import { SessionError } from '../base/errors'
import { type Expiring, TimeoutQueue } from '../base/timeout-queue'

/**
 * Guards calls into code of others that keeps sessions: whatever goes wrong in one, in whatever way, comes out as one
 * `SessionError` for which Express responds with 503 (`STORE_UNAVAILABLE`, or `STORE_TIMEOUT` for a call that has no result in
 * time), with the original error as `cause`. A call with a result at once costs no timer.
 */
export class CallGuard {
  readonly #timeout: number
  readonly #queue: TimeoutQueue

  /** @param timeout Seconds that a call may take. */
  constructor(timeout: number) {
    this.#timeout = timeout
    this.#queue = new TimeoutQueue(timeout)
  }

  /**
   * @param call Gets the time limit, so that a call of several steps can stop when the caller waits no longer.
   * @param onLate Called with the result of a call that succeeded after it had been reported as failed.
   * @param onFailed Called when a call that was sent is reported as failed. It may have been carried out, or may still be
   *   until the deadline.
   */
  run<T>(
    operation: string,
    call: (deadline: CallDeadline) => Awaitable<T>,
    onLate?: (result: T) => void,
    onFailed?: (deadline: CallDeadline) => void,
  ): Awaitable<T> {
    const deadline = this.begin()
    let result: Awaitable<T>
    try {
      result = call(deadline)
    } catch (cause) {
      throw storeFailure(operation, cause)
    }
    return isPromise(result) ? this.limit(operation, result, deadline, onLate, onFailed) : result
  }

  /** The time limit of a call that is made now. */
  begin(): CallDeadline {
    return new CallDeadline(this.#timeout)
  }

  /** As `run`, for a call that was made. */
  limit<T>(
    operation: string,
    result: PromiseLike<T>,
    deadline = this.begin(),
    onLate?: (result: T) => void,
    onFailed?: (deadline: CallDeadline) => void,
  ): Promise<T> {
    return new LimitedCall(operation, result, this.#queue, deadline, onLate, onFailed).outcome()
  }
}

/** A call whose result is awaited. An object, and not closures: V8 forgets the compiled code of a closure that is made for
 * each call at each full collection of garbage. */
class LimitedCall<T> implements Expiring {
  readonly startedAt: number
  previous: Expiring | undefined
  next: Expiring | undefined
  readonly #operation: string
  readonly #result: PromiseLike<T>
  readonly #queue: TimeoutQueue
  readonly #deadline: CallDeadline
  readonly #onLate: ((result: T) => void) | undefined
  readonly #onFailed: ((deadline: CallDeadline) => void) | undefined
  #isLate = false
  #resolve: ((value: T) => void) | undefined
  #reject: ((error: unknown) => void) | undefined

  constructor(
    operation: string,
    result: PromiseLike<T>,
    queue: TimeoutQueue,
    deadline: CallDeadline,
    onLate: ((result: T) => void) | undefined,
    onFailed: ((deadline: CallDeadline) => void) | undefined,
  ) {
    this.#operation = operation
    this.#result = result
    this.#queue = queue
    this.#deadline = deadline
    this.startedAt = deadline.startedAt
    this.#onLate = onLate
    this.#onFailed = onFailed
  }

  outcome(): Promise<T> {
    return new Promise(this.#start.bind(this))
  }

  #start(resolve: (value: T) => void, reject: (error: unknown) => void): void {
    this.#resolve = resolve
    this.#reject = reject
    this.#queue.add(this)
    this.#result.then(this.#succeeded.bind(this), this.#failed.bind(this))
  }

  expire(): void {
    this.#isLate = true
    this.#deadline.report()
    this.#onFailed?.(this.#deadline)
    this.#reject?.(storeTimeout(this.#operation))
  }

  #succeeded(value: T): void {
    this.#queue.remove(this)
    if (this.#isLate) this.#onLate?.(value)
    else this.#resolve?.(value)
  }

  #failed(cause: unknown): void {
    this.#queue.remove(this)
    if (this.#isLate) return
    this.#onFailed?.(this.#deadline)
    this.#reject?.(storeFailure(this.#operation, cause))
  }
}

/** The error for a call that has no reply in time. @param operation Of the store, where it is known. */
export function storeTimeout(operation?: string): SessionError {
  const to = operation === undefined ? '' : ` to "${operation}"`
  return new SessionError(
    'STORE_TIMEOUT',
    `the session store did not reply${to} within storeTimeout; check the store and the connection to it`,
  )
}

/** The error of the package for what a store failed with. */
export function storeFailure(operation: string, cause: unknown): SessionError {
  if (isSessionError(cause)) return cause
  return new SessionError('STORE_UNAVAILABLE', `the session store failed at "${operation}"; see cause`, { cause })
}

function isSessionError(cause: unknown): cause is SessionError {
  try {
    return cause instanceof SessionError
  } catch {
    // A proxy that was revoked.
    return false
  }
}
