import { randomBytes } from 'node:crypto'
import type { Awaitable } from '../base/awaitable'
import { CallDeadline } from '../base/call-deadline'
import { SessionError } from '../base/errors'
import { parseValue } from '../session/json-value'
import { CallGuard, storeFailure, storeTimeout } from '../stores/call-guard'
import { HandleQueue, type Turn } from '../stores/express-session/handle-queue'
import type { CompareResult, JsonRecords } from '../stores/json-records'
import type { Cookie } from './cookie'
import { type OldPlace, type Removal, type Snapshot, snapshotOf } from './old-place'
import { type Data, isData, refreshed, sessionIn, takenId } from './record-data'
import { accessIntervalOf, type NewSession, secondsOfADay, type SessionUpdate, type StoredSession } from './records'
import { textsOf } from './value-texts'

/** What middlewares over the same store object share, so that they are one as to order. */
const queueOf = new WeakMap<JsonRecords, HandleQueue>()

/** One try of a change: what it makes of the record that is there now. */
type Attempt = (data: Data, text: string) => Promise<CompareResult>

/**
 * Records of express-session as connect-redis writes them, by compare-and-set: `{"cookie":…,…values}` under the id. So
 * express-session with connect-redis and this package can serve from one Redis side by side, and processes of this package
 * keep each other's parallel writes.
 *
 * A change is read, applied to the keys that it has, and stored where the text still is the one that was read; otherwise
 * it is applied to the other text, within the time limit of the call. A record that is not there is never made by a
 * change, so an ended session stays ended.
 *
 * The key's own deadline says when a session ends, never `expires` in the text: connect-redis moves the deadline alone.
 */
export class JsonTextRecords implements OldPlace {
  readonly #texts: JsonRecords
  readonly #guard: CallGuard
  readonly #limit: number
  readonly #ttl: number
  readonly #queue: HandleQueue

