import type { IncomingMessage } from 'node:http'

type ErrorHandler = (error: unknown, req: unknown, res: unknown, next: (error?: unknown) => void) => unknown

interface Layer {
  readonly handle: unknown
  /** Mounted without a path: Express 5, Express 4. */
  readonly slash?: boolean
  readonly regexp?: { readonly fast_slash?: boolean }
}

interface App {
  readonly parent?: App
  /** Express 4. Its `router` throws. */
  readonly _router?: { readonly stack?: readonly Layer[] }
  readonly router?: { readonly stack?: readonly Layer[] }
}

/** The error handlers of an app that stand after a middleware. */
export interface ErrorHandlers {
  /** Gives the error to the first one, and to the next where one passes it on; `last` where all have. */
  run(error: unknown, last: () => void): void
}

/**
 * The error handlers that Express would give an error of this middleware to, wherever its router stands by now. `next`
 * goes on from where the router is, which may be behind all of them. Undefined where they are not known: outside of
 * Express, for a middleware that is not mounted on an app itself, and beside error handlers of a path.
 */
export function expressErrorHandlers(req: IncomingMessage, middleware: unknown): ErrorHandlers | undefined {
  const { app, res } = req as { app?: App; res?: unknown }
  for (let one = app; one !== undefined; one = one.parent) {
    const stack = (one._router ?? one.router)?.stack
    if (!Array.isArray(stack)) return undefined
    const layers = stack as readonly Layer[]
    const place = layers.findIndex(({ handle }) => handle === middleware)
    if (place === -1) continue
    const handlers = layers.slice(place).filter(({ handle }) => typeof handle === 'function' && handle.length === 4)
    if (handlers.some((layer) => layer.slash !== true && layer.regexp?.fast_slash !== true)) return undefined
    return {
      run(error, last) {
        runAll(handlers.map(({ handle }) => handle) as ErrorHandler[], error, req, res, last)
      },
    }
  }
  return undefined
}

function runAll(handlers: readonly ErrorHandler[], error: unknown, req: unknown, res: unknown, last: () => void): void {
  const [handler, ...others] = handlers
  if (handler === undefined) {
    last()
    return
  }
  const goOn = (passed: unknown = error): void => runAll(others, passed, req, res, last)
  try {
    const result = handler(error, req, res, goOn)
    if (result instanceof Promise) result.catch(goOn)
  } catch (thrown) {
    goOn(thrown)
  }
}
