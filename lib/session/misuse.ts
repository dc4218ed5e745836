import { SessionError } from '../base/errors'

/**
 * What a session says to code that treats it as an object with the app's own properties, as sessions of express-session
 * and cookie-session are. In plain JavaScript such code would go on in silence: a value that was assigned is never
 * stored, a user that was read is never there, and what is pushed onto a method is shared by all users of the process.
 *
 * The guard stands *behind* `Session.prototype`, so that only names that are not there reach it: reading and calling what
 * is there costs nothing for it.
 */

/** What to write instead of what sessions of other packages have. */
const replacements: ReadonlyMap<string, string> = new Map(
  Object.entries({
    save: 'remove the call: the session is stored before the response leaves (outside a request, use sessions.save(session))',
    regenerate: 'use login(req, subject) at a login, and req.session.regenerateId() elsewhere',
    reload: 'remove the call: each request loads its session (outside a request, use sessions.read(id))',
    touch: 'remove the call: the option timeouts.idle extends a session at each request',
    resetMaxAge: 'remove the call: the option timeouts.idle extends a session at each request',
    cookie: 'use the options cookie, sessionTtl and timeouts, and login(req, subject, { ttl }) for one session',
    maxAge: 'use the options sessionTtl and timeouts, and login(req, subject, { ttl }) for one session',
    passport:
      'passport keeps its login as a property: use the entry point holdfast/express-session, or login(req, user.id) in place of passport.session()',
    isNew: 'use req.session.size === 0',
    isPopulated: 'use req.session.size > 0',
    isChanged: 'use req.session.dirty',
    clear: 'use req.session.unset(key) for each key, or logout(req) to end the session',
    delete: 'use req.session.unset(key) for one key, or logout(req) to end the session',
    remove: 'use req.session.unset(key)',
    put: 'use req.session.set(key, value)',
    regenerateID: 'use req.session.regenerateId()',
    sessionID: 'use req.session.handle, which is safe to log',
  }),
)

/**
 * Names that are read to find out what kind of object one has got: by `await`, by Node, by matchers of tests, by loggers,
 * templates, serializers and developer tools. They read as undefined, as on every other object, and so does each name that
 * begins with `_`, `$` or `@@`.
 */
const probed: ReadonlySet<string> = new Set([
  ...['then', 'catch', 'finally', 'next', 'length', 'splice', 'callee', 'inspect', 'description'],
  ...['asymmetricMatch', 'nodeType', 'nodeName', 'tagName', 'hasAttribute', 'jquery', 'window', 'document', 'self'],
  ...['toBSON', 'toObject', 'toPOJO', 'toISOString', 'toDate', 'toSQL', 'toPostgres', 'toStringTag', 'isMockFunction'],
  ...['pipe', 'on', 'once', 'emit', 'read', 'write', 'getReader', 'subscribe', 'lift'],
  ...[
    'message',
    'stack',
    'err',
    'error',
    'code',
    'errors',
    'level',
    'req',
    'res',
    'method',
    'headers',
    'socket',
    'setHeader',
  ],
  ...['ref', 'key', 'props', 'render', 'template', 'displayName', 'sheet', 'calls', 'and', 'not', 'be', 'to'],
])

function isProbed(name: string): boolean {
  return probed.has(name) || /^(_|\$|@@)/.test(name) || name in Object.prototype
}

/** `save`, `"first name"`: as it stands in code, and never longer than a message may be. */
function inCode(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name)
}

function dotted(name: string): string {
  return /^[A-Za-z_$][\w$]{0,60}$/.test(name) ? `req.session.${name}` : `req.session[${inCode(name)}]`
}

function misuse(message: string): SessionError {
  return new SessionError('SESSION_MISUSE', message)
}

function unknownRead(name: string): SessionError {
  const remedy = replacements.get(name) ?? `use req.session.get(${inCode(name)})`
  return misuse(`${dotted(name)} does not exist: a session keeps its values behind methods; ${remedy}`)
}

function unknownWrite(name: string): SessionError {
  const remedy = replacements.get(name) ?? `use req.session.set(${inCode(name)}, value)`
  return misuse(`${dotted(name)} cannot be assigned, it would not be stored; ${remedy}`)
}

function ownWrite(name: string): SessionError {
  const remedy =
    name === 'flash'
      ? 'it is the method that leaves a message: use req.session.flash(key, value), and req.session.get(key) in the next request'
      : `it belongs to the session itself; to keep a value under that name use req.session.set(${inCode(name)}, value)`
  return misuse(`${dotted(name)} cannot be assigned: ${remedy}`)
}

/** Refuses the callback that methods of express-session's sessions take: it would never be called. */
export function refuseCallback(call: string, given: unknown): void {
  if (typeof given !== 'function') return
  throw misuse(
    `${call} takes no callback and would never call it: it takes effect at once and is stored before the response leaves, so write what was in the callback after the call`,
  )
}

