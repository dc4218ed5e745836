import ours from '../../lib/express-session'
import { RedisStore } from '../../lib/redis'
import { MemoryStore } from '../../lib/stores/memory-store'
import { type MoveStores, optionsAt } from './move-run'
import { storesOfOthers } from './express-session-stores'
import { RedisServer } from './redis-server'

/** A store, and the options that decide how sessions are kept in it. */
export interface OpenLayout {
  readonly options: Record<string, unknown>
  /** Another store object over the same sessions, as another process has one; undefined where there can be none. */
  readonly otherProcess: (() => Record<string, unknown>) | undefined
  close(): Promise<unknown>
}

export interface Layout {
  readonly name: string
  /** Whether two processes keep each other's parallel writes. */
  readonly isAtomic: boolean
  /** Whether its backend goes by a clock that a test cannot turn. */
  readonly hasOwnClock: boolean
  open(): Promise<OpenLayout>
}

const inPlace: Layout[] = storesOfOthers.map(({ name, shared, open }) => ({
  name: `in place: ${name}`,
  isAtomic: false,
  hasOwnClock: shared,
  async open() {
    const home = await open()
    return {
      options: { store: home.newStore() },
      otherProcess: shared ? () => ({ store: home.newStore() }) : undefined,
      close: () => home.close(),
    }
  },
}))

const done = () => Promise.resolve()

/** All ways in which the entry point for apps of express-session keeps sessions. */
export const layouts: readonly Layout[] = [
  ...inPlace,
  {
    name: 'in place: session.MemoryStore',
    isAtomic: false,
    hasOwnClock: false,
    open: async () => ({ options: { store: new ours.MemoryStore() }, otherProcess: undefined, close: done }),
  },
  {
    name: 'ours: MemoryStore',
    isAtomic: true,
    hasOwnClock: false,
    open: async () => ({ options: { store: new MemoryStore() }, otherProcess: undefined, close: done }),
  },
  {
    name: 'ours: RedisStore',
    isAtomic: true,
    hasOwnClock: true,
    async open() {
      const server = await RedisServer.start()
      const client = await server.connect()
      return {
        options: { store: new RedisStore({ client }) },
        otherProcess: () => ({ store: new RedisStore({ client }) }),
        close: () => server.stop(),
      }
    },
  },
  {
    name: "RedisStore, layout: 'express-session'",
    isAtomic: true,
    hasOwnClock: true,
    async open() {
      const server = await RedisServer.start()
      const [client, other] = [await server.connect(), await server.connect()]
      return {
        options: { store: new RedisStore({ client, layout: 'express-session' }) },
        otherProcess: () => ({ store: new RedisStore({ client: other, layout: 'express-session' }) }),
        close: () => server.stop(),
      }
    },
  },
  {
    name: 'moving to RedisStore, beside the stage before',
    isAtomic: true,
    hasOwnClock: true,
    async open() {
      const server = await RedisServer.start()
      const clients = [await server.connect(), await server.connect()] as const
      const [one, other] = clients.map((client) => ({
        old: new RedisStore({ client, layout: 'express-session' }),
        own: new RedisStore({ client }),
      })) as [MoveStores, MoveStores]
      return {
        options: optionsAt('take-over', one),
        otherProcess: () => optionsAt('upcoming', other),
        close: () => server.stop(),
      }
    },
  },
  {
    name: 'on the way back, in memory',
    isAtomic: true,
    hasOwnClock: false,
    async open() {
      const stores = { old: new ours.MemoryStore(), own: new MemoryStore() }
      return {
        options: optionsAt('give-back', stores),
        otherProcess: () => optionsAt('upcoming', stores),
        close: done,
      }
    },
  },
  {
    name: "records: 'hashed' in session.MemoryStore",
    isAtomic: false,
    hasOwnClock: false,
    open: async () => ({
      options: { store: new ours.MemoryStore(), records: 'hashed' },
      otherProcess: undefined,
      close: done,
    }),
  },
]
