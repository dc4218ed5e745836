import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'
import { type SessionManager, type SessionOptions, sessionMiddleware } from '../../lib'

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** `name=value` of each cookie that was set; the value is empty for one that was cleared. */
  readonly cookies: readonly string[]
}

export interface TestApp {
  readonly app: Express
  readonly sessions: SessionManager
  get(path: string, cookie?: string): Promise<Answer>
  /** Lets a request to `/slow…` go on that waits at `gate(name)`. */
  open(name: string): void
  gate(name: string): Promise<void>
  /** Resolves when a request has come to the gate. */
  reached(name: string): Promise<void>
  close(): Promise<void>
}

interface Gate {
  readonly opened: Promise<void>
  readonly open: () => void
  readonly came: Promise<void>
  readonly come: () => void
}

/** An Express app with sessions on a real port, whose requests a test can hold up in the middle. */
export async function startApp(
  options: SessionOptions,
  routes: (app: Express, test: Pick<TestApp, 'gate'>) => void,
): Promise<TestApp> {
  const app = express()
  const middleware = sessionMiddleware(options)
  app.use(middleware)
  const gates = new Map<string, Gate>()
  const gateOf = (name: string): Gate => {
    const known = gates.get(name)
    if (known !== undefined) return known
    const [opened, open] = signal()
    const [came, come] = signal()
    const gate = { opened, open, came, come }
    gates.set(name, gate)
    return gate
  }
  const gate = (name: string): Promise<void> => {
    gateOf(name).come()
    return gateOf(name).opened
  }
  routes(app, { gate })
  const server = createServer(app)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    app,
    sessions: middleware.sessions,
    get: (path, cookie) => fetchOnce(server, path, cookie),
    open: (name) => gateOf(name).open(),
    gate,
    reached: (name) => gateOf(name).came,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await middleware.sessions.close()
    },
  }
}

function signal(): [Promise<void>, () => void] {
  let tell = (): void => undefined
  const told = new Promise<void>((resolve) => {
    tell = resolve
  })
  return [told, () => tell()]
}

function fetchOnce(server: Server, path: string, cookie?: string): Promise<Answer> {
  const { port } = server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, host: '127.0.0.1', path, agent: false, headers: cookie === undefined ? {} : { cookie } },
      (res) => {
        let body = ''
        res.setEncoding('utf8')
        res.on('data', (chunk: string) => (body += chunk))
        res.on('error', reject)
        res.on('end', () => {
          const cookies = (res.headers['set-cookie'] ?? []).map((text) => text.split(';')[0] ?? '')
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body, cookies })
        })
      },
    )
    sent.on('error', reject)
    sent.end()
  })
}

/** The session cookie of an answer, to be sent with the next request. */
export function cookieOf(answer: Answer): string {
  const [cookie] = answer.cookies
  if (cookie === undefined || cookie.endsWith('=')) {
    throw new Error(`no session cookie in an answer of ${answer.status}`)
  }
  return cookie
}

export function idOf(answer: Answer): string {
  return cookieOf(answer).slice('sid='.length)
}
