import { RedisStore as ConnectRedisStore } from 'connect-redis'
import ours from '../../lib/express-session'
import { RedisStore } from '../../lib/redis'
import type { StoredSession } from '../../lib/session/record'
import { MemoryStore } from '../../lib/stores/memory-store'
import { type Generation, type MoveStores, optionsAt } from './move-run'
import { keptInRedis, later, storesOfOthers } from './express-session-stores'
import { openRedisDatabase } from './redis-database'

/** A store, and the options that decide how sessions are kept in it. */
export interface OpenLayout {
  readonly options: Record<string, unknown>
  /** Another store object over the same sessions, as another process has one; undefined where there can be none. */
  readonly otherProcess: (() => Record<string, unknown>) | undefined
  /** How many records would still be kept so many seconds from now. In memory they are dropped then. */
  keptAfter(seconds: number): Promise<number>
  close(): Promise<unknown>
}

export interface Layout {
  readonly name: string
  /** Whether two processes keep each other's parallel writes. */
  readonly isAtomic: boolean
  /** How many store calls a request makes that reads its session, and one that changes it. */
  readonly calls: { readonly read: number; readonly change: number }
  /** The store keeps a session without `maxAge` for ever. */
  readonly keepsForEver?: boolean
  /** Whether its backend goes by a clock that a test cannot turn. */
  readonly hasOwnClock: boolean
  open(): Promise<OpenLayout>
}

const wholeRecords = { read: 1, change: 3 }

const inPlace: Layout[] = storesOfOthers.map(({ name, shared, open }) => ({
  name: `in place: ${name}`,
  isAtomic: false,
  calls: wholeRecords,
  keepsForEver: name === 'express-session MemoryStore',
  hasOwnClock: shared,
  async open() {
    const home = await open()
    return {
      options: { store: home.newStore() },
      otherProcess: shared ? () => ({ store: home.newStore() }) : undefined,
      keptAfter: (seconds) => home.keptAfter(seconds),
      close: () => home.close(),
    }
  },
}))

const done = () => Promise.resolve()

/** Ours, with the handles that it was given. */
class ListedStore extends MemoryStore {
  readonly #handles = new Set<string>()

  override insert(handle: string, session: StoredSession, now?: number): void {
    this.#handles.add(handle)
    super.insert(handle, session, now)
  }

  async keptAfter(seconds: number): Promise<number> {
    const now = Date.now() / 1000 + seconds
    return [...this.#handles].filter((handle) => this.load(handle, now) !== undefined).length
  }
}

/** `session.MemoryStore` of this package. */
function textStore() {
  const store = new ours.MemoryStore()
  return {
    store,
    async keptAfter(seconds: number): Promise<number> {
      // A write drops what has expired.
      const cookie = { maxAge: 1, expires: new Date(0) } as never
      await later(seconds, async () => store.set('sweeps', { cookie }))
      store.destroy('sweeps')
      return Object.keys((store as unknown as { sessions: object }).sessions).length
    },
  }
}

/** A deployment of a move between two stores in memory, beside another one. */
function moveInMemory(generation: Generation, other: Generation): OpenLayout {
  const { store: old, keptAfter } = textStore()
  const own = new ListedStore()
  return {
    options: optionsAt(generation, { old, own }),
    otherProcess: () => optionsAt(other, { old, own }),
    keptAfter: async (seconds) => (await keptAfter(seconds)) + (await own.keptAfter(seconds)),
    close: done,
  }
}

/** All ways in which the entry point for apps of express-session keeps sessions. */
export const layouts: readonly Layout[] = [
  ...inPlace,
  {
    name: 'in place: session.MemoryStore',
    isAtomic: false,
    calls: wholeRecords,
    hasOwnClock: false,
    async open() {
      const { store, keptAfter } = textStore()
      return { options: { store }, otherProcess: undefined, keptAfter, close: done }
    },
  },
  {
    name: 'ours: MemoryStore',
    isAtomic: true,
    calls: { read: 1, change: 2 },
    hasOwnClock: false,
    async open() {
      const store = new ListedStore()
      return {
        options: { store },
        otherProcess: undefined,
        keptAfter: (seconds) => store.keptAfter(seconds),
        close: done,
      }
    },
  },
  {
    name: 'ours: RedisStore',
    isAtomic: true,
    calls: { read: 1, change: 2 },
    hasOwnClock: true,
    async open() {
      const database = await openRedisDatabase()
      const client = await database.connect()
      return {
        options: { store: new RedisStore({ client }) },
        otherProcess: () => ({ store: new RedisStore({ client }) }),
        keptAfter: (seconds) => keptInRedis(client, seconds),
        close: () => database.close(),
      }
    },
  },
  {
    name: "RedisStore, layout: 'express-session'",
    isAtomic: true,
    calls: { read: 1, change: 3 },
    hasOwnClock: true,
    async open() {
      const database = await openRedisDatabase()
      const [client, other] = [await database.connect(), await database.connect()]
      return {
        options: { store: new RedisStore({ client, layout: 'express-session' }) },
        otherProcess: () => ({ store: new RedisStore({ client: other, layout: 'express-session' }) }),
        keptAfter: (seconds) => keptInRedis(client, seconds),
        close: () => database.close(),
      }
    },
  },
  {
    name: 'before the move, in memory, beside the stage that moves',
    isAtomic: true,
    calls: { read: 2, change: 7 },
    hasOwnClock: false,
    open: async () => moveInMemory('upcoming', 'take-over'),
  },
  {
    name: 'moving to RedisStore, beside the stage before',
    isAtomic: true,
    calls: { read: 1, change: 2 },
    hasOwnClock: true,
    async open() {
      const database = await openRedisDatabase()
      const clients = [await database.connect(), await database.connect()] as const
      const [one, other] = clients.map((client) => ({
        old: new RedisStore({ client, layout: 'express-session' }),
        own: new RedisStore({ client }),
      })) as [MoveStores, MoveStores]
      return {
        options: optionsAt('take-over', one),
        otherProcess: () => optionsAt('upcoming', other),
        keptAfter: (seconds) => keptInRedis(clients[0], seconds),
        close: () => database.close(),
      }
    },
  },
  {
    name: 'on the way back, in memory',
    isAtomic: true,
    calls: { read: 2, change: 7 },
    hasOwnClock: false,
    open: async () => moveInMemory('give-back', 'upcoming'),
  },
  {
    name: "records: 'hashed' in session.MemoryStore",
    isAtomic: false,
    calls: wholeRecords,
    hasOwnClock: false,
    async open() {
      const { store, keptAfter } = textStore()
      return { options: { store, records: 'hashed' }, otherProcess: undefined, keptAfter, close: done }
    },
  },
  {
    name: "records: 'hashed' in connect-redis",
    isAtomic: false,
    calls: wholeRecords,
    hasOwnClock: true,
    async open() {
      const database = await openRedisDatabase()
      const client = await database.connect()
      const options = () => ({ store: new ConnectRedisStore({ client }), records: 'hashed' })
      return {
        options: options(),
        otherProcess: options,
        keptAfter: (seconds) => keptInRedis(client, seconds),
        close: () => database.close(),
      }
    },
  },
]
