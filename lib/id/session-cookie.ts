import { serialize } from 'cookie'
import { cookieValues } from './cookie-header'
import { signId, verifySignedId } from './cookie-signature'
import { keyOf, type Secret } from './hmac-signature'
import { handleOfId } from './session-id'

export interface CookieSettings {
  /** Undefined: a name that fits the other attributes, see `cookieName`. */
  readonly name: string | undefined
  readonly path: string
  readonly domain: string | undefined
  readonly secure: boolean | 'auto'
  readonly httpOnly: boolean
  readonly sameSite: 'lax' | 'strict' | 'none'
  readonly partitioned: boolean
  readonly priority: 'low' | 'medium' | 'high' | undefined
  readonly persistent: boolean
}

export interface CookieIds {
  /** The header had a cookie of the name, good or not. */
  readonly hasCookie: boolean
  /** Distinct, canonical ids whose signature is valid, in the header's order: all, or of more than three the first and the
   * last two. */
  readonly ids: readonly string[]
}

/**
 * Each id costs a store command, so a header full of them must not cost a hundred. Browsers send cookies of longer paths
 * first, and of equal paths the older first (RFC 6265 section 5.4): the own cookie of an app at `/` stands behind those
 * that were planted under its paths, and one planted for the parent domain stands next to it.
 */
const mostIds = 3
const none: CookieIds = { hasCookie: false, ids: [] }

/**
 * The cookie that carries an id: which name, which attributes, how it is signed and read. `secure` below is always
 * whether the request came over TLS, as far as the app knows.
 */
export class SessionCookie {
  readonly settings: CookieSettings
  readonly #secrets: readonly Secret[]
  readonly #plainName: string
  readonly #secureName: string

  constructor(settings: CookieSettings, secrets: readonly string[]) {
    this.settings = settings
    this.#secrets = secrets.map(keyOf)
    this.#plainName = settings.name ?? 'sid'
    this.#secureName = settings.name ?? secureName(settings)
  }

  /** Whether the cookie bears the attribute `Secure`. */
  isSecure(secure: boolean): boolean {
    return this.settings.secure === 'auto' ? secure : this.settings.secure
  }

  name(secure: boolean): string {
    return this.isSecure(secure) ? this.#secureName : this.#plainName
  }

  read(header: unknown, secure: boolean): CookieIds {
    const values = cookieValues(header, this.name(secure))
    if (values.length === 0) return none
    const ids: string[] = []
    for (const value of values) {
      const id = this.#verify(value)
      if (id === undefined || ids.includes(id)) continue
      if (ids.length === mostIds) ids.splice(1, 1)
      ids.push(id)
    }
    return { hasCookie: true, ids }
  }

  /** A `Set-Cookie` value. @param maxAge Whole seconds; left out for a cookie that the browser forgets when it closes. */
  write(id: string, secure: boolean, maxAge: number | undefined): string {
    const secret = this.#secrets[0]
    return this.#serialize(secret === undefined ? id : signId(id, secret), secure, maxAge)
  }

  /** A `Set-Cookie` value that deletes. A browser deletes only what has the same name, domain and path, and takes a
   * deletion only where it would take the cookie (RFC 6265bis section 5.7), so all attributes are repeated. */
  clear(secure: boolean): string {
    return `${this.#serialize('', secure, 0)}; Expires=Thu, 01 Jan 1970 00:00:00 GMT`
  }

  #serialize(value: string, secure: boolean, maxAge: number | undefined): string {
    const { path, domain, httpOnly, sameSite, partitioned, priority } = this.settings
    return serialize(this.name(secure), value, {
      // An id, and a signed id, stand in the cookie as they are.
      encode: (text) => text,
      path,
      httpOnly,
      sameSite,
      secure: this.isSecure(secure),
      ...(maxAge !== undefined && { maxAge }),
      ...(domain !== undefined && { domain }),
      ...(partitioned && { partitioned }),
      ...(priority !== undefined && { priority }),
    })
  }

  /** The id in a cookie's value. With secrets only a signed one is good: a signature that may be left out is none. */
  #verify(value: string): string | undefined {
    if (this.#secrets.length === 0) return handleOfId(value) === undefined ? undefined : value
    return verifySignedId(value, this.#secrets)
  }
}

/** `__Host-` where the attributes allow it, so that neither a subdomain nor plain HTTP can plant a cookie of the name
 * (RFC 6265bis section 4.1.3); `__Secure-` where a domain or a path rules that out. */
function secureName({ domain, path }: CookieSettings): string {
  return domain === undefined && path === '/' ? '__Host-sid' : '__Secure-sid'
}
