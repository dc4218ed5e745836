import type { Awaitable } from '../../lib/base/awaitable'
import type { ChangeResult, RecordChange, SessionRecord, StoredSession } from '../../lib/session/record'
import type { SessionStore } from '../../lib/session/store'
import { MemoryStore } from '../../lib/stores/memory-store'

export type StoreCall = 'load' | 'insert' | 'change' | 'delete'

/** How a call goes wrong. `late`: the call takes effect, and its answer comes when nobody waits for it any more. */
export type Fault = 'reject' | 'throw' | 'hang' | 'late'

export const faults: readonly Fault[] = ['reject', 'throw', 'hang', 'late']

/** What the store itself reports; it must come out as the `cause` of what the app is told. */
export const storeTrouble = new Error('the database is on fire')

/**
 * A memory store that answers asynchronously, as one behind a network does, and goes wrong to order: a call at a time, or
 * all of a kind until `mend`. Keeps a log of what it was asked and when it answered.
 */
export class FaultyStore implements SessionStore {
  readonly memory = new MemoryStore()
  /** `change` when it is asked, `change done` when it has answered. */
  readonly log: string[] = []
  /** Milliseconds until a call answers; undefined: in the same tick, not as a promise. */
  delay: number | undefined = 0
  readonly #faults = new Map<StoreCall, Fault>()
  readonly #held = new Map<StoreCall, (() => void)[]>()
  readonly #askedFor: { call: StoreCall; tell: () => void }[] = []
  readonly #late: (() => void)[] = []

  load(handle: string, now: number): Awaitable<StoredSession | undefined> {
    return this.#serve('load', () => this.memory.load(handle, now))
  }

  insert(handle: string, session: StoredSession): Awaitable<void> {
    return this.#serve('insert', () => this.memory.insert(handle, session))
  }

  change(handle: string, change: RecordChange, now: number): Awaitable<ChangeResult> {
    return this.#serve('change', () => this.memory.change(handle, change, now))
  }

  delete(handle: string, now: number, ofSubject?: string): Awaitable<boolean> {
    return this.#serve('delete', () => this.memory.delete(handle, now, ofSubject))
  }

  list(subject: string, now: number): ReadonlyMap<string, SessionRecord> {
    return this.memory.list(subject, now)
  }

  deleteAll(subject: string, now: number, except?: string): number {
    return this.memory.deleteAll(subject, now, except)
  }

  close(): void {
    this.memory.close()
  }

  /** Names of the calls so far, without the answers. */
  get calls(): string[] {
    return this.log.filter((entry) => !entry.endsWith(' done'))
  }

  /** All calls of the kind go wrong from now on. */
  fail(call: StoreCall, fault: Fault): void {
    this.#faults.set(call, fault)
  }

  mend(): void {
    this.#faults.clear()
    for (const answer of this.#late.splice(0)) answer()
  }

  /** Calls of the kind are carried out from now on only when they are released. */
  hold(call: StoreCall): void {
    this.#held.set(call, [])
  }

  /** Carries out what was held, and holds no more. */
  release(call: StoreCall): void {
    const waiting = this.#held.get(call) ?? []
    this.#held.delete(call)
    for (const go of waiting) go()
  }

  /** Resolves when the next call of the kind is made. */
  asked(call: StoreCall): Promise<void> {
    return new Promise((resolve) => this.#askedFor.push({ call, tell: resolve }))
  }

  #serve<T>(call: StoreCall, effect: () => T): Awaitable<T> {
    this.log.push(call)
    for (const waiter of this.#askedFor.filter((one) => one.call === call)) {
      this.#askedFor.splice(this.#askedFor.indexOf(waiter), 1)
      waiter.tell()
    }
    const fault = this.#faults.get(call)
    if (fault === 'throw') throw storeTrouble
    if (fault === 'reject') return Promise.reject(storeTrouble)
    if (fault === 'hang') return new Promise<T>(() => undefined)
    const answer = (): T => {
      const value = effect()
      this.log.push(`${call} done`)
      return value
    }
    if (fault === 'late') return new Promise((resolve) => this.#late.push(() => resolve(answer())))
    const held = this.#held.get(call)
    if (held !== undefined) return new Promise((resolve) => held.push(() => resolve(answer())))
    if (this.delay === undefined) return answer()
    return new Promise((resolve) => setTimeout(() => resolve(answer()), this.delay))
  }
}
