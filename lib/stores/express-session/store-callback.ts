/** A callback as stores written for express-session take it. */
export type StoreCallback = (error?: unknown, value?: unknown) => void

/**
 * The answer of a callback-style store as a promise, whatever manners the store has: the first answer counts, later ones
 * are ignored; an exception is an answer; a promise that the store returns beside using the callback is heard only when
 * it rejects (connect-redis rejects without calling back when an app's `ttl` function throws). A store that never answers
 * leaves the promise open: the caller has the time limit.
 */
export function askStore(call: (callback: StoreCallback) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      reject(error instanceof Error ? error : new Error('the session store failed with something that is no Error', { cause: error }))
    }
    try {
      const returned = call((error, value) => {
        if (error) fail(error)
        else resolve(value)
      })
      if (isThenable(returned)) returned.then(undefined, fail)
    } catch (error) {
      fail(error)
    }
  })
}

/**
 * Whether the error of a `get` or `destroy` says "there is no such session": `ENOENT`, by which express-session's own
 * contract lets a store say so (session-file-store does). Not when a connection could not be made: a database whose Unix
 * socket is missing is away, and a store that is away must not look like an empty one.
 */
export function meansAbsent(error: unknown): boolean {
  const { code, syscall } = error as { code?: unknown; syscall?: unknown }
  return code === 'ENOENT' && syscall !== 'connect'
}

/** Whether the error of a `get` says that what is kept there is not JSON: such a session can never be read again. */
export function meansGarbage(error: unknown): boolean {
  return error instanceof Error && error.name === 'SyntaxError'
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}
