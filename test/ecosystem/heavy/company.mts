import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import holdfast, { type RequestHandler } from '../../../lib/index.js'
import controlled from '../../support/controlled-store.js'
import entries from '../../support/entry-points.js'
import raw, { type RawResponse } from '../../support/raw-client.js'

/** What each framework and library is tried with: the same bytes as without sessions, what is set is there in the next
 * request, login and logout, and 503 from a failing save. */

export const { fetchRaw, sessionCookie, valuesOf, RawClient } = raw
export const { login, logout, sessionMiddleware } = holdfast
export type Store = InstanceType<typeof controlled.ControlledStore>

const stops: (() => Promise<unknown>)[] = []

/** Runs at the end of the file, the latest first. */
export function atTheEnd(stop: () => Promise<unknown>): void {
  stops.unshift(stop)
}

after(async () => {
  for (const stop of stops) await stop()
})

export async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atTheEnd(() => close(server))
  return (server.address() as AddressInfo).port
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
}

export const delays = [
  ['a store that replies at once', undefined],
  ['a store that replies later', 5],
] as const

/** @param delay Milliseconds until the store replies; undefined: in the same tick. */
export function sessionsOf(delay: number | undefined): { store: Store; sessions: RequestHandler } {
  const store = new controlled.ControlledStore()
  store.delay = delay
  return { store, sessions: sessionMiddleware({ store }) }
}

const pass: RequestHandler = (_req, _res, next) => next()

/** In front of the framework: changes the session, as an app's own middleware would. */
export const change: RequestHandler = (req, _res, next) => {
  ;(req as any).session.set('changed', Math.random())
  next()
}

/** Makes an app of a framework, behind the middleware given. */
export type Make = (middleware: readonly RequestHandler[]) => RequestListener | Promise<RequestListener>

export interface Exchange {
  readonly path: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** What of the body is compared, where the rest differs from one response to the next also without sessions. */
  readonly compared?: (body: string) => string
}

/** What sessions add to a response, and what differs from one response to the next anyway. */
const others = ['set-cookie', 'cache-control', 'vary', 'date']

/** A response, to be compared: all headers in their order, the body unpacked. */
export function comparable(response: RawResponse, { compared = (body) => body }: Partial<Exchange> = {}): unknown {
  const isGzip = valuesOf(response, 'content-encoding').includes('gzip')
  return {
    ...response,
    headers: response.headers.filter(([name]) => !others.includes(name.toLowerCase())),
    body: compared(isGzip ? gunzipSync(Buffer.from(response.body, 'latin1')).toString() : response.body),
  }
}

export async function send(port: number, exchange: Exchange, cookie?: string): Promise<RawResponse> {
  const { path, method = 'GET', headers = {}, body = '' } = exchange
  const client = await RawClient.open(port)
  const length: Record<string, string> = body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
  client.get(path, { Connection: 'close', ...length, ...headers, ...(cookie !== undefined && { cookie }) }, method)
  client.send(body)
  // A framework may insist on keep-alive.
  const isOver = (text: string): boolean =>
    client.closed || (/\r\ntransfer-encoding: chunked\r\n/i.test(text) && text.endsWith('\r\n0\r\n\r\n'))
  // A response that hangs is shown as far as it came.
  const timer = setTimeout(() => client.close(), 10_000)
  const text = await client.until(isOver)
  clearTimeout(timer)
  client.close()
  return raw.parseResponse(text, method)
}

/** The same bytes as without sessions, whether the session changes or not; and 503 in place of them where the save fails.
 * With both entry points. */
export function checkBesideBare(name: string, make: Make, exchanges: readonly Exchange[]): void {
  for (const [entryPoint, start] of Object.entries(entries.entryPoints)) {
    for (const [speed, delay] of delays) {
      void test(`${name} sends the bytes that it sends without ${entryPoint}, with ${speed}`, async () => {
        const { sessions, change } = start(delay)
        const bare = await listen(await make([pass]))
        const idle = await listen(await make([start(delay).sessions]))
        const changed = await listen(await make([sessions, change]))
        for (const exchange of exchanges) {
          const shown = `${exchange.method ?? 'GET'} ${exchange.path} ${JSON.stringify(exchange.headers ?? {})}`
          const expected = comparable(await send(bare, exchange), exchange)
          assert.deepEqual(comparable(await send(idle, exchange), exchange), expected, `${shown}, session untouched`)
          for (const time of ['first', 'second']) {
            const response = await send(changed, exchange)
            assert.deepEqual(comparable(response, exchange), expected, `${shown}, session changed, ${time}`)
            assert.match(valuesOf(response, 'set-cookie').join(), /^(connect\.)?sid=[^;]{20}/)
          }
        }
      })

      void test(`${name} gives 503 where the save of ${entryPoint} fails, with ${speed}`, async () => {
        const { sessions, change, fail, mend } = start(delay)
        const port = await listen(await make([sessions, change]))
        fail()
        for (const exchange of exchanges) {
          const response = await send(port, exchange)
          const shown = `${exchange.method ?? 'GET'} ${exchange.path}`
          assert.deepEqual([response.status, response.whole], [503, true], shown)
          assert.deepEqual(valuesOf(response, 'set-cookie'), [], shown)
          assert.deepEqual(valuesOf(response, 'content-encoding'), [], shown)
          assert.deepEqual(valuesOf(response, 'retry-after'), ['5'], shown)
        }
        mend()
        for (const exchange of exchanges) {
          const { status, whole } = await send(port, exchange)
          assert.ok(status !== 503 && whole, `${exchange.path} after the outage`)
        }
      })
    }
  }
}

/** One browser: keeps the session's cookie. */
export class Browser {
  cookie: string | undefined
  readonly #port: number

  constructor(port: number) {
    this.#port = port
  }

  async send(exchange: Exchange): Promise<RawResponse> {
    const response = await send(this.#port, exchange, this.cookie)
    const cookie = sessionCookie(response)
    if (cookie !== undefined) this.cookie = cookie.endsWith('=') ? undefined : cookie
    return response
  }
}
