import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** Adds session cookies to a response whose headers have not gone: other cookies stay as they are, and no shared cache
 * may keep what carries a session (RFC 9111 section 7.3, RFC 6265bis section 8.4). */
export function addSessionCookies(res: ServerResponse, cookies: readonly string[]): void {
  for (const cookie of cookies) appendSetCookie(res, cookie)
  keepOutOfSharedCaches(res)
}

function appendSetCookie(res: ServerResponse, cookie: string): void {
  const before = res.getHeader('Set-Cookie')
  if (before === undefined) res.setHeader('Set-Cookie', [cookie])
  else res.setHeader('Set-Cookie', [...(Array.isArray(before) ? before : [String(before)]), cookie])
}

/** Headers that give a shared cache leave of its own, whatever Cache-Control says (RFC 9213, Edge Architecture). */
const sharedCacheHeaders = ['CDN-Cache-Control', 'Surrogate-Control', 'Cloudflare-CDN-Cache-Control', 'Vercel-CDN-Cache-Control']

function keepOutOfSharedCaches(res: ServerResponse): void {
  const before = res.getHeader('Cache-Control')
  const directives = String(before ?? '').split(',').map((directive) => directive.trim()).filter((directive) => directive !== '')
  const names = directives.map((directive) => directive.toLowerCase())
  if (!names.includes('no-store') && !names.includes('private')) {
    const kept = directives.filter((directive) => !/^(public|s-maxage|private|proxy-revalidate)\b/i.test(directive))
    res.setHeader('Cache-Control', ['private', ...kept].join(', '))
  }
  // A stub of a response may have neither.
  if (typeof res.hasHeader !== 'function' || typeof res.removeHeader !== 'function') return
  for (const name of sharedCacheHeaders) if (res.hasHeader(name)) res.removeHeader(name)
}

/** Arguments of `writeHead`: status, perhaps a message, perhaps headers as an object or a flat array. */
export type WriteHeadArgs = readonly [statusCode: number, ...rest: unknown[]]

/**
 * `writeHead` headers would go out beside, or instead of, what was set before. Moves them into the response first, with
 * Node's own rules (a later one replaces, a repeated one in an array adds), so that the cookie can join them.
 */
export function absorbWriteHead(res: ServerResponse, args: WriteHeadArgs): WriteHeadArgs {
  const [status, second, third] = args
  const message = typeof second === 'string' ? second : undefined
  const headers = (message === undefined ? (third ?? second) : third) as OutgoingHttpHeaders | unknown[] | undefined
  if (Array.isArray(headers)) absorbList(res, headers)
  else if (headers !== undefined && headers !== null) {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) res.setHeader(name, value)
  }
  return message === undefined ? [status] : [status, message]
}

function absorbList(res: ServerResponse, list: readonly unknown[]): void {
  const pairs: [string, string][] = []
  if (Array.isArray(list[0])) for (const pair of list as [string, string][]) pairs.push(pair)
  else for (let i = 0; i + 1 < list.length; i += 2) pairs.push([list[i] as string, list[i + 1] as string])
  for (const [name] of pairs) res.removeHeader(name)
  for (const [name, value] of pairs) res.appendHeader(name, value)
}

/** What described the answer that is not given: an error page must not be cached for a year, or redirect. */
const representation = /^(content-|etag$|last-modified$|cache-control$|expires$|location$|accept-ranges$|transfer-encoding$|trailer$|refresh$|age$)/

/** Takes back the answer that an app had prepared, so that its error handler starts from a clean sheet. */
export function withdrawAnswer(res: ServerResponse): void {
  res.statusCode = 200
  // Node's own "not set": the reason phrase of the status.
  ;(res as { statusMessage: string | undefined }).statusMessage = undefined
  if (typeof res.getHeaderNames !== 'function') return
  for (const name of res.getHeaderNames()) if (representation.test(name.toLowerCase())) res.removeHeader(name)
}
