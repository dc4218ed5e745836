import { SessionError } from '../../base/errors'
import { checkKeys, invalidOption } from '../../base/option-check'
import { isLive, retainUntil } from '../../session/lifetime'
import type { ChangeResult, FieldChanges, RecordChange, SessionRecord, StoredSession } from '../../session/record'
import { isNotifiable } from '../../session/record'
import { CallDeadline } from '../../base/call-deadline'
import type { DeleteConditions, DeleteResult, SessionStore, StoreListener } from '../../session/store'
import { needsExpressSession, offerJsonRecords } from '../json-records'
import { changeArguments, deleteArguments, fieldArguments, setsFieldsOnly } from './change-arguments'
import { claimScript } from './claim-script'
import { decodeRecord, decodeSession, encodeRecord, recordFields, toDigits, toFieldName, toWire } from './record-layout'
import { RedisJsonRecords } from './redis-json-records'
import type { RedisStoreClient } from './redis-link'
import { RedisEvents } from './redis-events'
import { isCluster, isReplyError, keyPrefixOf, RedisLink, type Script, tooLate } from './redis-link'
import { type ChangeScripts, changeScripts, deleteScript, insertScript, watchScript } from './scripts'
import { checkEviction } from './server-check'
import { type IndexEntry, isSameEntry, readMember, SubjectIndex } from './subject-index'

export interface RedisStoreOptions {
  /**
   * A client of the `redis` package, version 5 or 6, that the app has connected: `createClient()`, `createCluster()`,
   * `createClientPool()` or `createSentinel()`. The app keeps it, may use it for other things, and closes it; it must
   * have an `error` listener, as the package asks for. Redis 7.0 or later, or Valkey.
   */
  client: RedisStoreClient
  /**
   * What each key of the store starts with. Default `sess:`. Two apps on one Redis need two, or else they share their
   * users' sessions.
   */
  prefix?: string | undefined
  /**
   * How sessions are kept. Default `'holdfast'`: hashed ids, a field for each value, the sessions of each user.
   *
   * `'express-session'`: the records of express-session with connect-redis, a JSON text under the prefix and the id. Only
   * `holdfast/express-session` takes such a store, and it serves beside processes with express-session and connect-redis,
   * which see the same sessions. Against connect-redis itself as `store`, processes with this package also keep each
   * other's parallel writes. Ids are not hashed, and there are no lists of a user's sessions.
   */
  layout?: 'holdfast' | 'express-session' | undefined
}

const layouts: readonly unknown[] = ['holdfast', 'express-session']
/** How many sessions of a subject are read or written in one go: few enough that the commands of other clients, and the other
 * requests of this process, get their turn. */
const batch = 100
/** Seconds that a call may take whose caller says nothing: a day. */
const longestCall = 86_400

/**
 * Keeps sessions in Redis, so that all processes of an app share them and a restart loses none. Every promise of the
 * package holds between processes; a save is one atomic step on one key, so it holds on a Redis Cluster as well.
 *
 * A clean request costs one command, a change one more; a login, which also enters the session into its user's list, two
 * more. Nothing is ever searched for: no `KEYS`, no `SCAN`. Each key has a deadline from its first instant on.
 *
 * A key that holds something else, and a record that is damaged, is no session. When Redis fails or is away, a call
 * rejects with the client's error; around it the middleware makes that a 503. `close()` leaves the app's client open;
 * every later call throws `STORE_CLOSED`.
 *
 * Throws `INVALID_OPTION` for a `client` that is none, an unknown option, a `prefix` that is not text, or an unknown
 * `layout`; and for any use of a store with `layout: 'express-session'` but as `store` of `holdfast/express-session`.
 *
 * @example
 * const client = await createClient({ url: process.env.REDIS_URL }).on('error', console.error).connect()
 * app.use(sessionMiddleware({ store: new RedisStore({ client }) }))
 */
export class RedisStore implements SessionStore {
  readonly #link: RedisLink
  readonly #index: SubjectIndex
  readonly #events: RedisEvents
  readonly #prefix: string
  readonly #scripts: ChangeScripts
  readonly #layout: 'holdfast' | 'express-session'
  #isChecked = false
  #closed = false

