import { type Awaitable, isPromise } from '../base/awaitable'
import { CallDeadline } from '../base/call-deadline'
import { SessionError } from '../base/errors'
import { startTimer } from '../base/timers'

/**
 * Guards calls into code of others that keeps sessions: whatever goes wrong in one, in whatever way, comes out as one
 * `SessionError` for which Express responds with 503 (`STORE_UNAVAILABLE`, or `STORE_TIMEOUT` for a call that has no result in
 * time), with the original error as `cause`. A call with a result at once costs no timer.
 */
export class CallGuard {
  readonly #timeout: number

  /** @param timeout Seconds that a call may take. */
  constructor(timeout: number) {
    this.#timeout = timeout
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
    const deadline = new CallDeadline(this.#timeout)
    let result: Awaitable<T>
    try {
      result = call(deadline)
    } catch (cause) {
      throw storeFailure(operation, cause)
    }
    return isPromise(result) ? this.#limit(operation, result, deadline, onLate, onFailed) : result
  }

  /** As `run`, for a call that was made and that has no use for the time limit. */
  limit<T>(operation: string, result: PromiseLike<T>): Promise<T> {
    return this.#limit(operation, result, new CallDeadline(this.#timeout), undefined, undefined)
  }

  #limit<T>(
    operation: string,
    result: PromiseLike<T>,
    deadline: CallDeadline,
    onLate: ((result: T) => void) | undefined,
    onFailed: ((deadline: CallDeadline) => void) | undefined,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let isLate = false
      const timer = startTimer(this.#timeout, () => {
        // After a process was stopped or its event loop was blocked, the timer is due before the sockets are read. The
        // check phase comes after that: a reply that has arrived counts.
        setImmediate(() => {
          isLate = true
          deadline.report()
          onFailed?.(deadline)
          reject(storeTimeout(operation))
        })
      })
      result.then(
        (value) => {
          clearTimeout(timer)
          if (isLate) onLate?.(value)
          else resolve(value)
        },
        (cause: unknown) => {
          clearTimeout(timer)
          if (isLate) return
          onFailed?.(deadline)
          reject(storeFailure(operation, cause))
        },
      )
    })
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
  if (cause instanceof SessionError) return cause
  return new SessionError('STORE_UNAVAILABLE', `the session store failed at "${operation}"; see cause`, { cause })
}
