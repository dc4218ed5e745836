import { andThen, type Awaitable, whenDone } from '../base/awaitable'
import { inNextTurn } from '../base/next-turn'
import { callableClass } from './callable-class'
import { asCookie } from './tracked-session'
import { newOwnerOf, ownerOf } from './owner'
import { type Data, put } from './record-data'
import type { Records, StoredSession } from './records'
import type { ResolvedOptions } from './resolve-options'
import type { Callback } from './session'
import { Store, type StoreMethods } from './store'
import { changesBetween, parsed, textsOf, valuesOf } from './value-texts'

interface Facade extends StoreMethods {
  touch(id: string, session: object, callback?: Callback): void
}

interface Behind {
  readonly records: Records
  readonly options: ResolvedOptions
}

const behind = new WeakMap<object, Behind>()

/**
 * `req.sessionStore` over records of our own: takes ids, as a store written for express-session, and hashes them inside.
 * For code that asks the store itself: keycloak-connect, Socket.IO recipes. It cannot list sessions, for no store of ours
 * knows an id.
 */
export const StoreFacade = callableClass(function StoreFacade(
  this: Facade,
  records: Records,
  options: ResolvedOptions,
): void {
  Store.call(this)
  behind.set(this, { records, options })
})

Object.setPrototypeOf(StoreFacade.prototype, Store.prototype)

Object.assign(StoreFacade.prototype, {
  get(this: Facade, id: string, callback: (error?: unknown, data?: unknown) => void) {
    report(
      () => andThen(behindOf(this).records.load(id), (stored) => (stored === undefined ? undefined : dataOf(stored))),
      callback,
    )
  },

  set(this: Facade, id: string, session: object, callback?: Callback) {
    report(() => replace(behindOf(this), id, session as Record<string, unknown>), callback)
  },

  destroy(this: Facade, id: string, callback?: Callback) {
    report(() => behindOf(this).records.end(id), callback)
  },

  touch(this: Facade, id: string, session: { cookie?: unknown }, callback?: Callback) {
    report(() => andThen(behindOf(this).records.recordAccess(id, asCookie(session.cookie)), () => undefined), callback)
  },
})

function behindOf(store: object): Behind {
  const found = behind.get(store)
  if (found === undefined) throw new TypeError('this is no req.sessionStore of the middleware')
  return found
}

function dataOf({ cookie, values }: StoredSession): Data {
  const data: Data = { cookie: { ...cookie.data } }
  for (const [key, value] of Object.entries(values)) put(data, key, parsed(value))
  return data
}

/** Keeps the session in place of any that was there, as `set` of such a store does, as the session of the user that the
 * app's `subject` says. */
function replace({ records, options }: Behind, id: string, session: Record<string, unknown>): Awaitable<void> {
  const values = valuesOf(session)
  const cookie = asCookie(session['cookie'])
  return andThen(records.load(id), (stored) => {
    const owner = ownerOf(options, session, undefined, stored?.subject)
    if (stored === undefined) return records.create(id, { cookie, values, owner }, false)
    const update = {
      ...changesBetween(textsOf(valuesOf(stored.values)), values),
      cookie,
      cookieChanged: true,
      newOwner: newOwnerOf(owner, stored.subject),
    }
    return andThen(records.update(id, update), () => undefined)
  })
}

function report<T>(task: () => Awaitable<T>, callback?: (error?: unknown, value?: T) => void): void {
  whenDone(
    task,
    (value) => {
      if (callback !== undefined) inNextTurn(callback, null, value)
    },
    (error) => {
      if (callback !== undefined) inNextTurn(callback, error)
    },
  )
}
