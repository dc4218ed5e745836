import { callableClass } from './callable-class'
import { Cookie, textOfCookie } from './cookie'
import type { ChangedValue, SessionChanges, StoredSession } from './records'
import { type Callback, Session, type SessionRequest, tracked, type TrackedMethods } from './session'
import { textOf, Unparsed, valueOf, valuesOf } from './value-texts'

/** Carries a session through a request. */
export interface SessionHost {
  readonly req: SessionRequest
  mintId(): string
  /** Something is about to be done to the session that could change it. */
  mayChange(): void
  save(session: TrackedSession, callback: Callback | undefined): void
  destroy(session: TrackedSession, callback: Callback | undefined): void
  regenerate(session: TrackedSession, callback: Callback | undefined): void
  reload(session: TrackedSession, callback: Callback | undefined): void
}

/** What the end of a response asks of whatever `req.session` is. */
export interface CommittableSession {
  /** The object that the app holds. */
  readonly session: object
  readonly id: string
  readonly cookie: Cookie
  /** The store has it. */
  stored: boolean
  /** Destroyed here, or found to be missing: it is never written again. */
  ended: boolean
  /** Its values were changed in this request, whether stored since or not. */
  modified: boolean
  /** `touch` or `resetMaxAge` was called, and the store does not know yet. */
  accessRequested: boolean
  /** Whose session it is for the store. */
  subject: string | undefined
  readonly isCookieChanged: boolean
  /** Throws where JSON cannot carry a value. */
  changes(): SessionChanges
  /** All values, for a session that is yet to be stored. Throws where JSON cannot carry one. */
  all(): ReadonlyMap<string, ChangedValue>
  /** The store has these changes now, and the cookie. What changed since they were taken is still a change. */
  settle(changes: SessionChanges): void
}

type Target = Session & Record<string, unknown>

const noChanges: SessionChanges = { set: new Map(), remove: [] }

/**
 * The session of a request: a Proxy, so that each change is noticed, over an object with the shape of express-session's.
 *
 * Keys that the app never uses cost nothing. A value that was handed out may be changed in place, so its text of before
 * is remembered and compared at the end; a key that was set, defined or deleted is remembered in the same way.
 */
export class TrackedSession implements ProxyHandler<Session>, CommittableSession, TrackedMethods {
  readonly session: Session
  stored: boolean
  ended = false
  modified = false
  accessRequested = false
  subject: string | undefined
  readonly #host: SessionHost
  readonly #target: Target
  /** By key: the text that the store has, undefined where it has none. */
  #before: Map<string, string | undefined> | undefined
  #id: string | undefined
  #cookieBefore: string | undefined