  constructor(options: RedisStoreOptions) {
    checkKeys<RedisStoreOptions>('RedisStore: options', options, { client: true, prefix: true, layout: true })
    const { client, prefix = 'sess:', layout = 'holdfast' } = options
    if (typeof prefix !== 'string') throw invalidOption('RedisStore: prefix', prefix, 'text')
    if (!layouts.includes(layout)) {
      throw invalidOption('RedisStore: layout', layout, "'holdfast' or 'express-session'")
    }
    this.#layout = layout
    this.#link = new RedisLink(client)
    this.#prefix = keyPrefixOf(client) + prefix
    this.#scripts = changeScripts(Buffer.byteLength(this.#prefix), isCluster(client))
    this.#index = new SubjectIndex(this.#link, this.#prefix, isCluster(client))
    this.#events = new RedisEvents(client, this.#link, this.#prefix)
    if (layout === 'express-session') {
      offerJsonRecords(this, new RedisJsonRecords(this.#link, (id) => this.#openKey(id)))
    }
  }

  load(handle: string, now: number): Promise<StoredSession | undefined> {
    const key = this.#keyOf(handle)
    return this.#decode(this.#link.send(key, ['HGETALL', key]), now)
  }

  async #decode(reply: Promise<unknown>, now: number): Promise<StoredSession | undefined> {
    try {
      const session = decodeSession(await reply)
      return session === undefined || now >= retainUntil(session.record) ? undefined : session
    } catch (error) {
      absentWhenForeign(error)
      return undefined
    }
  }

  async insert(handle: string, session: StoredSession, _now: number, deadline = noDeadline()): Promise<void> {
    await this.#keep(insertScript, handle, session, deadline)
  }

  async claim(handle: string, session: StoredSession, _now: number, deadline = noDeadline()): Promise<boolean> {
    return (await this.#keep(claimScript, handle, session, deadline)) === 1
  }

  /** Resolves to the status of the script. */
  async #keep(script: Script, handle: string, session: StoredSession, deadline: CallDeadline): Promise<unknown> {
    const key = this.#keyOf(handle)
    const { record } = session
    const entry = this.#entryOf(record)
    const args = [toDigits(retainUntil(record)), ...encodeRecord(record, entry)]
    for (const [name, text] of session.fields) args.push(toFieldName(name), toWire(text))
    if (entry !== undefined) await this.#index.add(handle, entry, deadline)
    return (await this.#link.runWithin(deadline, script, key, args))[0]
  }

  change(handle: string, change: RecordChange, now: number, deadline = noDeadline()): Promise<ChangeResult> {
    if (!setsFieldsOnly(change)) return this.#changeAnything(handle, change, now, deadline)
    const args = fieldArguments(change, now, this.#index.isHealDue(handle, deadline.startedAt / 1000))
    const reply = this.#link.runWithin(deadline, this.#scripts.fields, this.#keyOf(handle), args)
    return this.#settleChange(handle, reply, now)
  }

  async #settleChange(handle: string, reply: Promise<readonly unknown[]>, now: number): Promise<ChangeResult> {
    const [status, watched, entry] = await reply
    if (status !== 1) return 'gone'
    this.#publish(handle, watched, now)
    if (isText(entry)) this.#index.heal(handle, entry)
    return 'stored'
  }

  async #changeAnything(
    handle: string,
    change: RecordChange,
    now: number,
    deadline: CallDeadline,
  ): Promise<ChangeResult> {
    const key = this.#keyOf(handle)
    const entry = this.#entryOf(change.bind)
    const args = changeArguments(change, now, entry)
    if (entry !== undefined) await this.#index.add(handle, entry, deadline)
    const [status, watched, other] = await this.#link.runWithin(deadline, this.#scripts.general, key, args)
    if (isNotifiable(change)) this.#publish(handle, watched, now)
    if (isText(other)) {
      if (change.bind === undefined) this.#index.heal(handle, other)
      // The login that this one replaces. One at the same instant has the same entry.
      else if (entry === undefined || !isSameEntry(entry, other)) this.#index.forget(handle, other)
    }
    if (status === 2) return 'renewed'
    return status === 1 ? 'stored' : 'gone'
  }

  async delete(handle: string, now: number, only?: DeleteConditions, deadline = noDeadline()): Promise<DeleteResult> {
    const key = this.#keyOf(handle)
    const args = deleteArguments(now, only)
    const [status, watched, entry] = await this.#link.runWithin(deadline, deleteScript, key, args)
    this.#publish(handle, watched, now)
    if (isText(entry)) this.#index.forget(handle, entry)
    if (status === 1) return 'ended'
    return status === 3 ? 'refused' : 'absent'
  }

  async list(subject: string, now: number, deadline = noDeadline()): Promise<ReadonlyMap<string, SessionRecord>> {
    this.#checkOpen()
    const live = new Map<string, SessionRecord>()
    const stale: string[] = []
    await this.#eachEntry(subject, 'together', deadline, async (entry) => {
      const record = await this.#readRecord(entry.handle)
      const bound = record?.subject === subject
      if (bound && isLive(record, now)) live.set(entry.handle, record)
      if (!bound && this.#index.isSettled(entry)) stale.push(entry.member)
    })
    this.#index.forgetMembers(subject, stale)
    return live
  }

