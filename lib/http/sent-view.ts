import type { ServerResponse } from 'node:http'

/** What the view has to know of the response that it stands before. */
export interface HeldState {
  readonly ended: boolean
}

const held = new WeakMap<object, HeldState>()
const views = new WeakMap<object, object>()
const viewed = new WeakMap<object, object>()

/**
 * Makes a response that is held back look as Node's does after the same calls: `headersSent` is true, `setHeader` throws
 * `ERR_HTTP_HEADERS_SENT`. Otherwise a bug such as `res.send(); next()` would be quiet or loud depending on whether the
 * session had changed. One prototype serves all responses of a kind, so that this costs no closures.
 */
export function showAsSent(res: ServerResponse, state: HeldState): void {
  const base = Object.getPrototypeOf(res) as object
  held.set(res, state)
  Object.setPrototypeOf(res, viewOf(base))
}

/** Takes the view away again. Where somebody gave the response another prototype meanwhile (an Express sub-app does), it
 * is gone already. */
export function showAsIs(res: ServerResponse): void {
  if (!held.delete(res)) return
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

/** As Node's own. */
export function headersAlreadySent(): Error {
  return Object.assign(new Error('Cannot set headers after they are sent to the client'), { code: 'ERR_HTTP_HEADERS_SENT' })
}
