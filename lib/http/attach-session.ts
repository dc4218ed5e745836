import { IncomingMessage } from 'node:http'
import { SessionError } from '../base/errors'
import { RequestPreparation } from '../base/request-preparation'
import { Session } from '../session/session'

/** What holds a request's session; it may be replaced on the way. */
export interface SessionHolder {
  readonly session: Session
}

/** Gives back the object that it is given, so that a class over it adds its private fields to that object. */
// eslint-disable-next-line @typescript-eslint/no-extraneous-class -- the constructor is what its subclass needs of it
class Given {
  constructor(object: object) {
    return object
  }
}

/** Where a request keeps what holds its session: a private field on the request itself, which no reflection shows. What
 * changes is in an object behind it, because V8 takes ten times as long to write to a field of an Express request. */
class Slot extends Given {
  readonly #content: { holder: SessionHolder | undefined } = { holder: undefined }

  static isOn(req: object): boolean {
    return #content in req
  }

  static read(req: object): SessionHolder | undefined {
    return #content in req ? req.#content.holder : undefined
  }

  static fill(req: object, holder: SessionHolder): void {
    if (!(#content in req)) new Slot(req)
    ;(req as Slot).#content.holder = holder
  }
}

/**
 * Gives a request its `req.session`: an accessor, so that `req.session = null` is not silent. Cookie-session ends a session
 * that way; here it would have no effect, and the user would stay signed in.
 *
 * The accessors are the same two functions for every request, and what they lead to is a private field of the request.
 * Both are there before Express sees the request, see {@link RequestPreparation}. Configurable, because cookie-session,
 * and a second middleware of ours with other sessions, define theirs over it.
 */
export function attachSession(req: IncomingMessage, holder: SessionHolder): void {
  if (Object.getPrototypeOf(req) !== IncomingMessage.prototype) explainOn(req)
  if (!Slot.isOn(req)) preparation.startFor(req)
  const isOurs = hasOurAccessor(req)
  Slot.fill(req, holder)
  if (!isOurs) Object.defineProperty(req, 'session', sharedAccessor)
}

/** What holds the session of a request, if one is attached. */
export function holderOf(req: object): SessionHolder | undefined {
  return Slot.read(req)
}

let wasOurGetterCalled = false

const sharedAccessor: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: object) {
    wasOurGetterCalled = true
    return Slot.read(this)?.session
  },
  set(this: object, value: unknown) {
    const holder = Slot.read(this)
    if (holder !== undefined) refuseAssignment(holder, value)
    // Prepared, and without a session of ours: another middleware may set the property, and it becomes an ordinary one.
    else Object.defineProperty(this, 'session', { value, writable: true, enumerable: true, configurable: true })
  },
}

/** Asked by reading, which is cheaper than a descriptor. A session of our own is not made by it: there is none yet. */
function hasOurAccessor(req: IncomingMessage & { session?: unknown }): boolean {
  if (Slot.read(req) !== undefined) return false
  wasOurGetterCalled = false
  Reflect.get(req, 'session')
  return wasOurGetterCalled
}

/** Before Express sees them. */
const preparation = new RequestPreparation(prepare)

function prepare(req: IncomingMessage): void {
  // Another copy of the package may have been here.
  if (!Object.hasOwn(req, 'session')) Object.defineProperty(req, 'session', sharedAccessor)
  if (!Slot.isOn(req)) new Slot(req)
}

function refuseAssignment(holder: SessionHolder, value: unknown): void {
  if (value === holder.session) return
  const isEnd = value === null || value === undefined
  const remedy = isEnd
    ? 'to end the session use logout(req)'
    : 'to keep values use req.session.set(key, value), to end the session logout(req)'
  throw new SessionError('SESSION_MISUSE', `req.session cannot be assigned, it would have no effect; ${remedy}`)
}

/** What express-session adds to a request beside its session, and what to use instead. */
const explained = {
  sessionID:
    'use req.session.handle, which names the session and is safe to log, or req.session.id, which opens it; to limit a rate use req.session.subject ?? req.ip',
  sessionStore: 'use the sessions of the middleware: sessionMiddleware(options).sessions',
}

let lastExplained: object | undefined
const everExplained = new WeakSet()

/** Reading what is not there would give undefined, and a rate limiter keyed by that puts all visitors in one bucket. On the
 * prototype from which all requests of a copy of Express inherit: a property of each request would cost each request. */
function explainOn(req: IncomingMessage): void {
  const shared = sharedPrototypeOf(req)
  if (shared === undefined || shared === lastExplained) return
  lastExplained = shared
  if (everExplained.has(shared)) return
  everExplained.add(shared)
  for (const [name, remedy] of Object.entries(explained)) {
    if (Object.hasOwn(shared, name)) continue
    // holdfast/express-session, and others, may have accessors above: what is not ours goes on to them.
    const above = Object.getPrototypeOf(shared) as object
    Object.defineProperty(shared, name, {
      configurable: true,
      enumerable: false,
      get(this: { readonly session?: unknown }) {
        if (!Object.hasOwn(this, 'session') || !(this.session instanceof Session)) {
          return Reflect.get(above, name, this) as unknown
        }
        throw new SessionError('SESSION_MISUSE', `req.${name} does not exist; ${remedy}`)
      },
      set(value: unknown) {
        Reflect.set(above, name, value, this)
      },
    })
  }
}

/** The object between a request and Node's own prototype that is nearest to the latter: `express.request`. */
function sharedPrototypeOf(req: object): object | undefined {
  let nearest: object | undefined
  for (let above = Object.getPrototypeOf(req) as object | null; above !== null;) {
    if (above === IncomingMessage.prototype) return nearest
    nearest = above
    above = Object.getPrototypeOf(above) as object | null
  }
  return undefined
}