  async deleteAll(subject: string, now: number, except?: string, deadline = noDeadline()): Promise<number> {
    this.#checkOpen()
    let ended = 0
    const stale: string[] = []
    await this.#eachEntry(subject, 'one by one', deadline, async (entry) => {
      if (entry.handle === except) return
      // A login on this handle since the index was read has another `createdAt`.
      const args = deleteArguments(now, { subject, createdAt: entry.boundAt }, this.#startOf(deadline))
      const [status, watched] = await this.#link.runWithin(deadline, deleteScript, this.#keyOf(entry.handle), args)
      this.#publish(entry.handle, watched, now)
      if (status === 1) ended++
      if (status === 1 || status === 2 || this.#index.isSettled(entry)) stale.push(entry.member)
    })
    this.#index.forgetMembers(subject, stale)
    return ended
  }

  async changeAll(subject: string, fields: FieldChanges, now: number, deadline = noDeadline()): Promise<number> {
    this.#checkOpen()
    let changed = 0
    const handles = new Set<string>()
    await this.#eachEntry(subject, 'one by one', deadline, async ({ handle }) => {
      if (handles.has(handle)) return
      handles.add(handle)
      const args = changeArguments({ fields }, now, undefined, { subject, boundBefore: this.#startOf(deadline) })
      const key = this.#keyOf(handle)
      const [status, watched] = await this.#link.runWithin(deadline, this.#scripts.general, key, args)
      this.#publish(handle, watched, now)
      if (status === 1) changed++
    })
    return changed
  }

  /** On a connection of its own, made from the client that the store was given; it recovers by itself, and says so. */
  subscribe(listener: StoreListener): () => void {
    this.#checkOpen()
    return this.#events.subscribe(listener)
  }

  /** One command, as `load`. The record keeps until when it is watched, so that a change of a session that is not
   * watched costs nothing, and of another one message more. */
  async watch(handle: string, now: number, until: number): Promise<StoredSession | undefined> {
    return this.#decode(this.#link.run(watchScript, this.#keyOf(handle), [toDigits(until)]), now)
  }

  close(): void {
    this.#closed = true
    this.#events.close()
  }

  /** @param watched Until when, in ms, the session is watched, as a script has replied. */
  #publish(handle: string, watched: unknown, now: number): void {
    if (typeof watched === 'string' && Number(watched) > now * 1000) this.#events.publish(handle)
  }

  #checkOpen(): void {
    if (this.#layout !== 'holdfast') throw needsExpressSession('RedisStore')
    this.#checkNotClosed()
  }

  #checkNotClosed(): void {
    if (this.#closed) throw new SessionError('STORE_CLOSED', 'RedisStore was used after close(); close it last')
  }

  #keyOf(handle: string): string {
    this.#checkOpen()
    return this.#openKey(handle)
  }

  /** A key of either layout. */
  #openKey(name: string): string {
    this.#checkNotClosed()
    if (!this.#isChecked) {
      this.#isChecked = true
      // With the first command and not in the constructor: an app may make the store before it connects the client.
      void checkEviction(this.#link)
    }
    return this.#prefix + name
  }

  async #readRecord(handle: string): Promise<SessionRecord | undefined> {
    const key = this.#keyOf(handle)
    const reply = await this.#link.send(key, ['HMGET', key, ...recordFields]).catch(absentWhenForeign)
    return Array.isArray(reply) ? decodeRecord(reply as (string | null)[]) : undefined
  }

  /**
   * Acts on each entry of a subject, page by page of the index, and batch by batch.
   *
   * @param batches `together`: a batch does not wait for the replies of the one before, so all of a page take one round
   *   trip. `one by one`: it does, so that writes stop when the caller waits no longer.
   */
  async #eachEntry(
    subject: string,
    batches: 'together' | 'one by one',
    deadline: CallDeadline,
    act: (entry: IndexEntry) => Promise<void>,
  ): Promise<void> {
    for await (const members of this.#index.pages(subject)) {
      const running: Promise<unknown>[] = []
      for (let i = 0; i < members.length; i += batch) {
        if (deadline.isOver) throw tooLate()
        const acts = Promise.all(
          members
            .slice(i, i + batch)
            .flatMap(readMember)
            .map(act),
        )
        if (batches === 'one by one') await acts
        else {
          running.push(acts)
          acts.catch(() => undefined)
          await new Promise((resolve) => setImmediate(resolve))
        }
      }
      await Promise.all(running)
    }
  }

  /** When a call began, in ms of the server's clock. */
  #startOf({ startedAt }: CallDeadline): number | undefined {
    return this.#link.clock.latest(startedAt)
  }

  /** The entry of the index that a record, or a binding, has; undefined without a subject. */
  #entryOf(bound: RecordChange['bind']): string | undefined {
    const subject = bound?.subject
    if (bound === undefined || subject === undefined) return undefined
    return this.#index.entryOf(subject, bound.createdAt, bound.expiresAt)
  }
}

/** For a caller that gave no time limit. */
function noDeadline(): CallDeadline {
  return new CallDeadline(longestCall)
}

function isText(part: unknown): part is string {
  return typeof part === 'string' && part !== ''
}

/** A key of another type holds no session. */
function absentWhenForeign(error: unknown): undefined {
  if (!isReplyError(error, 'WRONGTYPE')) throw error
}
