import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import connect from 'connect'
import express from 'express'
import express4 from 'express4'
import type { RequestHandler } from '../../lib'
import type { Session } from '../../lib/session/session'

export type Next = (error?: unknown) => void
export type TestRequest = IncomingMessage & { session: Session; [key: string]: any }
/** A response with what Express adds to it; on the other servers it is not there. */
export type TestResponse = ServerResponse & Record<string, any>
export type Handler = (req: TestRequest, res: TestResponse, next: Next) => unknown
export type ErrorHandler = (error: any, req: TestRequest, res: TestResponse, next: Next) => unknown

export interface Wiring {
  readonly middleware: readonly RequestHandler[]
  readonly handler: Handler
  readonly onError: ErrorHandler
}

export interface ServerKind {
  readonly name: string
  readonly listener: (wiring: Wiring) => RequestListener
}

const frameworkListener =
  (create: () => any) =>
  ({ middleware, handler, onError }: Wiring): RequestListener => {
    const app = create()
    for (const one of middleware) app.use(one)
    app.use((req: TestRequest, res: TestResponse, next: Next) => {
      // Not returned: Express takes promises of the test runner's own realm for no promises.
      Promise.resolve(handler(req, res, next)).catch(next)
    })
    app.use((error: unknown, req: TestRequest, res: TestResponse, next: Next) => onError(error, req, res, next))
    return app
  }

export const express5: ServerKind = { name: 'Express 5', listener: frameworkListener(express) }
export const bare: ServerKind = {
  name: 'node:http',
  listener:
    ({ middleware, handler, onError }) =>
    (req, res) => {
      const run = (index: number, error?: unknown): void => {
        const one = middleware[index]
        if (error !== undefined) onError(error, req as TestRequest, res, () => undefined)
        else if (one !== undefined) one(req, res, (problem?: unknown) => run(index + 1, problem))
        else handler(req as TestRequest, res, (problem) => run(middleware.length, problem))
      }
      run(0)
    },
}

/** The servers that sessions are for. */
export const serverKinds: readonly ServerKind[] = [
  express5,
  { name: 'Express 4', listener: frameworkListener(express4) },
  { name: 'Connect', listener: frameworkListener(connect) },
  bare,
]

/** An error page that is the same on every server. */
export const respondToError: ErrorHandler = (error, _req, res) => {
  if (res.headersSent) {
    res.destroy()
    return
  }
  res.statusCode = error.status ?? 500
  res.setHeader('Content-Type', 'text/plain')
  res.end(`sorry: ${error.code ?? error.message}`)
}
