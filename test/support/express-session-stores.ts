import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import connectPgSimple from 'connect-pg-simple'
import { RedisStore as ConnectRedisStore } from 'connect-redis'
import session from 'express-session'
import createMemoryStore from 'memorystore'
import { Pool } from 'pg'
import sessionFileStore from 'session-file-store'
import type { ExpressSessionStore } from '../../lib/stores/express-session/express-session-store'
import { type PostgresServer, startPostgres } from './postgres-server'
import { openRedisDatabase, type RedisDatabase } from './redis-database'

/** What one store written for express-session keeps its sessions in. */
export interface StoreHome {
  /** A store object; all of a home see the same sessions, except where those live in the store object. */
  newStore(): ExpressSessionStore
  /** What is kept under the sid, as text, whether it has expired or not. */
  read(sid: string): Promise<string | undefined>
  /** Keeps a text under the sid, as if a store had. */
  plant(sid: string, text: string): Promise<void>
  /** Does now what the store does from time to time: drops what has expired. */
  sweep(): Promise<void>
  /** How many records would still be kept so many seconds from now, if no request used them. In memory they are dropped then. */
  keptAfter(seconds: number): Promise<number>
  close(): Promise<void>
}

export interface StoreOfOthers {
  readonly name: string
  /** Whether it can be given text that is no JSON. */
  readonly takesGarbage: boolean
  /** Whether two store objects, as in two processes, see the same sessions. */
  readonly shared: boolean
  open(): Promise<StoreHome>
}

const nothing = () => Promise.resolve()

/** Runs something at a later time of this process. */
export async function later<T>(seconds: number, act: () => Promise<T>): Promise<T> {
  const { now } = Date
  Date.now = () => now() + seconds * 1000
  try {
    return await act()
  } finally {
    Date.now = now
  }
}

function openMemory(): StoreHome {
  const store = new session.MemoryStore()
  const { sessions } = store as unknown as { sessions: Record<string, string> }
  return {
    newStore: () => store,
    read: async (sid) => sessions[sid],
    plant: async (sid, text) => {
      sessions[sid] = text
    },
    sweep: promisify(store.all.bind(store)) as () => Promise<any>,
    async keptAfter(seconds) {
      await later(seconds, promisify(store.all.bind(store)) as () => Promise<any>)
      return Object.keys(sessions).length
    },
    close: nothing,
  }
}

function openMemorystore(): StoreHome {
  const store = new (createMemoryStore(session))({ checkPeriod: 0 })
  const { store: kept } = store as unknown as { store: Map<string, string> & { peek(sid: string): string | undefined } }
  return {
    newStore: () => store,
    read: async (sid) => kept.peek(sid),
    plant: async (sid, text) => {
      kept.set(sid, text)
    },
    sweep: async () => store.prune(),
    async keptAfter(seconds) {
      await later(seconds, async () => store.prune())
      return [...kept.keys()].length
    },
    close: nothing,
  }
}

function openFiles(): StoreHome {
  // It waits for the disk at each write; in memory where there is such a place, since nothing here tests the disk.
  const path = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-files-'))
  const FileStore = sessionFileStore(session)
  const options = { path, retries: 0, reapInterval: -1, logFn: () => {} }
  const file = (sid: string) => join(path, `${sid}.json`)
  const helpers = createRequire(__filename)('session-file-store/lib/session-file-helpers')
  return {
    newStore: () => new FileStore(options),
    read: (sid) => readFile(file(sid), 'utf8').catch(() => undefined),
    plant: (sid, text) => writeFile(file(sid), text),
    async sweep() {
      await new Promise<void>((done) => helpers.reap(helpers.defaults(options), done))
    },
    async keptAfter(seconds) {
      const texts = await Promise.all((await readdir(path)).map((name) => readFile(join(path, name), 'utf8')))
      // Its clock is no test's to turn: each record is made as much older.
      const kept = texts
        .map((text) => JSON.parse(text) as { __lastAccess: number })
        .filter((record) => {
          const older = { ...record, __lastAccess: record.__lastAccess - seconds * 1000 }
          return !helpers.isExpired(older, helpers.defaults(options))
        })
      return kept.length
    },
    close: async () => rmSync(path, { recursive: true, force: true }),
  }
}

/** How many keys have no deadline, or one that is later. */
export async function keptInRedis(client: RedisServerClient, seconds: number): Promise<number> {
  const left = await Promise.all((await client.keys('*')).map((key) => client.pTTL(key)))
  return left.filter((milliseconds) => milliseconds === -1 || milliseconds > seconds * 1000).length
}

type RedisServerClient = Awaited<ReturnType<RedisDatabase['connect']>>

async function openRedis(): Promise<StoreHome> {
  const database = await openRedisDatabase()
  const client = await database.connect()
  return {
    newStore: () => new ConnectRedisStore({ client }),
    read: async (sid) => (await client.get(`sess:${sid}`)) ?? undefined,
    async plant(sid, text) {
      await client.set(`sess:${sid}`, text)
    },
    sweep: nothing,
    keptAfter: (seconds) => keptInRedis(client, seconds),
    close: () => database.close(),
  }
}

let postgres: Promise<PostgresServer> | undefined
let schemas = 0
afterAll(async () => (await postgres)?.stop())

/** One server for a test file, since it takes a second to start, and a schema for each home. */
async function openPostgres(): Promise<StoreHome> {
  const { connectionString } = await (postgres ??= startPostgres())
  const schema = `home_${++schemas}`
  const pool = new Pool({ connectionString, max: 10, options: `-c search_path=${schema}` })
  pool.on('error', () => {})
  const PgStore = connectPgSimple(session)
  const newStore = () => new PgStore({ pool, createTableIfMissing: true, pruneSessionInterval: false })
  const first = newStore()
  await pool.query(`CREATE SCHEMA ${schema}`)
  await promisify(first.get.bind(first) as (sid: string, done: (error: unknown) => void) => void)('makes the table')
  return {
    newStore,
    async read(sid) {
      const { rows } = await pool.query<{ text: string }>('SELECT sess::text AS text FROM session WHERE sid = $1', [
        sid,
      ])
      return rows[0]?.text
    },
    async plant(sid, text) {
      await pool.query("INSERT INTO session VALUES ($1, $2, now() + interval '1 day')", [sid, text])
    },
    sweep: promisify(first.pruneSessions.bind(first)),
    async keptAfter(seconds) {
      const { rows } = await pool.query<{ count: string }>(
        'SELECT count(*) FROM session WHERE expire > now() + make_interval(secs => $1)',
        [seconds],
      )
      return Number(rows[0]?.count)
    },
    close: () => pool.end(),
  }
}

/** The stores written for express-session on which everything is proven, each on its real backend. */
export const storesOfOthers: StoreOfOthers[] = [
  { name: 'express-session MemoryStore', takesGarbage: true, shared: false, open: async () => openMemory() },
  { name: 'memorystore', takesGarbage: true, shared: false, open: async () => openMemorystore() },
  { name: 'session-file-store', takesGarbage: true, shared: true, open: async () => openFiles() },
  { name: 'connect-redis', takesGarbage: true, shared: true, open: openRedis },
  { name: 'connect-pg-simple', takesGarbage: false, shared: true, open: openPostgres },
]
