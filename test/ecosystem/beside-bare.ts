import type { RequestListener } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { type RequestHandler, sessionMiddleware } from '../../lib'
import { listen } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import type { TestRequest } from '../support/server-kinds'
import { fetchRaw, type RawAnswer } from '../support/raw-client'

/** What an app under test mounts: the sessions, or nothing of ours for the bare app that it is compared with. */
export interface Mounted {
  /** Attaches `req.session`. */
  readonly sessions: RequestHandler
  /** Changes the session, as a handler of the app would. */
  readonly change: RequestHandler
}

/** Makes an app of some framework or library. Anything that it holds must be its own at each call. */
export type MakeApp = (mounted: Mounted) => RequestListener

const pass: RequestHandler = (_req, _res, next) => next()

export interface EcosystemApp {
  readonly port: number
  readonly store: ControlledStore
}

export async function startBare(makeApp: MakeApp): Promise<number> {
  return (await listen(makeApp({ sessions: pass, change: pass }))).port
}

/** @param delay Milliseconds until the store replies; undefined: in the same tick. */
export async function startWithSessions(
  makeApp: MakeApp,
  delay: number | undefined,
  options: { storeTimeout?: number } = {},
): Promise<EcosystemApp> {
  const store = new ControlledStore()
  store.delay = delay
  let count = 0
  const change: RequestHandler = (req, _res, next) => {
    ;(req as TestRequest).session.set('count', ++count)
    next()
  }
  const { port } = await listen(makeApp({ sessions: sessionMiddleware({ store, ...options }), change }))
  return { port, store }
}

/** What sessions add to a response; all else is to be the same, byte by byte. */
const ours = ['set-cookie', 'cache-control', 'vary']
/** What differs from one response to the next anyway. */
const volatile = ['date', 'x-response-time']

/** A response, to be compared: its headers in their order, its body unpacked. */
export function comparable(response: RawAnswer): unknown {
  const { statusLine, headers, body, whole, trailers } = response
  const isGzip = headers.some(([name, value]) => name.toLowerCase() === 'content-encoding' && value === 'gzip')
  return {
    statusLine,
    headers: headers.filter(([name]) => ![...ours, ...volatile].includes(name.toLowerCase())),
    body: isGzip ? gunzipSync(Buffer.from(body, 'latin1')).toString() : body,
    whole,
    trailers,
  }
}

export const storeSpeeds = [
  ['a store that replies at once', undefined],
  ['a store that replies later', 5],
] as const

/** Compares the responses of an app with those of the same app without sessions, also to a second request. */
export async function expectSameAsBare(
  makeApp: MakeApp,
  delay: number | undefined,
  path = '/',
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const bare = await startBare(makeApp)
  const { port } = await startWithSessions(makeApp, delay)
  const expected = comparable(await fetchRaw(bare, path, { headers }))
  for (const _time of ['first', 'second']) {
    const response = await fetchRaw(port, path, { headers })
    expect(comparable(response)).toEqual(expected)
    expect(response.headers.filter(([name]) => name === 'Set-Cookie')).toHaveLength(1)
  }
}

export const expresses: readonly (readonly [name: string, create: () => any])[] = [
  ['Express 5', () => jest.requireActual<() => any>('express')()],
  ['Express 4', () => jest.requireActual<() => any>('express4')()],
]