  /** @param storeTimeout Seconds that a call may take. @param ttl Seconds that a session lasts without `maxAge`. */
  constructor(texts: JsonRecords, storeTimeout: number, ttl = secondsOfADay) {
    this.#texts = texts
    this.#guard = new CallGuard(storeTimeout)
    this.#limit = storeTimeout
    this.#ttl = ttl
    this.#queue = queueOf.get(texts) ?? new HandleQueue()
    queueOf.set(texts, this.#queue)
  }

  async load(id: string): Promise<StoredSession | undefined> {
    return sessionIn(parse(await this.#guard.run('load', () => this.#texts.load(id))))
  }

  create(id: string, session: NewSession, isGiven: boolean): Awaitable<void> {
    const text = textOfNew(session)
    return this.#inTurn('create', id, async (_turn, deadline) => {
      const isStored = await this.#texts.insert(id, text, this.#lifetimeOf(session.cookie), isGiven, deadline)
      if (!isStored) throw isGiven ? takenId() : keyInUse()
    })
  }

  update(id: string, { set, remove, cookie, cookieChanged }: SessionUpdate): Awaitable<boolean> {
    return this.#inTurn('update', id, (turn, deadline) =>
      this.#attempt(id, turn, deadline, async (data, before) => {
        const copy = refreshed(data, cookieChanged ? cookie : undefined)
        if (copy === undefined) return 'absent'
        const texts = new Map<string, string>()
        for (const key of Object.keys(copy)) if (key !== 'cookie') texts.set(key, JSON.stringify(copy[key]))
        for (const key of remove) texts.delete(key)
        for (const [key, { text }] of set) texts.set(key, text)
        const after = textOf(copy.cookie, texts)
        return this.#texts.replace(id, before, after, this.#lifetimeOf(copy.cookie), deadline)
      }),
    )
  }

  recordAccess(id: string): Awaitable<boolean> {
    return this.#inTurn('recordAccess', id, (turn, deadline) =>
      // With the lifetime that the record has now: a parallel request may have made it longer.
      this.#attempt(id, turn, deadline, async (data, text) => {
        const copy = refreshed(data, undefined)
        if (copy === undefined) return 'absent'
        return this.#texts.extend(id, text, this.#lifetimeOf(copy.cookie), deadline)
      }),
    )
  }

  end(id: string): Awaitable<void> {
    return this.#inTurn('end', id, (_turn, deadline) => this.#texts.delete(id, deadline))
  }

  async snapshot(id: string): Promise<Snapshot | undefined> {
    const text = await this.#guard.run('load', () => this.#texts.load(id))
    return snapshotOf(parse(text), text)
  }

  removeUnchanged(id: string, { text }: Snapshot): Promise<Removal> {
    return this.#inTurn('end', id, async (_turn, deadline) => {
      // With no lifetime: it ends in place of being stored.
      const result = await this.#texts.replace(id, text, text, 0, deadline)
      if (result === 'stored') return 'removed'
      return result === 'absent' ? result : (snapshotOf(parse(result.other), result.other) ?? 'absent')
    })
  }

  putUnchanged(id: string, session: NewSession, before: Snapshot | undefined): Promise<boolean> {
    // A session that comes back may read as it did before it moved. Blanks, which JSON ignores, make the text another one: so
    // a process that is still to remove the one from before does not remove this one.
    const text = textOfNew(session) + randomBlanks()
    const lifetime = this.#lifetimeOf(session.cookie)
    return this.#inTurn('put', id, async (_turn, deadline) =>
      before === undefined
        ? this.#texts.insert(id, text, lifetime, true, deadline)
        : (await this.#texts.replace(id, before.text, text, lifetime, deadline)) === 'stored',
    )
  }

  accessInterval(lifetime: number = this.#ttl): number {
    return accessIntervalOf(lifetime)
  }

  async #attempt(id: string, turn: Turn, deadline: CallDeadline, attempt: Attempt): Promise<boolean> {
    let text = await this.#texts.load(id)
    while (turn.held && !deadline.isOver) {
      const data = parse(text)
      if (data === undefined || text === undefined) return false
      const result = await attempt(data, text)
      if (result === 'stored') return true
      // Other bytes that read the same are not UTF-8: damaged, and never the text that was read.
      if (result === 'absent' || result.other === text) return false
      text = result.other
    }
    throw storeTimeout()
  }

  /** Between processes the comparison makes the order; within one the queue spares the tries that would fail. */
  #inTurn<T>(operation: string, id: string, task: (turn: Turn, deadline: CallDeadline) => Promise<T>): Promise<T> {
    const deadline = new CallDeadline(this.#limit)
    return this.#queue
      .run(id, this.#limit, (turn) => task(turn, deadline))
      .catch((cause: unknown) => {
        throw storeFailure(operation, cause)
      })
  }

  /** Seconds, as connect-redis counts them. */
  #lifetimeOf({ maxAge }: Cookie): number {
    return typeof maxAge === 'number' && Number.isFinite(maxAge) ? Math.ceil(maxAge / 1000) : this.#ttl
  }
}

function parse(text: string | undefined): Data | undefined {
  const data = text === undefined ? undefined : parseValue(text)
  return isData(data) ? data : undefined
}

function textOfNew({ cookie, values }: NewSession): string {
  return textOf(cookie, textsOf(values))
}

function textOf(cookie: Cookie, values: ReadonlyMap<string, string>): string {
  const parts = [`"cookie":${JSON.stringify(cookie)}`]
  for (const [key, text] of values) parts.push(`${JSON.stringify(key)}:${text}`)
  return `{${parts.join(',')}}`
}

function randomBlanks(): string {
  return Array.from(randomBytes(16), (byte) => (byte < 128 ? ' ' : '\t')).join('')
}

function keyInUse(): SessionError {
  return new SessionError(
    'STORE_UNAVAILABLE',
    'the key of a new session holds something else; give the RedisStore a prefix that nothing else uses',
  )
}
