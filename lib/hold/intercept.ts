import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { ServerResponse } from 'node:http'
import { type Appearance, defineAppearance } from './appear-sent'
import type { Method } from './check-call'

export type NodeMethod = (...args: readonly unknown[]) => unknown

/**
 * The methods of a response that stood there before. A stub of a response may lack some, or all.
 *
 * Made by a constructor, as all that is made for each request and leads back to it: V8 allocates an object literal that has
 * often survived a collection in the old generation, where it keeps whole requests in memory after it is garbage. That
 * cost 15 µs a request.
 */
export class NodeMethods implements Readonly<Record<Method, NodeMethod | undefined>> {
  constructor(
    readonly write: NodeMethod | undefined,
    readonly end: NodeMethod | undefined,
    readonly writeHead: NodeMethod | undefined,
    readonly flushHeaders: NodeMethod | undefined,
  ) {}
}

/** Receives what is called on a response. */
export interface Interceptor {
  call(method: Method, args: readonly unknown[]): unknown
  /** Node, or a wrapper, asks for a head that was not given. False: Node's own way is right. */
  makeImplicitHead(): boolean
  /** A stream is piped into the response. */
  piped(source: unknown): void
  /** What the response shows while it is held; undefined while it is not. */
  readonly appearance: Appearance | undefined
}

/** How the calls on a response come to its interceptor. */
export class Interception {
  /**
   * @param kind `shared`: through the prototype that all responses of an Express share. `own`: through properties of the
   *   response.
   * @param native What the calls led to before.
   * @param writeHead The `writeHead` that leads to the interceptor. A response that has another one is wrapped by others.
   */
  constructor(
    readonly kind: 'shared' | 'own',
    readonly native: NodeMethods,
    readonly writeHead: unknown,
  ) {}
}

type Members = Record<string, NodeMethod | undefined>

const methods: readonly Method[] = ['write', 'end', 'writeHead', 'flushHeaders']
const interceptors = new WeakMap<object, Interceptor>()
const sharedBy = new WeakMap<object, SharedMethods>()

/**
 * Leads all calls through which a response leaves to an interceptor.
 *
 * Express gives each response a hidden class of its own, so that each property that is added to one costs V8 some 5 µs,
 * and its garbage collector as much again. There, the methods stand on the prototype from which the responses of all apps
 * inherit (`express.response`, which is there for additions): once, also for a sub-app that changes the prototype of a
 * response. All that wraps a response afterwards (compression, on-headers), mounted before or after the sessions, wraps
 * these methods. Where that cannot be relied on, the response gets methods of its own, over those that it has: a response
 * that is no Express one, one that was wrapped before the methods stood on its prototype, and one whose prototype others
 * have patched since.
 */
export function intercept(res: ServerResponse, by: Interceptor): Interception {
  stopWatching()
  const shared = sharedMethodsOf(res)
  if (shared === undefined) return interceptOwn(res, by)
  interceptors.set(res, by)
  const piped = pipedSources.get(res)
  if (piped !== undefined) for (const source of piped) by.piped(source)
  return shared.interception
}

/**
 * Whether a response can as well be intercepted later: its calls come to the shared methods, whatever wraps them from here
 * on. A request that leaves its session alone then costs nothing of the hold. What is piped into the response meanwhile is
 * remembered.
 */
export function canInterceptLater(res: ServerResponse): boolean {
  stopWatching()
  if (sharedMethodsOf(res) === undefined) return false
  // From here on its wrappers take our methods.
  early.delete(res)
  return true
}

let interceptLater: ((res: ServerResponse) => void) | undefined

/**
 * What intercepts a response that was left for later, when others have wrapped its `writeHead`: what they do may change the
 * session, and inside Node's own `end` it would be too late to hold the response back.
 */
export function onWrappedHead(interceptNow: (res: ServerResponse) => void): void {
  interceptLater = interceptNow
}

/** The methods that the response shares with others, where its calls come to them and to no interceptor yet. */
function sharedMethodsOf(res: ServerResponse): SharedMethods | undefined {
  if (interceptors.has(res)) return undefined
  const prototype = Object.getPrototypeOf(res) as Members | null
  if (prototype === null) return undefined
  const shared = sharedBy.get(prototype) ?? shareMethods(prototype, res)
  if (shared === undefined || ((early.has(res) || isBare(res)) && isWrapped(res))) return undefined
  return isReached(prototype, shared) ? shared : undefined
}

