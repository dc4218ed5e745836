/** A value, or a promise of one. A store that has its reply at once returns it at once: nothing then waits for a tick. */
export type Awaitable<T> = T | PromiseLike<T>

export function isPromise<T>(value: Awaitable<T>): value is PromiseLike<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

/** `next(value)`, at once where the value is there, after it otherwise. */
export function andThen<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return isPromise(value) ? value.then(next) : next(value)
}

/** Runs the task and calls one of the two with what came of it: at once, where that is known at once. */
export function whenDone<T>(
  task: () => Awaitable<T>,
  done: (value: T) => void,
  failed: (error: unknown) => void,
): void {
  let result: Awaitable<T>
  try {
    result = task()
  } catch (error) {
    failed(error)
    return
  }
  if (isPromise(result)) result.then(done, failed)
  else done(result)
}
