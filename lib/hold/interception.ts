import { ServerResponse } from 'node:http'
import type { Method } from './call-check'
import { prepareView } from './sent-view'

export type NodeMethod = (...args: readonly unknown[]) => unknown
export type NodeMethods = Partial<Readonly<Record<Method, NodeMethod>>>

/** Gets what is called on a response. */
export interface Interceptor {
  call(method: Method, args: readonly unknown[]): unknown
  /** A stream is piped into the response. */
  piped(source: unknown): void
}

type Intercepted = Record<Method | 'writeHeader' | 'emit' | 'on', NodeMethod | undefined>

const methods: readonly Method[] = ['write', 'end', 'writeHead', 'flushHeaders']
const interceptors = new WeakMap<object, Interceptor>()
const sharedBy = new WeakMap<object, SharedMethods>()

/** Whether somebody has put methods on the response. */
export function isWrapped(res: ServerResponse): boolean {
  return methods.some((method) => Object.hasOwn(res, method))
}

/**
 * Leads all calls through which a response leaves to an interceptor. Returns what they led to before.
 *
 * Express gives each response a hidden class of its own, so that each property that is added costs V8 some 5 µs, and its
 * collector as much again. There, the methods stand on the prototype from which the responses of all apps inherit
 * (`express.response`, which is there for additions): once, and a sub-app that swaps the prototype of a response, also one
 * made by another copy of Express, comes to them as well. Only an app of another copy that is called by hand, and not
 * mounted, does not, until its prototype was learnt. Any other response, and one that is wrapped, gets methods of its own, over those that it has.
 */
export function intercept(res: ServerResponse, by: Interceptor, wrapped: boolean): NodeMethods {
  const shared = wrapped || interceptors.has(res) ? undefined : sharedMethodsOf(res)
  if (shared !== undefined) {
    interceptors.set(res, by)
    return shared.native
  }
  // A stub of a response is no emitter.
  if (typeof (res as unknown as Intercepted).on === 'function') res.on('pipe', (source) => by.piped(source))
  return interceptOver(res, methods, (method, args) => by.call(method, args))
}

/** As {@link intercept}, with methods of the response's own over whatever stands there. */
export function interceptOver(
  res: ServerResponse,
  names: readonly Method[],
  call: (method: Method, args: readonly unknown[]) => unknown,
): NodeMethods {
  const own = res as unknown as Intercepted
  const native: Partial<Record<Method, NodeMethod>> = {}
  for (const method of names) {
    const before = own[method]
    // A stub of a response may lack some, or all.
    if (typeof before !== 'function') continue
    native[method] = before
    own[method] = (...args) => call(method, args)
  }
  // Its old name leads straight to Node's own method.
  if (names.includes('writeHead') && 'writeHeader' in own) own.writeHeader = own.writeHead
  return native
}

/** Whether the methods of the response's prototype lead to this interceptor, and not ones of its own. */
export function isShared(res: ServerResponse, by: Interceptor): boolean {
  return interceptors.get(res) === by
}

/** Nothing is left to be intercepted. A weak map that grew until the next collection would cost 20 µs a response. */
export function letGo(res: ServerResponse, by: Interceptor): void {
  if (isShared(res, by)) interceptors.delete(res)
}

/** A response got past what intercepts it, perhaps because an app of another copy of Express gave it a prototype that
 * nobody knew: the next one will not. */
export function learnPrototype(res: ServerResponse): void {
  if (interceptors.has(res)) sharedMethodsOf(res)
}

interface SharedMethods {
  readonly native: NodeMethods
  readonly shown: NodeMethods
}

/** Undefined where they are not what a call on this response meets first. */
function sharedMethodsOf(res: ServerResponse): SharedMethods | undefined {
  const prototype = Object.getPrototypeOf(res) as Intercepted | null
  if (prototype === null) return undefined
  const shared = sharedBy.get(prototype) ?? shareMethods(prototype)
  return shared !== undefined && methods.every((method) => prototype[method] === shared.shown[method])
    ? shared
    : undefined
}

function shareMethods(prototype: Intercepted): SharedMethods | undefined {
  const root = rootOf(prototype)
  if (root === undefined) return undefined
  const shared = sharedBy.get(root) ?? defineMethods(root)
  sharedBy.set(root, shared)
  sharedBy.set(prototype, shared)
  return shared
}

/** The prototype next to Node's own, which all prototypes of one Express have in common. */
function rootOf(prototype: object): Intercepted | undefined {
  for (let inner: object | null = prototype; inner !== null;) {
    const above = Object.getPrototypeOf(inner) as object | null
    if (above === ServerResponse.prototype) return inner as Intercepted
    inner = above
  }
  return undefined
}

function defineMethods(root: Intercepted): SharedMethods {
  const native: Partial<Record<Method, NodeMethod>> = {}
  const shown: Partial<Record<Method, NodeMethod>> = {}
  for (const method of methods) {
    const before = root[method]
    if (before === undefined) continue
    native[method] = before
    shown[method] = define(root, method, function (this: object, ...args: readonly unknown[]) {
      const by = interceptors.get(this)
      return by === undefined ? before.apply(this, args as unknown[]) : by.call(method, args)
    })
  }
  if ('writeHeader' in root) define(root, 'writeHeader', shown.writeHead)
  const { emit } = root
  define(root, 'emit', function (this: object, ...args: readonly unknown[]) {
    if (args[0] === 'pipe') interceptors.get(this)?.piped(args[1])
    return emit?.apply(this, args as unknown[])
  })
  prepareView(root)
  return { native, shown }
}

function define<T>(root: object, name: string, value: T): T {
  Object.defineProperty(root, name, { value, writable: true, configurable: true })
  return value
}
