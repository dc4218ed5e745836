import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import connect from 'connect'
import express from 'express'
import express4 from 'express4'
import { type RequestHandler, type SessionManager, type SessionOptions, sessionMiddleware } from '../../lib'
import type { Session } from '../../lib/session/session'
import { FaultyStore } from './faulty-store'

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
      // Not returned: promises of the test runner's own realm look foreign to Express.
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

export const serverKinds: readonly ServerKind[] = [
  express5,
  { name: 'Express 4', listener: frameworkListener(express4) },
  { name: 'Connect', listener: frameworkListener(connect) },
  bare,
]

export interface Setup extends SessionOptions {
  readonly kind?: ServerKind
  readonly handler: Handler
  readonly onError?: ErrorHandler
  /** Mounted before, and after, the session middleware. */
  readonly before?: readonly RequestHandler[]
  readonly after?: readonly RequestHandler[]
}

export interface TestServer {
  readonly port: number
  readonly server: Server
  readonly sessions: SessionManager
  /** What the error handler was given. */
  readonly errors: any[]
}

const running: { server: Server; close: () => Promise<void> }[] = []

/** A server on a port of its own, with sessions, until `stopServers`. */
export async function serve(setup: Setup): Promise<TestServer> {
  const { kind = bare, handler, onError = answerError, before = [], after = [], ...options } = setup
  const sessions = sessionMiddleware(options)
  const errors: any[] = []
  const listener = kind.listener({
    middleware: [...before, sessions, ...after],
    handler,
    onError(error, req, res, next) {
      errors.push(error)
      onError(error, req, res, next)
    },
  })
  const { server, port } = await listen(listener)
  return { port, server, sessions: sessions.sessions, errors }
}

export async function listen(listener: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  running.push({
    server,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
  return { server, port: (server.address() as AddressInfo).port }
}

export async function stopServers(): Promise<void> {
  await Promise.all(running.splice(0).map((one) => one.close()))
}

/** An error page that looks the same on every server. */
export const answerError: ErrorHandler = (error, _req, res) => {
  if (res.headersSent) {
    res.destroy()
    return
  }
  res.statusCode = error.status ?? 500
  res.setHeader('Content-Type', 'text/plain')
  res.end(`sorry: ${error.code ?? error.message}`)
}

/** A store that answers asynchronously and holds what a session writes until the test lets it go. */
export function holdingStore(): FaultyStore {
  const store = new FaultyStore()
  store.hold('insert')
  store.hold('change')
  store.hold('delete')
  return store
}

/** The turn of everything that is under way between this process' own sockets. */
export async function settle(rounds = 5): Promise<void> {
  for (let i = 0; i < rounds; i++) await new Promise<void>((resolve) => setTimeout(resolve, 2))
}
