import type { RequestListener } from 'node:http'
import { gunzipSync } from 'node:zlib'
import type { RequestHandler } from '../../lib'
import { listen } from '../support/app'
import { type EntryPoint, entryPoints } from '../support/entry-points'
import { fetchRaw, type RawResponse } from '../support/raw-client'

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

export async function startBare(makeApp: MakeApp): Promise<number> {
  return (await listen(makeApp({ sessions: pass, change: pass }))).port
}

export interface EcosystemApp extends Pick<EntryPoint, 'fail'> {
  readonly port: number
}

/** @param delay Milliseconds until the store replies; undefined: in the same tick. */
export async function startWithSessions(
  makeApp: MakeApp,
  delay: number | undefined,
  entryPoint: string,
): Promise<EcosystemApp> {
  const start = entryPoints[entryPoint]
  if (start === undefined) throw new Error(`no entry point ${entryPoint}`)
  const { sessions, change, fail } = start(delay)
  const { port } = await listen(makeApp({ sessions, change }))
  return { port, fail }
}

/** Of the package. Each test runs with both. */
export const entryPointNames = Object.keys(entryPoints)

/** What sessions add to a response; all else is to be the same, byte by byte. */
const ours = ['set-cookie', 'cache-control', 'vary']
/** What differs from one response to the next anyway. */
const volatile = ['date', 'x-response-time']

/** A response, to be compared: its headers in their order, its body unpacked. */
export function comparable(response: RawResponse): unknown {
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

/** Compares the responses of an app, with the sessions of each entry point, with those of the same app without sessions,
 * also to a second request. */
export async function expectSameAsBare(
  makeApp: MakeApp,
  delay: number | undefined,
  path = '/',
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const bare = await startBare(makeApp)
  const expected = comparable(await fetchRaw(bare, path, { headers }))
  for (const entryPoint of entryPointNames) {
    const { port } = await startWithSessions(makeApp, delay, entryPoint)
    for (const _time of ['first', 'second']) {
      const response = await fetchRaw(port, path, { headers })
      expect(comparable(response)).toEqual(expected)
      expect(response.headers.filter(([name]) => name === 'Set-Cookie')).toHaveLength(1)
    }
  }
}

export const expresses: readonly (readonly [name: string, create: () => any])[] = [
  ['Express 5', () => jest.requireActual<() => any>('express')()],
  ['Express 4', () => jest.requireActual<() => any>('express4')()],
]
