import type { ServerResponse } from 'node:http'
import { headersAlreadySent, statusMessageOf } from './check-call'
import { isStub } from './response-progress'

/** What a held response shows of itself: what Node's would after the same calls. */
export interface Appearance {
  readonly writableEnded: boolean
  readonly writableNeedDrain: boolean
}

const getters: Readonly<Record<string, (held: Appearance) => boolean>> = {
  headersSent: () => true,
  writableEnded: (held) => held.writableEnded,
  writableNeedDrain: (held) => held.writableNeedDrain,
}
const setters = ['setHeader', 'appendHeader', 'removeHeader', 'setHeaders'] as const

type Members = Record<string, unknown>
type Member = (this: unknown, ...args: readonly unknown[]) => unknown

/** How many responses are held, so that a member of the shared prototype asks for none when there is none. */
let heldCount = 0

/**
 * Lets the prototype that the responses of an Express share show held responses as sent: `headersSent` is true and
 * `setHeader` throws `ERR_HTTP_HEADERS_SENT`. Otherwise a bug such as `res.send(); next()` would be loud or silent
 * depending on whether the session had changed.
 *
 * @param heldOf The held response behind an object, if it is one.
 */
export function defineAppearance(prototype: object, heldOf: (res: object) => Appearance | undefined): void {
  const base = Object.getPrototypeOf(prototype) as Members
  for (const [name, show] of Object.entries(getters)) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: object): unknown {
        const held = heldCount === 0 ? undefined : heldOf(this)
        return held === undefined ? Reflect.get<Members, string>(base, name, this) : show(held)
      },
    })
  }
  for (const name of setters) {
    const own = Object.hasOwn(prototype, name) ? (prototype as Members)[name] : undefined
    if (typeof base[name] !== 'function') continue
    const value = function (this: object, ...args: readonly unknown[]): unknown {
      if (heldCount > 0 && heldOf(this) !== undefined) throw headersAlreadySent()
      // Looked up at each call, so that a monitoring tool that patches Node's prototype later is called as well.
      return ((own ?? base[name]) as Member).apply(this, args as unknown[])
    }
    Object.defineProperty(value, 'name', { value: name })
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true })
  }
}

/** What a response shows while it is held: through the shared prototype, or through properties of its own. */
export class SentMask {
  readonly #res: ServerResponse
  readonly #before: Map<string, PropertyDescriptor | undefined> | undefined
  /** The status is the one from when the head was made: Node ignores one that is set afterwards. */
  #statusCode: number
  #statusMessage: string | undefined

  /** @param isShared The response inherits from a prototype with {@link defineAppearance}. */
  constructor(res: ServerResponse, isShared: boolean, held: Appearance) {
    this.#res = res
    this.#statusCode = res.statusCode
    this.#statusMessage = statusMessageOf(res)
    if (isShared) heldCount++
    else this.#before = isStub(res) ? new Map() : putOn(res, held)
  }

  /** After `writeHead` Node shows its status at once. */
  showHead([status, message]: readonly unknown[]): void {
    const res = this.#res
    if (isStub(res)) return
    res.statusCode = this.#statusCode = Number(status) | 0
    // HTTP/2 has no messages.
    if (typeof message === 'string' && '_implicitHeader' in res) res.statusMessage = this.#statusMessage = message
  }

  takeOff(): void {
    const res = this.#res
    if (this.#before === undefined) heldCount--
    else {
      for (const [name, property] of this.#before) {
        if (property === undefined) Reflect.deleteProperty(res, name)
        else Object.defineProperty(res, name, property)
      }
    }
    if (res.statusCode !== this.#statusCode) res.statusCode = this.#statusCode
    if (statusMessageOf(res) !== this.#statusMessage) {
      ;(res as { statusMessage: unknown }).statusMessage = this.#statusMessage
    }
  }
}

/** Returns what stood there before. */
function putOn(res: ServerResponse, held: Appearance): Map<string, PropertyDescriptor | undefined> {
  const before = new Map<string, PropertyDescriptor | undefined>()
  const put = (name: string, property: PropertyDescriptor): void => {
    before.set(name, Object.getOwnPropertyDescriptor(res, name))
    Object.defineProperty(res, name, { ...property, configurable: true })
  }
  for (const [name, show] of Object.entries(getters)) put(name, { get: () => show(held) })
  for (const name of setters) {
    if (typeof res[name] === 'function') put(name, { writable: true, value: refuseHeader })
  }
  return before
}

function refuseHeader(): never {
  throw headersAlreadySent()
}
