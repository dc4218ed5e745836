import { UserSessionManager, type UserSessionMetaData, type UserSessionStorage } from 'holdfast'

interface Row {
  metaData: UserSessionMetaData
  /** Unix milliseconds. */
  readonly dropAt: number
}

const sweepEvery = 60_000

/**
 * The six methods in the memory of one process: what a storage has to do, and no more. As in `sql-storage.ts` an id is
 * not kept, only its hash: who gets to see the storage, or what `readAll` gives, can open no session.
 */
export class MemoryUserSessionStorage implements UserSessionStorage {
  readonly #sessions = new Map<string, Map<string, Row>>()
  readonly #sweeper = setInterval(() => this.#sweep(), sweepEvery).unref()

  insert(subject: string, id: string, metaData: UserSessionMetaData, ttl: number): void {
    const rows = this.#sessions.get(subject) ?? new Map<string, Row>()
    this.#sessions.set(subject, rows)
    rows.set(UserSessionManager.hash(id), { metaData, dropAt: Date.now() + ttl * 1000 })
  }

  read(subject: string, id: string): UserSessionMetaData | undefined {
    return this.#find(subject, id)?.metaData
  }

  readAll(subject: string): ReadonlyMap<string, UserSessionMetaData> {
    const rows = [...(this.#sessions.get(subject) ?? [])].filter(([, { dropAt }]) => Date.now() < dropAt)
    return new Map(rows.map(([name, { metaData }]) => [name, metaData]))
  }

  updateAccessedAt(subject: string, id: string, metaData: UserSessionMetaData): boolean {
    const row = this.#find(subject, id)
    // Renewed already, and marked so: the mark stays.
    if (row === undefined || row.metaData.accessedAt < 0) return false
    row.metaData = metaData
    return true
  }

  /** Takes an id, or what `readAll` calls the session. */
  delete(subject: string, id: string): void {
    const rows = this.#sessions.get(subject)
    rows?.delete(UserSessionManager.hash(id))
    rows?.delete(id)
  }

  deleteAll(subject: string): number {
    const { size } = this.readAll(subject)
    this.#sessions.delete(subject)
    return size
  }

  close(): void {
    clearInterval(this.#sweeper)
    this.#sessions.clear()
  }

  #find(subject: string, id: string): Row | undefined {
    const row = this.#sessions.get(subject)?.get(UserSessionManager.hash(id))
    return row !== undefined && Date.now() < row.dropAt ? row : undefined
  }

  #sweep(): void {
    const now = Date.now()
    for (const [subject, rows] of this.#sessions) {
      for (const [name, { dropAt }] of rows) if (now >= dropAt) rows.delete(name)
      if (rows.size === 0) this.#sessions.delete(subject)
    }
  }
}