/** Refuses a key that is none, and names the way in which that happened. */
export function refuseKey(method: string, key: unknown): never {
  refuseCallback(`req.session.${method}()`, key)
  const isObject = typeof key === 'object' && key !== null
  const got = key === '' ? 'an empty string' : isObject ? 'an object' : key == null ? String(key) : `a ${typeof key}`
  const remedy = isObject && method === 'set' ? '; write one call for each key: session.set(key, value)' : ''
  throw new SessionError(
    'INVALID_ARGUMENT',
    `session.${method}: the key is ${got}; it accepts a string that is not empty${remedy}`,
  )
}

/** Refuses `set(key)` and `flash(key)`, and what comes behind the value. */
export function refuseArguments(method: 'set' | 'flash', args: ArrayLike<unknown>): never {
  if (typeof args[0] !== 'string') refuseKey(method, args[0])
  for (let i = 1; i < args.length; i++) refuseCallback(`req.session.${method}()`, args[i])
  const remedy =
    method === 'set'
      ? 'it takes a key and a value; unset(key) removes a key'
      : 'it takes a key and a message; the next request reads it with get(key)'
  throw new SessionError(
    'INVALID_ARGUMENT',
    `session.${method} was called with ${args.length === 1 ? '1 argument' : `${args.length} arguments`}; ${remedy}`,
  )
}

/**
 * Closes a class of sessions: nothing that can be reached through one of its instances can be changed, and assigning to or
 * reading what is not there throws `SESSION_MISUSE`, also where sloppy mode would go on in silence. For instances alone:
 * a subclass, and an object that has a session for its prototype, may have properties of its own.
 */
export function closeClass(session: { readonly prototype: object }, isInstance: (value: object) => boolean): void {
  const { prototype } = session
  for (const name of Reflect.ownKeys(prototype)) {
    const own = Reflect.getOwnPropertyDescriptor(prototype, name)
    if (own === undefined) continue
    const { value, get } = own as { value: unknown; get?: () => unknown }
    if (typeof value === 'function' && name !== 'constructor') closeMethod(value, String(name))
    // An accessor and no read-only method: assigning to the latter is silent in sloppy mode.
    Object.defineProperty(prototype, name, {
      get: Object.freeze(get ?? (() => value)),
      set: Object.freeze(function assign(this: object, assigned: unknown) {
        if (isInstance(this)) throw ownWrite(String(name))
        define(this, name, assigned)
      }),
      enumerable: false,
      configurable: false,
    })
  }
  Object.setPrototypeOf(prototype, new Proxy(Object.freeze({}), guardFor(isInstance)))
  Object.freeze(prototype)
  Object.freeze(session)
}

/** What is assigned to a property of a method (`session.flash ??= {}`, then `session.flash.notice = 'x'`) would be seen by
 * all users of the process, and freezing alone refuses it in silence where the code is sloppy. */
function closeMethod(method: object, name: string): void {
  const remedy = name === 'flash' ? 'flash' : 'set'
  const guard: ProxyHandler<object> = {
    set(_target, property) {
      throw misuse(
        `req.session.${name} is a method, ${inCode(String(property))} cannot be assigned on it; use req.session.${remedy}(key, value)`,
      )
    },
  }
  Object.setPrototypeOf(method, new Proxy(Object.freeze(Object.create(Function.prototype) as object), guard))
  Object.freeze(method)
}

function guardFor(isInstance: (value: object) => boolean): ProxyHandler<object> {
  const hasOwnProperty = ownPropertyCheck(isInstance)
  return {
    get(target, name, receiver: object) {
      if (name === 'hasOwnProperty' && isInstance(receiver)) return hasOwnProperty
      if (typeof name === 'string' && isInstance(receiver) && !isProbed(name)) throw unknownRead(name)
      return Reflect.get(target, name, receiver) as unknown
    },
    has(target, name) {
      if (typeof name === 'string' && !isProbed(name)) throw unknownRead(name)
      return Reflect.has(target, name)
    },
    set(_target, name, value, receiver: object) {
      if (typeof name === 'string' && isInstance(receiver)) throw unknownWrite(name)
      return define(receiver, name, value)
    },
  }
}

/** `req.session.hasOwnProperty('user')` would be false for every key. `in` throws for a name that is unknown. */
function ownPropertyCheck(isInstance: (value: object) => boolean): (name: PropertyKey) => boolean {
  function hasOwnProperty(this: object, name: PropertyKey): boolean {
    if (Object.hasOwn(this, name)) return true
    if (isInstance(this)) Reflect.has(this, name)
    return false
  }
  Object.freeze(hasOwnProperty.prototype)
  return Object.freeze(hasOwnProperty)
}

function define(target: object, name: PropertyKey, value: unknown): boolean {
  return Reflect.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
}
