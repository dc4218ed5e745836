import { type Cookie, textOfCookie } from './cookie'
import type { ChangedValue, SessionChanges } from './records'
import { asCookie, type CommittableSession } from './tracked-session'
import { changesBetween, textsOf, valuesOf } from './value-texts'

/**
 * An object that the app put into `req.session` itself: a bare `Session` of `store.createSession`, or anything else. It
 * cannot notice changes, so all of it is compared with what it stands for.
 */
export class ForeignSession implements CommittableSession {
  readonly session: Record<string, unknown>
  readonly id: string
  stored: boolean
  ended = false
  modified = false
  accessRequested = false
  subject: string | undefined
  readonly #before: Map<string, string>
  #cookieBefore: string

  /** @param before What the store has of it. @param stored Whether the store has it at all. */
  constructor(session: object, id: string, before: Map<string, string>, stored: boolean) {
    this.session = session as Record<string, unknown>
    this.id = id
    this.stored = stored
    this.#before = before
    this.#cookieBefore = textOfCookie(this.cookie)
  }

  /** A session that was read from the store just now: it is what the store has. */
  static read(session: object, id: string): ForeignSession {
    return new ForeignSession(session, id, textsOf(valuesOf(session as Record<string, unknown>)), true)
  }

  get cookie(): Cookie {
    const cookie = asCookie(this.session['cookie'])
    if (this.session['cookie'] !== cookie) this.session['cookie'] = cookie
    return cookie
  }

  get isCookieChanged(): boolean {
    return textOfCookie(this.cookie) !== this.#cookieBefore
  }

  changes(): SessionChanges {
    return changesBetween(this.#before, valuesOf(this.session))
  }

  all(): ReadonlyMap<string, ChangedValue> {
    return valuesOf(this.session)
  }

  settle({ set, remove }: SessionChanges): void {
    for (const key of remove) this.#before.delete(key)
    for (const [key, { text }] of set) this.#before.set(key, text)
    this.#cookieBefore = textOfCookie(this.cookie)
  }
}