/** Tests make responses without the constructor, by `Object.create(app.response)`: their own methods lead to no other. */
function isBare(res: ServerResponse): boolean {
  return (res as { _header?: unknown })._header === undefined
}

/** What is piped into responses that nothing intercepts yet. */
const pipedSources = new WeakMap<object, unknown[]>()

function notePiped(res: object, source: unknown): void {
  const known = pipedSources.get(res)
  if (known === undefined) pipedSources.set(res, [source])
  else known.push(source)
}

/** Responses that had begun before the first one was intercepted: what has wrapped them has taken Node's methods. */
const early = new WeakSet<object>()
let watch: 'none' | 'on' | 'over' = 'none'
let earlyCount = 0

/** To be called while the app is built: requests that arrive together when a process starts may all have been wrapped
 * before the first of them comes to the sessions. */
export function watchFirstResponses(): void {
  if (watch !== 'none') return
  watch = 'on'
  subscribe('http.server.request.start', noteEarly)
}

function noteEarly(message: unknown): void {
  early.add((message as { response: object }).response)
  // An app most of whose requests have no sessions must not get slower by it.
  if (++earlyCount >= 1000) stopWatching()
}

function stopWatching(): void {
  if (watch === 'on') unsubscribe('http.server.request.start', noteEarly)
  watch = 'over'
}

function isWrapped(res: ServerResponse): boolean {
  return methods.some((method) => Object.hasOwn(res, method))
}

function interceptOwn(res: ServerResponse, by: Interceptor): Interception {
  // A stub of a response is no emitter.
  if (typeof (res as { on?: unknown }).on === 'function') res.on('pipe', by.piped.bind(by))
  const own = res as OwnMethods
  const { writeHead, _implicitHeader: implicitHead } = own
  const call = by.call.bind(by)
  const native = interceptBody(res, call)
  if (typeof writeHead === 'function') own.writeHead = passOn.bind(undefined, call, 'writeHead')
  // Its old name leads straight to Node's own method.
  if ('writeHeader' in own) own.writeHeader = own.writeHead
  if (implicitHead !== undefined) own._implicitHeader = makeImplicitHead.bind(res, by, implicitHead)
  return new Interception('own', native, own.writeHead)
}

type Call = (method: Method, args: readonly unknown[]) => unknown

/* Bound, and not closures: V8 forgets the compiled code of a closure that is made for each response. */

function passOn(call: Call, method: Method, ...args: readonly unknown[]): unknown {
  return call(method, args)
}

function makeImplicitHead(this: ServerResponse, by: Interceptor, implicitHead: NodeMethod): void {
  if (!by.makeImplicitHead()) implicitHead.apply(this)
}

/** What is put on a response itself. A stub of one may lack any of it, HTTP/2 has the first five, and `_implicitHeader` is
 * Node's own, which `write` and `end` call. */
interface OwnMethods {
  write?: NodeMethod | undefined
  end?: NodeMethod | undefined
  writeHead?: NodeMethod | undefined
  writeHeader?: NodeMethod | undefined
  flushHeaders?: NodeMethod | undefined
  _implicitHeader?: NodeMethod | undefined
}

/** Puts methods of its own on a response, over those that it has, for all but its head. Returns the ones that it had. */
export function interceptBody(res: ServerResponse, call: Call): NodeMethods {
  const own = res as OwnMethods
  const native = new NodeMethods(own.write, own.end, own.writeHead, own.flushHeaders)
  const { write, end, flushHeaders } = native
  if (typeof write === 'function') own.write = passOn.bind(undefined, call, 'write')
  if (typeof end === 'function') own.end = passOn.bind(undefined, call, 'end')
  if (typeof flushHeaders === 'function') own.flushHeaders = passOn.bind(undefined, call, 'flushHeaders')
  return native
}

/**
 * The response has ended: nothing is left to be intercepted. At once, because an entry that leads to the interceptor until
 * the garbage collector finds it keeps whole requests in memory for longer, which costs 20 µs each.
 *
 * @param ignoresLateBody What still writes a body is ignored.
 */
export function release(res: ServerResponse, by: Interceptor, ignoresLateBody: boolean): void {
  if (interceptors.get(res) !== by) return
  if (ignoresLateBody) interceptors.set(res, ended)
  else interceptors.delete(res)
}

