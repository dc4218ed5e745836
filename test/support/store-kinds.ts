import session from 'express-session'
import { createClient } from 'redis'
import type { SessionStore } from '../../lib/session/store'
import type { ExpressSessionStore } from '../../lib/stores/express-session/express-session-store'
import { MemoryStore } from '../../lib/stores/memory-store'
import { RedisStore } from '../../lib/stores/redis/redis-store'
import { RedisServer } from './redis-server'

/** A place to keep sessions in, and what is kept there, as text: everything that a thief of the store would read. */
export interface Kept {
  readonly store: SessionStore | ExpressSessionStore
  dump(): Promise<string>
  close(): Promise<void>
}

export interface StoreKind {
  readonly name: string
  /** Whether it can list and end the sessions of a user. */
  readonly lists: boolean
  open(): Promise<Kept>
  /** Stops what all of the kind share. */
  stop(): Promise<void>
}

/** The stores on which every promise is tested: memory, Redis, and one written for express-session. */
export function storeKinds(): StoreKind[] {
  let server: RedisServer | undefined
  return [
    {
      name: 'memory',
      lists: true,
      open() {
        const store = new MemoryStore()
        const seen: unknown[] = []
        const insert = store.insert.bind(store)
        store.insert = (handle, stored) => {
          seen.push([handle, stored.record, [...stored.fields]])
          insert(handle, stored)
        }
        const change = store.change.bind(store)
        store.change = (handle, asked, now) => {
          seen.push([handle, asked, [...(asked.fields?.set ?? [])]])
          return change(handle, asked, now)
        }
        return Promise.resolve({
          store,
          dump: () => Promise.resolve(JSON.stringify(seen)),
          close: () => {
            store.close()
            return Promise.resolve()
          },
        })
      },
      stop: () => Promise.resolve(),
    },
    {
      name: 'redis',
      lists: true,
      async open() {
        server ??= await RedisServer.start()
        const client = createClient({ url: server.url })
        await client.connect()
        return {
          store: new RedisStore({ client }),
          async dump() {
            const parts: unknown[] = []
            for (const key of await client.keys('*')) {
              const type = await client.type(key)
              parts.push(
                key,
                type === 'hash' ? Object.entries(await client.hGetAll(key)).sort() : await client.zRange(key, 0, -1),
              )
            }
            return JSON.stringify(parts)
          },
          async close() {
            await client.flushAll()
            client.destroy()
          },
        }
      },
      async stop() {
        await server?.stop()
      },
    },
    {
      name: 'express-session MemoryStore',
      lists: false,
      open() {
        const store = new session.MemoryStore()
        return Promise.resolve({
          store,
          dump: () => Promise.resolve(JSON.stringify((store as unknown as { sessions: object }).sessions)),
          close: () => Promise.resolve(),
        })
      },
      stop: () => Promise.resolve(),
    },
  ]
}
