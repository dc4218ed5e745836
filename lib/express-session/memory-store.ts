import { inherits } from 'node:util'
import { DeadlineQueue } from '../base/deadline-queue'
import { inNextTurn } from '../base/next-turn'
import { callableClass } from './callable-class'
import type { Callback } from './session'
import { Store, type StoreMethods } from './store'

interface Kept extends StoreMethods {
  /** JSON text by id, as express-session's `MemoryStore` has it. */
  sessions: Record<string, string>
  all(callback?: (error: unknown, sessions: Record<string, unknown>) => void): void
  clear(callback?: Callback): void
  length(callback: (error: unknown, length: number) => void): void
  touch(id: string, session: object, callback?: Callback): void
}

/** Milliseconds for which a session is kept whose cookie has no end of its own. */
const withoutEnd = 86_400_000
const deadlinesOf = new WeakMap<object, DeadlineQueue>()

/**
 * `session.MemoryStore`: sessions in the memory of this process, as JSON text by id. As express-session's, but expired
 * sessions leave it at the next write, and those without an end of their own after a day without use.
 */
export const MemoryStore = callableClass(function MemoryStore(this: Kept): void {
  Store.call(this)
  this.sessions = Object.create(null) as Record<string, string>
})

inherits(MemoryStore, Store)

Object.assign(MemoryStore.prototype, {
  get(this: Kept, id: string, callback: (error?: unknown, data?: unknown) => void) {
    inNextTurn(callback, null, read(this, id))
  },

  set(this: Kept, id: string, session: object, callback?: Callback) {
    write(this, id, session)
    if (callback) inNextTurn(callback)
  },

  destroy(this: Kept, id: string, callback?: Callback) {
    remove(this, id)
    if (callback) inNextTurn(callback)
  },

  touch(this: Kept, id: string, session: { cookie?: unknown }, callback?: Callback) {
    const data = read(this, id)
    if (data !== undefined) write(this, id, { ...data, cookie: session.cookie })
    if (callback) inNextTurn(callback)
  },

  all(this: Kept, callback?: (error: unknown, sessions: Record<string, unknown>) => void) {
    const sessions = Object.create(null) as Record<string, unknown>
    for (const id of Object.keys(this.sessions)) {
      const data = read(this, id)
      if (data !== undefined) sessions[id] = data
    }
    if (callback) inNextTurn(callback, null, sessions)
  },

  length(this: Kept, callback: (error: unknown, length: number) => void) {
    this.all((_error, sessions) => callback(null, Object.keys(sessions).length))
  },

  clear(this: Kept, callback?: Callback) {
    this.sessions = Object.create(null) as Record<string, string>
    deadlinesOf.delete(this)
    if (callback) inNextTurn(callback)
  },
})

function read(store: Kept, id: string): Record<string, unknown> | undefined {
  const text = store.sessions[id]
  if (text === undefined) return undefined
  const data = JSON.parse(text) as Record<string, unknown>
  if (Date.now() < endOf(data)) return data
  remove(store, id)
  return undefined
}

function write(store: Kept, id: string, session: object): void {
  const text = JSON.stringify(session)
  const now = Date.now()
  const deadlines = deadlinesOf.get(store) ?? new DeadlineQueue()
  deadlinesOf.set(store, deadlines)
  for (let first = deadlines.first(); first !== undefined && first.deadline <= now; first = deadlines.first()) {
    remove(store, first.key)
  }
  store.sessions[id] = text
  const end = endOf(session)
  deadlines.set(id, end === Infinity ? now + withoutEnd : end)
}

function remove(store: Kept, id: string): void {
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- an object and no Map: apps and their tests read it
  delete store.sessions[id]
  deadlinesOf.get(store)?.delete(id)
}

/** Milliseconds since 1970; Infinity for a cookie without an end. */
function endOf(session: object): number {
  const expires = (session as { cookie?: { expires?: unknown } }).cookie?.expires
  if (expires === undefined || expires === null || expires === false) return Infinity
  const end = new Date(expires as string).getTime()
  return Number.isNaN(end) ? Infinity : end
}
