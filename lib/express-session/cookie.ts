import { serialize, type SerializeOptions } from 'cookie'

/** What a store keeps of a cookie: the attributes, and with which lifetime the session slides. */
export interface CookieData {
  originalMaxAge: number | false | null | undefined
  partitioned?: boolean | undefined
  priority?: 'low' | 'medium' | 'high' | undefined
  expires: Date | false | null | undefined
  secure?: boolean | 'auto' | undefined
  httpOnly?: boolean | undefined
  domain?: string | undefined
  path?: string | undefined
  sameSite?: boolean | 'lax' | 'strict' | 'none' | 'auto' | undefined
}

/** Names that an options object, or a record, must not put in the way of the accessors and methods below. */
const reserved = new Set(['data', 'serialize', 'toJSON', 'constructor', '__proto__'])

/**
 * `req.session.cookie`: the attributes of one session's cookie, with `maxAge` in milliseconds as express-session has it.
 *
 * `maxAge` and `expires` are two views of one instant. To set either also sets `originalMaxAge`, the lifetime that each
 * later use of the session starts again. `null`, or `false`, in both: a cookie that the browser forgets when it closes. Each
 * reads back as it was set, also from a store.
 */
export class Cookie {
  path: string | undefined = '/'
  _expires: Date | false | null | undefined = null
  originalMaxAge: number | false | null | undefined = null
  httpOnly: boolean | undefined = true
  declare secure?: CookieData['secure']
  declare domain?: CookieData['domain']
  declare sameSite?: CookieData['sameSite']
  declare partitioned?: CookieData['partitioned']
  declare priority?: CookieData['priority']

  /** @throws TypeError for options that are no object, and for a `maxAge` that is neither a number nor a Date. */
  constructor(options?: object | null) {
    if (!options) return
    if (typeof options !== 'object') throw new TypeError('argument options must be a object')
    const given = options as Record<string, unknown>
    for (const name in given) {
      if (!reserved.has(name)) (this as Record<string, unknown>)[name] = given[name]
    }
    this.originalMaxAge ??= this.maxAge
  }

  get expires(): Date | false | null | undefined {
    return this._expires
  }

  set expires(instant: Date | false | null | undefined) {
    this._expires = instant
    this.originalMaxAge = this.maxAge
  }

  /** Milliseconds that are left. */
  get maxAge(): number | false | null | undefined {
    const { _expires } = this
    return _expires instanceof Date ? _expires.getTime() - Date.now() : _expires
  }

  set maxAge(span: number | Date | false | null | undefined) {
    if (span && typeof span !== 'number' && !(span instanceof Date)) {
      throw new TypeError('maxAge must be a number or Date')
    }
    if (typeof span !== 'number') {
      this.expires = span
      return
    }
    // The clock is read once: a lifetime that lost a millisecond would be a change of the session's record.
    const now = Date.now()
    this._expires = new Date(now + span)
    this.originalMaxAge = this._expires.getTime() - now
  }

  get data(): CookieData {
    return {
      originalMaxAge: this.originalMaxAge,
      partitioned: this.partitioned,
      priority: this.priority,
      expires: this._expires,
      secure: this.secure,
      httpOnly: this.httpOnly,
      domain: this.domain,
      path: this.path,
      sameSite: this.sameSite,
    }
  }

  /** A `Set-Cookie` value. Throws TypeError for attributes that cannot stand in one. */
  serialize(name: string, value: string): string {
    return serialize(name, value, this.data as SerializeOptions)
  }

  toJSON(): CookieData {
    return this.data
  }
}

/** The cookie of a stored session, or undefined where what is stored can be none: a damaged record is no session. */
export function cookieFromRecord(kept: unknown): Cookie | undefined {
  if (typeof kept !== 'object' || kept === null || Array.isArray(kept)) return undefined
  const { expires, originalMaxAge } = kept as { expires?: unknown; originalMaxAge?: CookieData['originalMaxAge'] }
  try {
    const cookie = new Cookie(kept)
    if (expires !== undefined) cookie.expires = instantOf(expires)
    // The setter took the time that was left for the lifetime.
    cookie.originalMaxAge = originalMaxAge
    return cookie
  } catch {
    return undefined
  }
}

/** Starts the session's lifetime again: its end is `originalMaxAge` from now. */
export function slide(cookie: Cookie): void {
  cookie.maxAge = cookie.originalMaxAge
}

/** Everything that a response or a record shows of the cookie, but for the instant that slides: as JSON. */
export function textOfCookie(cookie: Cookie): string {
  return JSON.stringify({ ...cookie.data, expires: undefined })
}

function instantOf(expires: unknown): Date | false | null {
  if (expires === null || expires === false) return expires
  const instant = expires instanceof Date ? expires : new Date(expires as string)
  if (Number.isNaN(instant.getTime())) throw new TypeError('expires is no instant')
  return instant
}
