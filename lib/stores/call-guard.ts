import { type Awaitable, isPromise } from '../base/awaitable'
import { SessionError } from '../base/errors'
import { startTimer } from '../base/timers'

/**
 * Guards calls into code of others that keeps sessions: whatever goes wrong in one, in whatever way, comes out as one
 * `SessionError` that Express answers with 503 (`STORE_UNAVAILABLE`, or `STORE_TIMEOUT` for a call that did not answer in
 * time), with the original error as `cause`. A call that answers at once costs no timer.
 */
export class CallGuard {
  readonly #timeout: number

  /** @param timeout Seconds that a call may take. */
  constructor(timeout: number) {
    this.#timeout = timeout
  }

  run<T>(operation: string, call: () => Awaitable<T>): Awaitable<T> {
    let answer: Awaitable<T>
    try {
      answer = call()
    } catch (cause) {
      throw failure(operation, cause)
    }
    return isPromise(answer) ? this.#cut(operation, answer) : answer
  }

  #cut<T>(operation: string, answer: PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = startTimer(this.#timeout, () => {
        reject(new SessionError('STORE_TIMEOUT', `the session store did not answer "${operation}" in time`))
      })
      answer.then(
        (value) => {
          clearTimeout(timer)
          resolve(value)
        },
        (cause: unknown) => {
          clearTimeout(timer)
          reject(failure(operation, cause))
        },
      )
    })
  }
}

function failure(operation: string, cause: unknown): SessionError {
  if (cause instanceof SessionError) return cause
  return new SessionError('STORE_UNAVAILABLE', `the session store failed at "${operation}"; see cause`, { cause })
}
