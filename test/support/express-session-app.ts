import type { IncomingMessage, ServerResponse } from 'node:http'
import original from 'express-session'
import ours from '../../lib/express-session'
import { forgetWarnings } from '../../lib/base/warnings'
import { Barriers, listen } from './app'
import { type ClientResponse, get } from './http-client'
import { respondToError, bare, type ServerKind } from './server-kinds'

export type CompatRequest = IncomingMessage & {
  session: any
  sessionID: any
  sessionStore: any
  [key: string]: any
}
export type CompatResponse = ServerResponse & Record<string, any>
export type CompatHandler = (req: CompatRequest, res: CompatResponse, next: (error?: unknown) => void) => unknown
export type SessionFactory = (options?: any) => any

export interface CompatSetup {
  /** Default: ours. */
  readonly session?: SessionFactory
  readonly options?: Record<string, unknown>
  readonly kind?: ServerKind
  /** By path, without what follows a second slash. */
  readonly routes: Record<string, CompatHandler>
  /** Mounted before, and after, the session middleware. */
  readonly before?: readonly any[]
  readonly after?: readonly any[]
}

export interface CompatApp {
  readonly port: number
  readonly handler: { readonly store: any }
  readonly barriers: Barriers
  readonly errors: any[]
  get(path: string, cookie?: string): Promise<ClientResponse>
}

/** Both programs, for what must be the same in either. */
export const bothSessions: readonly [name: string, session: SessionFactory & typeof original][] = [
  ['express-session', original],
  ['holdfast/express-session', ours],
]

/** The options that express-session's documentation advises apps to set. */
export const usualOptions = { secret: 'keyboard cat and a few more', resave: false, saveUninitialized: false }

/** Starts an app with sessions as express-session has them; until `stopApps`. */
export async function startCompatApp(setup: CompatSetup): Promise<CompatApp> {
  const { session = ours, options = {}, kind = bare, routes, before = [], after = [] } = setup
  const barriers = new Barriers()
  const errors: any[] = []
  const handler = session({ ...usualOptions, ...options })
  const listener = kind.listener({
    middleware: [...before, handler, ...after],
    async handler(req, res, next) {
      const name = (req.url ?? '/').split('/')[1] ?? ''
      const route = routes[name]
      if (route === undefined) throw new Error(`no route for /${name}`)
      const result = await route(req as unknown as CompatRequest, res, next)
      if (result !== undefined && !res.writableEnded) {
        res.setHeader('Content-Type', 'application/json')
        res.end(JSON.stringify(result))
      }
    },
    onError(error, req, res, next) {
      errors.push(error)
      respondToError(error, req, res, next)
    },
  })
  const { port } = await listen(listener)
  return { port, handler, barriers, errors, get: (path, cookie) => get(port, path, cookie) }
}

/** One browser: sends the cookie that it was given last, and forgets one that was cleared. */
export class Browser {
  cookie: string | undefined
  readonly #app: Pick<CompatApp, 'get'>

  constructor(app: Pick<CompatApp, 'get'>) {
    this.#app = app
  }

  async get(path: string): Promise<ClientResponse> {
    const response = await this.#app.get(path, this.cookie)
    const [cookie] = response.cookies
    if (cookie !== undefined) this.cookie = cookie.endsWith('=') ? undefined : cookie
    return response
  }

  /** What the route returned. */
  async json(path: string): Promise<any> {
    const { status, body } = await this.get(path)
    if (status !== 200) throw new Error(`${path} responded with ${status}: ${body}`)
    return JSON.parse(body)
  }
}

/** The id in a signed cookie. */
export function sidOf(cookie: string | undefined): string {
  const value = decodeURIComponent((cookie ?? '').split('=').slice(1).join('='))
  return value.slice('s:'.length, value.lastIndexOf('.'))
}

export { forgetWarnings }
