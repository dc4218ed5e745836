import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Router } from 'express'
import { type RequestHandler, type SessionManager, type SessionOptions, sessionMiddleware } from '../../lib'
import { type ClientResponse, get } from './http-client'
import { respondToError, bare, type ErrorHandler, express5, type Handler, type ServerKind } from './server-kinds'

/** Options of the middleware, and what surrounds it: one `handler` for all requests, or `routes` of Express. */
export interface AppSetup extends SessionOptions {
  /** Default: Express 5 with `routes`, otherwise node:http. */
  readonly kind?: ServerKind
  readonly handler?: Handler
  readonly routes?: (routes: Router, barriers: Barriers) => void
  readonly onError?: ErrorHandler
  /** Mounted before, and after, the session middleware. */
  readonly before?: readonly RequestHandler[]
  readonly after?: readonly RequestHandler[]
}

/** An app with sessions, on a port of its own. */
export interface TestApp {
  readonly port: number
  readonly server: Server
  readonly sessions: SessionManager
  readonly barriers: Barriers
  /** What the error handler was given. */
  readonly errors: any[]
  get(path: string, cookie?: string): Promise<ClientResponse>
  close(): Promise<void>
}

const running = new Set<() => Promise<void>>()

/** Starts an app; it runs until it is closed, or until `stopApps`. */
export async function startApp(setup: AppSetup): Promise<TestApp> {
  const { routes, kind = routes === undefined ? bare : express5, ...rest } = setup
  const { handler = notFound, onError = respondToError, before = [], after = [], ...options } = rest
  const sessions = sessionMiddleware(options)
  const errors: any[] = []
  const barriers = new Barriers()
  const router = express.Router()
  routes?.(router, barriers)
  const listener = kind.listener({
    middleware: [...before, sessions, ...after, ...(routes === undefined ? [] : [router as unknown as RequestHandler])],
    handler,
    onError(error, req, res, next) {
      errors.push(error)
      onError(error, req, res, next)
    },
  })
  const { server, port, close } = await listen(listener)
  return {
    port,
    server,
    sessions: sessions.sessions,
    barriers,
    errors,
    get: (path, cookie) => get(port, path, cookie),
    async close() {
      await close()
      await sessions.sessions.close()
    },
  }
}

/** Serves on a free port, until it is closed or until `stopApps`. */
export async function listen(
  listener: RequestListener,
): Promise<{ server: Server; port: number; close: () => Promise<void> }> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    running.delete(close)
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  running.add(close)
  return { server, port: (server.address() as AddressInfo).port, close }
}

export async function stopApps(): Promise<void> {
  await Promise.all([...running].map((close) => close()))
}

/** Points in the middle of requests, by name, where they wait until the test lets them go on. */
export class Barriers {
  readonly #barriers = new Map<string, Barrier>()

  /** For the handler: it waits here. */
  pass(name: string): Promise<void> {
    const barrier = this.#barrier(name)
    barrier.reached.resolve()
    return barrier.opened.promise
  }

  /** Resolves when a request has come here. */
  reached(name: string): Promise<void> {
    return this.#barrier(name).reached.promise
  }

  /** Lets the requests that wait here go on, and all later ones. */
  open(name: string): void {
    this.#barrier(name).opened.resolve()
  }

  #barrier(name: string): Barrier {
    const known = this.#barriers.get(name)
    if (known !== undefined) return known
    const barrier = { reached: signal(), opened: signal() }
    this.#barriers.set(name, barrier)
    return barrier
  }
}

/** Lets all that is under way between this process' own sockets take its turns: what a test does not see after them does
 * not happen. */
export async function passTurns(rounds = 5): Promise<void> {
  for (let i = 0; i < rounds; i++) await new Promise<void>((resolve) => setTimeout(resolve, 2))
}

interface Signal {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

interface Barrier {
  readonly reached: Signal
  readonly opened: Signal
}

function signal(): Signal {
  let resolve = (): void => undefined
  const promise = new Promise<void>((settled) => {
    resolve = settled
  })
  return { promise, resolve: () => resolve() }
}

const notFound: Handler = (_req, res) => {
  res.statusCode = 404
  res.end()
}
