import type { ServerResponse } from 'node:http'
import { headersAlreadySent } from './call-check'

/** What the view has to know of the response that it stands before. */
export interface HeldState {
  readonly ended: boolean
  readonly needsDrain: boolean
}

const held = new WeakMap<object, HeldState>()
const views = new WeakMap<object, object>()
const viewed = new WeakMap<object, object>()

/** Stands where Node keeps the rendered head, which is how it knows that there is one. Whole, so that whoever writes past
 * the hold nevertheless writes HTTP. */
const placeholder = 'HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\n'

/**
 * Makes a response that is held back look as Node's does after the same calls: `headersSent` is true, `setHeader` throws
 * `ERR_HTTP_HEADERS_SENT`. Otherwise a bug such as `res.send(); next()` would be quiet or loud depending on whether the
 * session had changed.
 *
 * In HTTP/1 one field of Node's decides that, and it stays on the response when an Express app that `next()` comes to
 * swaps the prototype. The rest is shown by a prototype, one for all responses of a kind, that is put before the
 * response's own; for HTTP/2 it shows everything. A response whose own was prepared for it (`prepareView`) keeps that.
 */
export function showAsSent(res: ServerResponse, state: HeldState, isPrepared: boolean): void {
  const inner = res as { _header?: string | null }
  if (inner._header === null) inner._header = placeholder
  held.set(res, state)
  if (isPrepared) return
  const base = Object.getPrototypeOf(res) as object
  Object.setPrototypeOf(res, viewOf(base))
}

/** Lets a prototype of HTTP/1 responses show what the view shows, for those that are held: to swap the prototype of an
 * Express response, twice, costs some 10 µs. */
export function prepareView(prototype: object): void {
  const base = Object.getPrototypeOf(prototype) as object
  const show = (name: string, of: (state: HeldState) => boolean): void => {
    Object.defineProperty(prototype, name, {
      configurable: true,
      get(this: object) {
        const state = held.get(this)
        return state === undefined ? (Reflect.get(base, name, this) as unknown) : of(state)
      },
    })
  }
  show('writableEnded', (state) => state.ended)
  show('writableNeedDrain', (state) => state.needsDrain)
}

/** Takes the view away again, unless a swap of prototypes has done so. */
export function showAsIs(res: ServerResponse): void {
  if (!held.delete(res)) return
  const inner = res as { _header?: string | null }
  if (inner._header === placeholder) inner._header = null
  const base = viewed.get(Object.getPrototypeOf(res) as object)
  if (base !== undefined) Object.setPrototypeOf(res, base)
}

function viewOf(base: object): object {
  const known = views.get(base)
  if (known !== undefined) return known
  const view = Object.create(base, {
    headersSent: { configurable: true, get: () => true },
    writableEnded: {
      configurable: true,
      get(this: object) {
        return held.get(this)?.ended ?? false
      },
    },
    writableNeedDrain: {
      configurable: true,
      get(this: object) {
        return held.get(this)?.needsDrain ?? false
      },
    },
    ...Object.fromEntries(
      ['setHeader', 'appendHeader', 'removeHeader', 'setHeaders'].map((name) => [
        name,
        {
          configurable: true,
          writable: true,
          value: function refuseHeader() {
            throw headersAlreadySent()
          },
        },
      ]),
    ),
  }) as object
  views.set(base, view)
  viewed.set(view, base)
  return view
}
