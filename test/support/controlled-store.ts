import type { Awaitable } from '../../lib/base/awaitable'
import type { SessionRecord } from '../../lib/session/record'
import type { SessionStore } from '../../lib/session/store'
import type { ExpressSessionStore } from '../../lib/stores/express-session/express-session-store'
import { MemoryStore } from '../../lib/stores/memory-store'

export type StoreCall = 'load' | 'insert' | 'change' | 'delete'

/** How a call goes wrong. `late`: the call takes effect, and its reply comes when the caller does not wait for it any more. */
export type Fault = 'reject' | 'throw' | 'hang' | 'late'

export const faults: readonly Fault[] = ['reject', 'throw', 'hang', 'late']

/** What the store itself reports; it must come out as the `cause` of the app's error. */
export const storeTrouble = new Error('the database is on fire')

/** What a test can do to the calls of a store: count them, hold them, make them fail, late or never come back. */
export abstract class CallControl<Call extends string> {
  /** `change` when the call is made, `change done` when it has replied. */
  readonly log: string[] = []
  /** Milliseconds until a call replies; undefined: in the same tick, not as a promise. */
  delay: number | undefined
  readonly #faults = new Map<Call, Fault>()
  readonly #held = new Map<Call, (() => void)[]>()
  readonly #heldOnce = new Map<Call, (release: () => void) => void>()
  readonly #expected: { call: Call; resolve: () => void }[] = []
  readonly #late: (() => void)[] = []

  /** @param delay See the field. */
  constructor(delay?: number) {
    this.delay = delay
  }

  /** Names of the calls so far, without the replies. */
  get calls(): string[] {
    return this.log.filter((entry) => !entry.endsWith(' done'))
  }

  /** As `calls`; the next time only those after it. */
  takeCalls(): string[] {
    const { calls } = this
    this.log.length = 0
    return calls
  }

  /** All calls of the kind go wrong from now on. */
  fail(call: Call, fault: Fault): void {
    this.#faults.set(call, fault)
  }

  /** No call goes wrong any more, and the late ones reply. */
  mend(): void {
    this.#faults.clear()
    for (const reply of this.#late.splice(0)) reply()
  }

  /** Calls of the kind take effect from now on only when they are released. */
  hold(call: Call): void {
    this.#held.set(call, [])
  }

  /** Lets what was held take effect, in its order, and holds no more. */
  release(call: Call): void {
    const waiting = this.#held.get(call) ?? []
    this.#held.delete(call)
    for (const go of waiting) go()
  }

  /** Holds one call, the next of the kind. Resolves when it is made, to what lets it take effect. */
  holdNext(call: Call): Promise<() => void> {
    return new Promise((resolve) => this.#heldOnce.set(call, resolve))
  }

  /** Resolves when the next call of the kind is made. */
  asked(call: Call): Promise<void> {
    return new Promise((resolve) => this.#expected.push({ call, resolve }))
  }

  protected control<T>(call: Call, effect: () => T): Awaitable<T> {
    this.log.push(call)
    for (const waiter of this.#expected.filter((one) => one.call === call)) {
      this.#expected.splice(this.#expected.indexOf(waiter), 1)
      waiter.resolve()
    }
    const fault = this.#faults.get(call)
    if (fault === 'throw') throw storeTrouble
    if (fault === 'reject') return Promise.reject(storeTrouble)
    if (fault === 'hang') return new Promise<T>(() => undefined)
    const reply = (): T => {
      const value = effect()
      this.log.push(`${call} done`)
      return value
    }
    if (fault === 'late') return new Promise((resolve) => this.#late.push(() => resolve(reply())))
    const heldOnce = this.#heldOnce.get(call)
    this.#heldOnce.delete(call)
    if (heldOnce !== undefined) return new Promise((resolve) => heldOnce(() => resolve(reply())))
    const held = this.#held.get(call)
    if (held !== undefined) return new Promise((resolve) => held.push(() => resolve(reply())))
    if (this.delay === undefined) return reply()
    return new Promise((resolve) => setTimeout(() => resolve(reply()), this.delay))
  }
}

/** A memory store that replies asynchronously, as one behind a network does, and whose calls a test controls. Several may
 * share one memory, as processes share a database. */
export class ControlledStore extends CallControl<StoreCall> implements SessionStore {
  readonly memory: MemoryStore

  constructor(memory = new MemoryStore()) {
    super(0)
    this.memory = memory
  }

  load(...args: Parameters<MemoryStore['load']>): Awaitable<ReturnType<MemoryStore['load']>> {
    return this.control('load', () => this.memory.load(...args))
  }

  insert(...args: Parameters<MemoryStore['insert']>): Awaitable<void> {
    return this.control('insert', () => this.memory.insert(...args))
  }

  change(...args: Parameters<MemoryStore['change']>): Awaitable<ReturnType<MemoryStore['change']>> {
    return this.control('change', () => this.memory.change(...args))
  }

  delete(...args: Parameters<MemoryStore['delete']>): Awaitable<ReturnType<MemoryStore['delete']>> {
    return this.control('delete', () => this.memory.delete(...args))
  }

  list(...args: Parameters<MemoryStore['list']>): ReadonlyMap<string, SessionRecord> {
    return this.memory.list(...args)
  }

  deleteAll(...args: Parameters<MemoryStore['deleteAll']>): ReturnType<MemoryStore['deleteAll']> {
    return this.memory.deleteAll(...args)
  }

  close(): void {
    this.memory.close()
  }
}

/** A `ControlledStore` that holds what a session writes until the test releases it. */
export function holdingStore(): ControlledStore {
  const store = new ControlledStore()
  store.hold('insert')
  store.hold('change')
  store.hold('delete')
  return store
}

type Callback = (error?: unknown, value?: unknown) => void

/** A well-mannered store for express-session, in memory, which replies in the same tick and whose calls a test controls.
 * Several may share one `kept`, as processes share a database. */
export class ControlledExpressSessionStore
  extends CallControl<'get' | 'set' | 'destroy'>
  implements ExpressSessionStore
{
  readonly kept: Map<string, string>

  constructor(kept = new Map<string, string>()) {
    super()
    this.kept = kept
  }

  get(sid: string, callback: Callback): void {
    this.#call('get', callback, () => {
      const text = this.kept.get(sid)
      return text === undefined ? undefined : JSON.parse(text)
    })
  }

  set(sid: string, session: unknown, callback?: Callback): void {
    const text = JSON.stringify(session)
    this.#call('set', callback, () => void this.kept.set(sid, text))
  }

  destroy(sid: string, callback?: Callback): void {
    this.#call('destroy', callback, () => void this.kept.delete(sid))
  }

  #call(method: 'get' | 'set' | 'destroy', callback: Callback | undefined, effect: () => unknown): void {
    const result = this.control(method, () => callback?.(null, effect()))
    if (result instanceof Promise) result.catch((error: unknown) => callback?.(error))
  }
}

/** Any store, whose calls are written down by name. */
export function recordCalls<S extends object>(store: S, calls: string[]): S {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        calls.push(String(name))
        return (value as (...args: unknown[]) => unknown).apply(target, args)
      }
    },
  })
}
