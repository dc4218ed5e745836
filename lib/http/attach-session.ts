import { IncomingMessage } from 'node:http'
import { SessionError } from '../base/errors'
import { Session } from '../session/session'

/** What holds a request's session; it may be replaced on the way. */
export interface SessionHolder {
  readonly session: Session
}

const holderKey = Symbol('holdfast.holder')
type Carrier = IncomingMessage & { [holderKey]?: SessionHolder }

/**
 * Gives a request its `req.session`: an accessor, so that `req.session = null` is not silent. Cookie-session ends a session
 * that way; here it would have no effect, and the user would stay signed in.
 *
 * The accessors are the same two functions for every request, and what they lead to is a property beside them: with
 * functions of its own, each request took 10 to 17 µs more (Express gives each a hidden class of its own, and closures that
 * refer to it keep it alive for the collector). Configurable, because cookie-session, and a second middleware of ours with
 * other sessions, define theirs over it.
 */
export function attachSession(req: IncomingMessage, holder: SessionHolder): void {
  if (Object.getPrototypeOf(req) !== IncomingMessage.prototype) explainOn(req)
  ;(req as Carrier)[holderKey] = holder
  Object.defineProperty(req, 'session', sharedAccessor)
}

const sharedAccessor: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: Carrier) {
    return this[holderKey]?.session
  },
  set(this: Carrier, value: unknown) {
    refuseAssignment(this[holderKey], value)
  },
}

function refuseAssignment(holder: SessionHolder | undefined, value: unknown): void {
  if (value === holder?.session) return
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
