import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { headerOf } from '../base/request'
import { cookieValues } from '../id/cookie-header'
import { type Secret, signId, verifyId } from '../id/hmac-signature'
import type { Cookie } from './cookie'

/** What a request shows of our cookie. */
export interface SentCookie {
  /** The id whose signature is good. */
  readonly id: string | undefined
  /** There is a cookie of the name, good or not. */
  readonly isThere: boolean
}

/** As long and as random as express-session's: 192 bits. */
export function mintId(): string {
  return randomBytes(24).toString('base64url')
}

/** The id in the request's cookie: from the header, or from what cookie-parser made of it. Never throws. */
export function readId(req: IncomingMessage, name: string, secrets: readonly Secret[]): SentCookie {
  const values = cookieValues(headerOf(req, 'cookie'), name)
  for (const value of values) {
    const id = verify(decode(value), secrets)
    if (id !== undefined) return { id, isThere: true }
  }
  const { signedCookies, cookies } = req as { signedCookies?: unknown; cookies?: unknown }
  const unsigned = ownValue(signedCookies, name)
  if (typeof unsigned === 'string' && unsigned !== '') return { id: unsigned, isThere: true }
  const raw = ownValue(cookies, name)
  return { id: verify(raw, secrets), isThere: values.length > 0 || raw !== undefined }
}

/** A `Set-Cookie` value with the signed id. Throws TypeError for attributes that cannot stand in one. */
export function writeId(id: string, name: string, secrets: readonly Secret[], cookie: Cookie): string {
  const [secret] = secrets as readonly [Secret]
  return cookie.serialize(name, `s:${signId(id, secret)}`)
}

/** A `Set-Cookie` value that deletes: with all attributes, or a browser takes it for another cookie's. */
export function clearId(name: string, cookie: Cookie): string {
  const expired = Object.assign(Object.create(cookie) as Cookie, { _expires: new Date(0) })
  return expired.serialize(name, '')
}

function verify(value: unknown, secrets: readonly Secret[]): string | undefined {
  if (typeof value !== 'string' || !value.startsWith('s:')) return undefined
  return verifyId(value.slice(2), secrets)
}

/** Without quotes and percent signs, as express-session reads it. */
function decode(value: string): string {
  const bare = value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
  if (!bare.includes('%')) return bare
  try {
    return decodeURIComponent(bare)
  } catch {
    return bare
  }
}

function ownValue(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null || !Object.hasOwn(object, name)) return undefined
  return (object as Record<string, unknown>)[name]
}

/** Whether the request came over TLS. @param proxy `true`: the header of a proxy is believed; `false`: the socket alone
 * counts; undefined: what Express says. */
export function isSecure(req: IncomingMessage, proxy: boolean | undefined): boolean {
  const socket = req.socket as { encrypted?: unknown } | undefined
  if (socket?.encrypted === true) return true
  if (proxy === false) return false
  if (proxy !== true) return (req as { secure?: unknown }).secure === true
  const header = headerOf(req, 'x-forwarded-proto')
  return typeof header === 'string' && header.split(',', 1)[0]?.trim().toLowerCase() === 'https'
}

/** The path that the client asked for, also below a mount point and in the absolute form that a proxy is sent. */
export function pathOf(req: IncomingMessage): string {
  const url = (req as { originalUrl?: unknown }).originalUrl ?? req.url
  if (typeof url !== 'string' || url === '') return '/'
  const path = url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
  const end = path.search(/[?#]/)
  return (end === -1 ? path : path.slice(0, end)) || '/'
}
