import { isPromise } from '../../base/awaitable'

/** A callback as stores written for express-session take it. */
export type StoreCallback = (error?: unknown, value?: unknown) => void

/**
 * The reply of a callback-style store as a promise, however the store replies: the first reply counts, later ones are
 * ignored; an exception is a reply; of a promise that the store returns beside using the callback only the rejection counts
 * (connect-redis rejects without calling back when an app's `ttl` function throws). A store that never replies leaves the
 * promise open: the caller has the time limit.
 */
export function askStore(call: (callback: StoreCallback) => unknown): Promise<unknown> {
  return askStoreFor(call, asItIs)
}

/**
 * As `askStore`, for what the reply means. One promise for both: a request asks its store up to three times.
 *
 * @param valueOf Makes the value of the reply. Called once, in the turn of the reply.
 * @param means Whether an error is a reply as well: the value is then made of `undefined`.
 */
export function askStoreFor<T>(
  call: (callback: StoreCallback) => unknown,
  valueOf: (reply: unknown) => T,
  means?: (error: unknown) => boolean,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isReplied = false
    // As the store gave it: the caller wraps it, as the cause of an error of the package.
    const refuse: (error: unknown) => void = reject
    const settle = (reply: unknown): void => {
      isReplied = true
      try {
        resolve(valueOf(reply))
      } catch (error) {
        refuse(error)
      }
    }
    const fail = (error: unknown): void => {
      if (isReplied) return
      if (means?.(error) === true) settle(undefined)
      else {
        isReplied = true
        refuse(error)
      }
    }
    try {
      const returned = call((error, value) => {
        if (error) fail(error)
        else if (!isReplied) settle(value)
      })
      if (isPromise(returned)) returned.then(undefined, fail)
    } catch (error) {
      fail(error)
    }
  })
}

function asItIs(reply: unknown): unknown {
  return reply
}

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
