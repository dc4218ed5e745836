import type { ServerResponse } from 'node:http'
import { headerPairs, statusMessageOf } from './check-call'

/** Adds session cookies to a response whose headers have not gone: other cookies stay as they are, and no shared cache
 * may keep what carries a session (RFC 9111 section 7.3, RFC 6265bis section 8.4). */
export function addSessionCookies(res: ServerResponse, cookies: readonly string[]): void {
  // A stub of a response may have neither.
  if (typeof res.getHeader !== 'function' || typeof res.setHeader !== 'function') return
  for (const cookie of cookies) appendSetCookie(res, cookie)
  keepOutOfSharedCaches(res)
}

function appendSetCookie(res: ServerResponse, cookie: string): void {
  res.setHeader('Set-Cookie', [...setCookiesOf(res), cookie])
}

/** Headers that give a shared cache leave of its own, whatever Cache-Control says (RFC 9213, Edge Architecture). */
const sharedCacheHeaders = [
  'CDN-Cache-Control',
  'Surrogate-Control',
  'Cloudflare-CDN-Cache-Control',
  'Vercel-CDN-Cache-Control',
]

/** Up to a comma that is not in quotes: `private="a, b"`. */
const directive = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g

function keepOutOfSharedCaches(res: ServerResponse): void {
  const before = res.getHeader('Cache-Control')
  const directives = (String(before ?? '').match(directive) ?? []).map((one) => one.trim()).filter((one) => one !== '')
  if (!directives.some((one) => one.toLowerCase() === 'no-store')) {
    const kept = directives.filter((one) => !/^(public|s-maxage|private|proxy-revalidate)\b/i.test(one))
    res.setHeader('Cache-Control', ['private', ...kept].join(', '))
  }
  // A stub of a response may have neither.
  if (typeof res.hasHeader !== 'function' || typeof res.removeHeader !== 'function') return
  for (const name of sharedCacheHeaders) if (res.hasHeader(name)) res.removeHeader(name)
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
  for (const [name, value] of values.values()) res.setHeader(name, value as string)
  return message === undefined ? [status] : [status, message]
}

/** What described the discarded response: an error page must not be cached for a year, or redirect. */
const representation =
  /^content-(?!security-policy)|cache-control$|^surrogate-|^(etag|last-modified|expires|pragma|age|location|refresh|link|accept-ranges|transfer-encoding|trailer|retry-after|clear-site-data)$/

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
  if (typeof res.getHeaderNames !== 'function') return
  const cookies = setCookiesOf(res)
  for (const name of res.getHeaderNames()) if (representation.test(name.toLowerCase())) res.removeHeader(name)
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
  const value = typeof res.getHeader === 'function' ? res.getHeader('Set-Cookie') : undefined
  if (value === undefined) return noCookies
  return Array.isArray(value) ? [...value] : [String(value)]
}

const noCookies: readonly string[] = []
