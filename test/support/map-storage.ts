import type { UserSessionMetaData, UserSessionStorage } from '../../lib'

type Method = keyof UserSessionStorage

export interface MapStorageOptions {
  /** Unix seconds: drops sessions at their `ttl`. Default: never drops one, as a storage of an app that forgot to. */
  clock?: () => number
  /** Gives results at once instead of promises. */
  sync?: boolean
  /** `updateAccessedAt` gives false where it changed nothing. */
  decides?: boolean
  /** `deleteAll` gives how many sessions it deleted. */
  counts?: boolean
}

/** A storage with the six methods, as an app might write it, that a test can make fail, and whose rows it can read.
 * Two over the same `rows` are two processes over one database. */
export class MapStorage implements UserSessionStorage {
  readonly rows: Map<string, Map<string, { metaData: UserSessionMetaData; until: number }>>
  /** Calls so far: the method and its arguments. */
  readonly calls: [Method, ...unknown[]][] = []
  /** Called before each call takes effect: throw to make it fail, give a promise to hold it up. */
  before: (method: Method) => unknown = () => undefined
  readonly #options: MapStorageOptions

  constructor(options: MapStorageOptions = {}, rows: MapStorage['rows'] = new Map()) {
    this.#options = options
    this.rows = rows
  }

  count(method: Method): number {
    return this.calls.filter(([name]) => name === method).length
  }

  /** What is kept, whatever its deadline. */
  kept(subject: string): Map<string, UserSessionMetaData> {
    return new Map([...(this.rows.get(subject) ?? [])].map(([id, { metaData }]) => [id, metaData]))
  }

  insert(subject: string, id: string, metaData: UserSessionMetaData, ttl: number) {
    return this.#call('insert', [subject, id, metaData, ttl], () => {
      if (!Number.isInteger(ttl) || ttl < 1) throw new RangeError('ttl must be whole seconds')
      const sessions = this.rows.get(subject) ?? new Map()
      this.rows.set(subject, sessions)
      sessions.set(id, { metaData, until: this.#options.clock === undefined ? Infinity : this.#now + ttl })
    })
  }

  read(subject: string, id: string) {
    return this.#call('read', [subject, id], () => {
      const row = this.rows.get(subject)?.get(id)
      return row !== undefined && this.#now < row.until ? row.metaData : null
    })
  }

  readAll(subject: string) {
    return this.#call('readAll', [subject], () => {
      const rows = [...(this.rows.get(subject) ?? [])].filter(([, { until }]) => this.#now < until)
      return new Map(rows.map(([id, { metaData }]) => [id, metaData]))
    })
  }

  updateAccessedAt(subject: string, id: string, metaData: UserSessionMetaData) {
    return this.#call('updateAccessedAt', [subject, id, metaData], () => {
      const row = this.rows.get(subject)?.get(id)
      if (row === undefined || (this.#options.decides && row.metaData.accessedAt < 0)) {
        return this.#options.decides ? false : undefined
      }
      row.metaData = metaData
      return undefined
    })
  }

  delete(subject: string, id: string) {
    return this.#call('delete', [subject, id], () => {
      this.rows.get(subject)?.delete(id)
    })
  }

  deleteAll(subject: string) {
    return this.#call('deleteAll', [subject], () => {
      const count = this.rows.get(subject)?.size ?? 0
      this.rows.delete(subject)
      return this.#options.counts === false ? undefined : count
    })
  }

  get #now(): number {
    return this.#options.clock?.() ?? 0
  }

  #call<T>(method: Method, args: unknown[], effect: () => T): T | Promise<T> {
    this.calls.push([method, ...args])
    const held = this.before(method)
    if (this.#options.sync) return effect()
    return Promise.resolve(held).then(effect)
  }
}
