import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import original from 'express-session'
import ours from '../../lib/express-session'
import { MemoryStore } from '../../lib/stores/memory-store'

/** Runs one flow of a library on express-session and on holdfast/express-session, to compare what a client sees. */
export interface Flow {
  /** Beside those that express-session's documentation advises apps to set. */
  readonly options?: object
  /** Mounts the library and the app's routes, after the sessions, which are `app.get('sessions')`. */
  readonly mount: (app: any, origin: string) => void
  readonly visit: (visitor: Visitor) => Promise<unknown>
}

/** A response as the flow shows it: without ids, tokens, ports and dates. */
export interface Shown {
  readonly request: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Names and attributes, without values. A cleared cookie is not among them: that a session's cookie is cleared when it
   * ends is a difference that the guide names. */
  readonly cookies: readonly string[]
  readonly body: string
}

export type Sessions = (options: object) => any

/** What takes the place of express-session: with its records in place, and with records of our own. */
export const programs: readonly Sessions[] = [
  (options) => ours({ store: new ours.MemoryStore(), ...options } as never),
  (options) => ours({ store: new MemoryStore(), ...options } as never),
]

export const expressSession: Sessions = (options) => {
  const store = new original.MemoryStore()
  return Object.assign(original({ store, ...options } as never), { store })
}

/** The options that express-session's documentation advises apps to set. */
export const usual = { secret: 'keyboard cat and a few more', resave: false, saveUninitialized: false }

/** One browser at one app. Keeps its cookies, and writes down each response of the app. */
export class Visitor {
  readonly origin: string
  readonly seen: Shown[] = []
  readonly cookies = new Map<string, string>()
  #location: string | undefined
  #body = ''

  constructor(origin: string) {
    this.origin = origin
  }

  /** The body of the last response, as it came. */
  get body(): string {
    return this.#body
  }

  get json(): any {
    return JSON.parse(this.#body)
  }

  /** Where the last response leads to, as it came. */
  get location(): URL {
    return new URL(this.#location ?? '', this.origin)
  }

  /** Another browser at the same app, whose responses are written down here too. */
  other(): Visitor {
    const visitor = new Visitor(this.origin)
    Object.defineProperty(visitor, 'seen', { value: this.seen })
    return visitor
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    return this.#send(path, { headers })
  }

  /** @param body A form, or text as it is. */
  post(path: string, body: Readonly<Record<string, string>> | string = {}): Promise<void> {
    return this.#send(path, { method: 'POST', body: typeof body === 'string' ? body : new URLSearchParams(body) })
  }

  /** Goes where the last response leads to: to the app, or through another server, with its redirects, back to the app. */
  async follow(): Promise<void> {
    let next = this.location
    while (next.origin !== this.origin) {
      const response = await fetch(next, { redirect: 'manual' })
      const location = response.headers.get('location')
      if (location === null) throw new Error(`${next.pathname} responded with ${response.status}`)
      next = new URL(location, next)
    }
    await this.get(next.pathname + next.search)
  }

  async #send(path: string, init: RequestInit): Promise<void> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(this.origin + path, {
      redirect: 'manual',
      ...init,
      headers: { ...(init.headers as Record<string, string> | undefined), ...(cookie !== '' && { cookie }) },
    })
    this.#body = await response.text()
    this.#location = response.headers.get('location') ?? undefined
    const given = response.headers.getSetCookie()
    for (const one of given) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(one) ?? []
      if (value === '' || /expires=thu, 01 jan 1970/i.test(one)) this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    this.seen.push({
      request: `${init.method ?? 'GET'} ${plain(path)}`,
      status: response.status,
      headers: shownHeaders(response.headers, this.#body),
      cookies: given
        .filter((one) => !/^[^=]+=;/.test(one))
        .map((one) => one.replace(/=[^;]*/, '=…').replace(/(expires)=[^;]*/i, '$1=…')),
      body: plain(this.#body),
    })
  }
}

/** `cache-control`: what keeps a session's cookie out of caches. */
const others = ['date', 'connection', 'keep-alive', 'set-cookie', 'cache-control', 'transfer-encoding']

function shownHeaders(headers: Headers, body: string): Record<string, string> {
  const shown = [...headers].filter(([name]) => !others.includes(name))
  const hasToken = plain(body) !== body
  return Object.fromEntries(
    shown
      .filter(([name]) => !hasToken || (name !== 'content-length' && name !== 'etag'))
      .map(([name, value]) => [name, plain(value)]),
  )
}

/** Without ports, and without what is random: long runs of characters with a digit or a capital letter in them. */
function plain(text: string): string {
  return text
    .replace(/(127\.0\.0\.1|localhost)(:|%3A)\d+/g, 'host')
    .replace(/[\w.~%+-][\w.~%+/=-]{19,}/g, (run) => (/[0-9A-Z]/.test(run) ? '…' : run))
}

/** What a client sees of the flow, and what the flow itself found out. */
export async function seenOf(
  create: () => any,
  sessions: Sessions,
  flow: Flow,
): Promise<{ shown: readonly Shown[]; result: unknown }> {
  const app = create()
  const server = createServer(app)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const handler = sessions({ ...usual, ...flow.options })
    app.set('sessions', handler)
    app.use(handler)
    flow.mount(app, origin)
    app.use((error: any, _req: unknown, res: any, _next: unknown) => {
      const status = error.status ?? error.statusCode ?? (res.statusCode >= 400 ? res.statusCode : 500)
      res.status(status).json({ code: error.code, message: error.message })
    })
    const visitor = new Visitor(origin)
    const result = await flow.visit(visitor)
    return { shown: visitor.seen, result }
  } finally {
    await close(server)
  }
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}