  private constructor(host: SessionHost, id: string | undefined, stored: boolean, cookie: Cookie) {
    this.#host = host
    this.#id = id
    this.stored = stored
    this.#target = new Bare()
    this.#target.cookie = cookie
    this.session = new Proxy<Session>(this.#target, this)
  }

  /** The host mints the ID when it is asked for. */
  static fresh(host: SessionHost, cookie: Cookie): TrackedSession {
    return new TrackedSession(host, undefined, false, cookie)
  }

  static opened(host: SessionHost, id: string, { cookie, values, subject }: StoredSession): TrackedSession {
    const opened = new TrackedSession(host, id, true, cookie)
    opened.subject = subject
    // Keys that stand on a prototype would hide methods: left out here, and left alone in the record.
    for (const key in values) if (!(key in opened.#target || isHidden(key))) opened.#target[key] = values[key]
    return opened
  }

  get id(): string {
    return (this.#id ??= this.#host.mintId())
  }

  get cookie(): Cookie {
    return this.#target.cookie
  }

  get isCookieChanged(): boolean {
    return this.#cookieBefore !== undefined && textOfCookie(this.cookie) !== this.#cookieBefore
  }

  changes(): SessionChanges {
    if (this.#before === undefined) return noChanges
    const set = new Map<string, ChangedValue>()
    let remove: string[] | undefined
    for (const [key, before] of this.#before) {
      const change = valueOf(this.#target, key)
      if (change?.text === before) continue
      if (change === undefined) (remove ??= []).push(key)
      else set.set(key, change)
    }
    return { set, remove: remove ?? noChanges.remove }
  }

  all(): ReadonlyMap<string, ChangedValue> {
    return valuesOf(this.#target)
  }

  settle({ set, remove }: SessionChanges): void {
    if (set.size > 0 || remove.length > 0) {
      const before = (this.#before ??= new Map())
      for (const [key, { text }] of set) before.set(key, text)
      for (const key of remove) before.set(key, undefined)
    }
    if (this.#cookieBefore !== undefined) this.#cookieBefore = textOfCookie(this.cookie)
  }

  /** Each value's text as the store has it, for a session of another make that takes this one's place. */
  storedTexts(): Map<string, string> {
    const texts = new Map<string, string>()
    if (!this.stored) return texts
    for (const key of Object.keys(this.#target)) {
      if (key !== 'cookie' && this.#before?.has(key) !== true) texts.set(key, textOf(this.#target[key]) ?? '')
    }
    for (const [key, text] of this.#before ?? []) if (text !== undefined) texts.set(key, text)
    return texts
  }

  // What the app does to the object.

  get(target: Target, key: string | symbol): unknown {
    if (typeof key === 'symbol') return key === tracked ? this : Reflect.get(target, key)
    const value = target[key]
    if (typeof value === 'object' && value !== null) return this.#handOut(key, value)
    if (value !== undefined) return value
    return key === 'id' ? this.id : key === 'req' ? this.#host.req : undefined
  }

  set(target: Target, key: string | symbol, value: unknown): boolean {
    if (typeof key === 'symbol') return Reflect.set(target, key, value)
    // Read-only, as there. A prototype is not the app's to set through a value's name.
    if (isHidden(key)) return false
    if (key === '__proto__') return true
    this.#remember(key)
    return Reflect.set(target, key, key === 'cookie' ? asCookie(value) : value)
  }

  deleteProperty(target: Target, key: string | symbol): boolean {
    if (typeof key === 'symbol') return Reflect.deleteProperty(target, key)
    // A session without a cookie could be neither stored nor sent; who empties a session key by key does not mean it.
    if (key === 'cookie' || isHidden(key)) return true
    this.#remember(key)
    return Reflect.deleteProperty(target, key)
  }

  defineProperty(target: Target, key: string | symbol, descriptor: PropertyDescriptor): boolean {
    if (isHidden(key)) return false
    if (typeof key === 'string') this.#remember(key)
    return Reflect.defineProperty(target, key, descriptor)
  }

  getOwnPropertyDescriptor(target: Target, key: string | symbol): PropertyDescriptor | undefined {
    if (isHidden(key)) {
      return { value: this.get(target, key), writable: false, enumerable: false, configurable: true }
    }
    // Its value is handed out.
    if (typeof key === 'string' && Object.hasOwn(target, key)) this.get(target, key)
    return Reflect.getOwnPropertyDescriptor(target, key)
  }

  has(target: Target, key: string | symbol): boolean {
    return key in target || isHidden(key)
  }

  // What its methods lead to.

  save(callback: Callback | undefined): void {
    this.#host.save(this, callback)
  }

  destroy(callback: Callback | undefined): void {
    this.#host.destroy(this, callback)
  }

  regenerate(callback: Callback | undefined): void {
    this.#host.regenerate(this, callback)
  }

  reload(callback: Callback | undefined): void {
    this.#host.reload(this, callback)
  }

  resetMaxAge(): void {
    this.accessRequested = true
    this.#host.mayChange()
  }

  #handOut(key: string, value: object): unknown {
    if (value instanceof Unparsed) {
      const parsed = value.parse()
      this.#target[key] = parsed
      if (typeof parsed === 'object' && parsed !== null) this.#remember(key, value)
      return parsed
    }
    // Also where it is known: after a save it may be changed once more.
    this.#remember(key)
    return value
  }

  #remember(key: string, value: unknown = this.#target[key]): void {
    this.#host.mayChange()
    if (key === 'cookie') this.#cookieBefore ??= textOfCookie(this.cookie)
    else {
      const before = (this.#before ??= new Map())
      if (!before.has(key)) before.set(key, this.stored ? textOf(value) : undefined)
    }
  }
}

/** Own properties, not enumerable, as express-session's sessions have them. Only the traps know of them: to define two
 * properties on each session would cost V8 2 µs. */
function isHidden(key: string | symbol): boolean {
  return key === 'id' || key === 'req'
}

/** Makes an object like `new Session`, without its work. */
const Bare = callableClass(function Bare(this: Target) {})
Reflect.set(Bare, 'prototype', Session.prototype)

/** Also of what looks like a cookie: a plain object of attributes, a Cookie of express-session's own. */
export function asCookie(value: unknown): Cookie {
  if (value instanceof Cookie) return value
  const { data, originalMaxAge } = (value ?? {}) as { data?: object; originalMaxAge?: Cookie['originalMaxAge'] }
  const cookie = new Cookie(data ?? (value as object | null))
  if (originalMaxAge !== undefined) cookie.originalMaxAge = originalMaxAge
  return cookie
}