/** The interceptor of all responses that have ended, where what still writes a body is ignored. */
const ended: Interceptor = {
  call: () => false,
  makeImplicitHead: () => false,
  piped: () => undefined,
  appearance: undefined,
}

/** The response bypassed its interceptor, perhaps because an app of another copy of Express gave it a prototype that was
 * not known. The next response of that prototype will not. */
export function learnPrototype(res: ServerResponse): void {
  const prototype = Object.getPrototypeOf(res) as object | null
  if (interceptors.has(res) && prototype !== null) shareMethods(prototype, res)
}

interface SharedMethods {
  readonly interception: Interception
  readonly shown: NodeMethods
}

/** Whether a call on a response with this prototype comes to our methods first. */
function isReached(prototype: Members, { shown }: SharedMethods): boolean {
  return (
    prototype['write'] === shown.write &&
    prototype['end'] === shown.end &&
    prototype['writeHead'] === shown.writeHead &&
    prototype['flushHeaders'] === shown.flushHeaders
  )
}

/** The methods for this prototype; undefined where they do not serve this response, but will serve the ones after it. */
function shareMethods(prototype: object, res: ServerResponse): SharedMethods | undefined {
  const root = rootOf(prototype)
  if (root === undefined) return undefined
  const known = sharedBy.get(root)
  const shared = known ?? defineMethods(root)
  sharedBy.set(root, shared)
  sharedBy.set(prototype, shared)
  // Its wrappers have taken Node's methods, when ours did not stand there yet.
  if (known !== undefined || !isWrapped(res)) return shared
  early.add(res)
  return undefined
}

/** The prototype next to Node's own, which all prototypes of one Express have in common. */
function rootOf(prototype: object): Members | undefined {
  for (let inner: object | null = prototype; inner !== null;) {
    const above = Object.getPrototypeOf(inner) as object | null
    if (above === ServerResponse.prototype) return inner as Members
    inner = above
  }
  return undefined
}

function defineMethods(root: Members): SharedMethods {
  const base = Object.getPrototypeOf(root) as Members
  /** What the root has itself; else what Node's prototype has at the time of the call, for others may patch it later. */
  const before = (name: string): NodeMethod => {
    const own = Object.hasOwn(root, name) ? root[name] : undefined
    if (own !== undefined) return own
    return function (this: unknown, ...args: readonly unknown[]): unknown {
      return base[name]?.apply(this, args as unknown[])
    }
  }
  const native = new NodeMethods(before('write'), before('end'), before('writeHead'), before('flushHeaders'))
  const lead = (method: Method): NodeMethod => {
    const inner = native[method]
    const isBody = method === 'write' || method === 'end'
    return define(root, method, function (this: object, ...args: readonly unknown[]) {
      let by = interceptors.get(this)
      if (by === undefined && isHeadWrapped(this, method, shown)) {
        interceptLater?.(this as ServerResponse)
        by = interceptors.get(this)
      }
      if (by === undefined || (by === ended && !isBody)) return inner?.apply(this, args as unknown[])
      return by.call(method, args)
    })
  }
  const shown = new NodeMethods(lead('write'), lead('end'), lead('writeHead'), lead('flushHeaders'))
  if ('writeHeader' in root) define(root, 'writeHeader', shown.writeHead)
  if ('_implicitHeader' in root) {
    const inner = before('_implicitHeader')
    define(root, '_implicitHeader', function (this: object) {
      const by = interceptors.get(this)
      if (by?.makeImplicitHead() !== true) inner.apply(this)
    })
  }
  const emit = before('emit')
  define(root, 'emit', function (this: object, ...args: readonly unknown[]) {
    if (args[0] === 'pipe') {
      const by = interceptors.get(this)
      if (by === undefined) notePiped(this, args[1])
      else by.piped(args[1])
    } else if (args[0] === 'close') pipedSources.delete(this)
    return emit.apply(this, args as unknown[])
  })
  defineAppearance(root, (res) => interceptors.get(res)?.appearance)
  return { interception: new Interception('shared', native, shown.writeHead), shown }
}

/** Whether the call would make the head of the response, and others have wrapped that. */
function isHeadWrapped(res: object, method: Method, { writeHead }: NodeMethods): boolean {
  return (
    method !== 'writeHead' && (res as ServerResponse).writeHead !== writeHead && !(res as ServerResponse).headersSent
  )
}

function define<T>(root: object, name: string, value: T): T {
  Object.defineProperty(root, name, { value, writable: true, configurable: true })
  return value
}
