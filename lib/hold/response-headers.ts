import type { ServerResponse } from 'node:http'
import { headerPairs, statusMessageOf } from './check-call'

/** What `Cache-Control` says on a response that carries a session cookie; see the option `cacheControl`. */
export type CacheControl = 'no-store' | 'private' | false

/**
 * Gives the session cookie to a response whose head was not sent. A response has one `Set-Cookie` of a name (RFC 6265
 * section 4.1.1): of several the last counts; one that the app has given by hand (`sessions.setCookie`) stays, and only
 * takes the place of one that deletes. Other cookies stay as they are.
 */
export function addSessionCookies(res: ServerResponse, cookies: readonly string[], cacheControl: CacheControl): void {
  const given = cookies.at(-1)
  if (given === undefined) return
  const byApp = setCookiesOf(res).findLast((cookie) => hasNameOf(cookie, given) && !isDeletion(cookie))
  setSessionCookie(res, byApp ?? given, cacheControl)
}

/** As {@link addSessionCookies}, over whatever cookie of the name there is. */
export function setSessionCookie(res: ServerResponse, cookie: string, cacheControl: CacheControl): void {
  // A stub of a response may have neither.
  if (typeof res.getHeader !== 'function' || typeof res.setHeader !== 'function') return
  res.setHeader('Set-Cookie', [...setCookiesOf(res).filter((other) => !hasNameOf(other, cookie)), cookie])
  if (cacheControl !== false) restrictCaches(res, cacheControl)
}

function hasNameOf(cookie: string, other: string): boolean {
  return cookie.startsWith(other.slice(0, other.indexOf('=') + 1))
}

function isDeletion(cookie: string): boolean {
  return cookie.charAt(cookie.indexOf('=') + 1) === ';'
}

/** Headers that give a cache leave of its own, whatever Cache-Control says: `CDN-Cache-Control` (RFC 9213) and those of
 * single vendors that end like it, `Surrogate-Control`, `Edge-Control`, and nginx' `X-Accel-Expires`. */
const vendorCacheHeader = /.-cache-control$|(?:^|-)(?:surrogate|edge|cdn)-control$|^x-accel-expires$/

/** Up to a comma that is not in quotes: `private="a, b"`. */
const directive = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g

/** What a response that carries the cookie must not allow. With `must-understand`, caches disregard `no-store` (RFC 9111
 * section 5.2.2.3). */
const refusedWith = {
  'no-store':
    /^(public|s-maxage|private|proxy-revalidate|max-age|immutable|stale-while-revalidate|stale-if-error|must-understand)\b/i,
  private: /^(public|s-maxage|private|proxy-revalidate)\b/i,
}

/** No cache that others share may keep what carries a session (RFC 9111 section 7.3, RFC 6265bis section 8.4). */
function restrictCaches(res: ServerResponse, rule: 'no-store' | 'private'): void {
  const before = String(res.getHeader('Cache-Control') ?? '')
  const directives = (before.match(directive) ?? []).map((one) => one.trim()).filter((one) => one !== '')
  const isStrict = directives.some((one) => one.toLowerCase() === 'no-store')
  if (!isStrict || directives.some((one) => one.toLowerCase() === 'must-understand')) {
    const kept = directives.filter((one) => !refusedWith[rule].test(one) && one.toLowerCase() !== 'no-store')
    res.setHeader('Cache-Control', [isStrict ? 'no-store' : rule, ...kept].join(', '))
  }
  // A stub of a response may not have it.
  if (typeof res.removeHeader !== 'function') return
  for (const name of headerNamesOf(res)) if (vendorCacheHeader.test(name.toLowerCase())) res.removeHeader(name)
}

/** Says to caches that another cookie may get another response (RFC 9110 section 12.5.5), beside what it depends on. */
export function varyOnCookie(res: ServerResponse): void {
  // A stub of a response may have neither.
  if (typeof res.getHeader !== 'function' || typeof res.setHeader !== 'function') return
  const before = res.getHeader('Vary')
  if (before === undefined) {
    res.setHeader('Vary', 'Cookie')
    return
  }
  const names = String(before)
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (names.some((name) => name === '*' || name.toLowerCase() === 'cookie')) return
  res.setHeader('Vary', [...names, 'Cookie'].join(', '))
}

/**
 * `writeHead` headers would go out beside, or instead of, what was set before. Moves them into the response first, with
 * Node's own rules (a later one replaces, a repeated one in an array adds), so that the cookie can join them.
 */
export function absorbWriteHead(res: ServerResponse, args: readonly unknown[]): readonly unknown[] {
  const [status, second, third] = args
  const message = typeof second === 'string' ? second : undefined
  const headers = message === undefined ? (third ?? second) : third
  const values = new Map<string, readonly [name: string, value: unknown]>()
  for (const [name, value] of headerPairs(headers)) {
    const key = name.toLowerCase()
    const before = Array.isArray(headers) ? values.get(key) : undefined
    values.set(key, before === undefined ? [name, value] : [before[0], [before[1], value].flat()])
  }
  // Node checks whatever it is given, and throws for what is no value.
  for (const [name, value] of values.values()) res.setHeader(name, value as string)
  return message === undefined ? [status] : [status, message]
}

/** What described the discarded response: an error page must not be cached for a year, or redirect. */
const representation =
  /^content-(?!security-policy)|cache-control$|(?:surrogate|edge|cdn)-control$|^surrogate-|^(x-accel-expires|etag|last-modified|expires|pragma|age|location|refresh|link|accept-ranges|transfer-encoding|trailer|retry-after|clear-site-data)$/

/**
 * Takes back the response that an app had prepared, so that its error handler starts from a clean sheet.
 *
 * @param cookiesToKeep The `Set-Cookie` values from before the session was changed. Those that were added since belong to
 *   what could not be stored.
 */
export function withdrawResponse(res: ServerResponse, cookiesToKeep: readonly string[]): void {
  res.statusCode = 200
  // Node's own "not set": the reason phrase of the status.
  if (statusMessageOf(res) !== undefined) (res as { statusMessage: string | undefined }).statusMessage = undefined
  const cookies = setCookiesOf(res)
  for (const name of headerNamesOf(res)) if (representation.test(name.toLowerCase())) res.removeHeader(name)
  const kept = cookies.filter((cookie) => cookiesToKeep.includes(cookie))
  if (kept.length < cookies.length) {
    if (kept.length === 0) res.removeHeader('Set-Cookie')
    else res.setHeader('Set-Cookie', kept)
  }
  // Node remembers that they were removed, and would frame the other response without them.
  const marks = res as { _removedContLen?: boolean; _removedTE?: boolean }
  if (marks._removedContLen === true) marks._removedContLen = false
  if (marks._removedTE === true) marks._removedTE = false
}

/** The `Set-Cookie` values of a response so far. */
export function setCookiesOf(res: ServerResponse): readonly string[] {
  const value = headerOrNone(res)
  if (value === undefined) return noCookies
  return Array.isArray(value) ? [...value] : [String(value)]
}

// Tests make responses by `Object.create(ServerResponse.prototype)`. As long as no header is set, the inherited methods find no
// table of headers, and throw.

function headerOrNone(res: ServerResponse): ReturnType<ServerResponse['getHeader']> {
  try {
    return typeof res.getHeader === 'function' ? res.getHeader('Set-Cookie') : undefined
  } catch {
    return undefined
  }
}

function headerNamesOf(res: ServerResponse): readonly string[] {
  try {
    return typeof res.getHeaderNames === 'function' ? res.getHeaderNames() : noCookies
  } catch {
    return noCookies
  }
}

const noCookies: readonly string[] = []
