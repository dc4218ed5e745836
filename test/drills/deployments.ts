import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import connectPgSimple from 'connect-pg-simple'
import session from 'express-session'
import { Pool } from 'pg'
import { AppProcess } from '../support/app-process'
import type { ClientResponse } from '../support/http-client'
import type { Generation } from '../support/move-run'
import { startPostgres } from '../support/postgres-server'

/** Where express-session has its records. */
export type OldPlaceName = 'connect-redis' | 'redis-layout' | 'postgres' | 'files'

/** What one process runs: `theirs` is express-session. */
export interface Deployed {
  readonly generation: Generation | 'theirs'
  readonly place: OldPlaceName
  /** Of PostgreSQL, or the directory. */
  readonly address: string
}

export function deploy(redisPort: number, deployed: Deployed): Promise<AppProcess> {
  return AppProcess.start(redisPort, deployed, join(__dirname, 'deployed-app.ts'))
}

export interface Place {
  readonly name: OldPlaceName
  /** Whether processes of ours keep each other's parallel writes in it. */
  readonly isAtomic: boolean
  open(): Promise<{ readonly address: string; close(): Promise<void> }>
}

const nothing = async () => ({ address: '', close: async () => undefined })

export const oldPlaces: readonly Place[] = [
  { name: 'connect-redis', isAtomic: false, open: nothing },
  { name: 'redis-layout', isAtomic: true, open: nothing },
  {
    name: 'postgres',
    isAtomic: false,
    async open() {
      const { connectionString, stop } = await startPostgres()
      const pool = new Pool({ connectionString })
      const store = new (connectPgSimple(session))({ pool, createTableIfMissing: true, pruneSessionInterval: false })
      await promisify(store.get.bind(store) as (id: string, done: (error: unknown) => void) => void)('makes the table')
      await pool.end()
      return { address: connectionString, close: stop }
    },
  },
  {
    name: 'files',
    isAtomic: false,
    async open() {
      const address = mkdtempSync(join(tmpdir(), 'holdfast-drill-'))
      return { address, close: async () => rmSync(address, { recursive: true, force: true }) }
    },
  },
]

/** A browser with a cookie jar, whose requests reach whichever process the load balancer chose. */
export class Agent {
  cookie: string | undefined

  async json(app: AppProcess, path: string): Promise<any> {
    const response = await app.get(path, this.cookie)
    this.#keep(response)
    if (response.status !== 200) throw new Error(`${path} responded with ${response.status}: ${response.body}`)
    return JSON.parse(response.body)
  }

  #keep({ cookies }: ClientResponse): void {
    const [cookie] = cookies
    if (cookie !== undefined) this.cookie = cookie.endsWith('=') ? undefined : cookie
  }
}
