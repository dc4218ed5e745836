import { type Clock, systemClock } from '../base/clock'
import { SessionError } from '../base/errors'
import { checkFunction, checkKeys, invalidOption, type KeysOf } from '../base/option-check'
import { startTimer } from '../base/timers'
import { warnRarely } from '../base/warnings'
import { isLive, retainUntil } from '../session/lifetime'
import {
  changeRecord,
  type ChangeResult,
  type FieldChanges,
  isNotifiable,
  isRenewed,
  type RecordChange,
  type SessionRecord,
  type StoredSession,
} from '../session/record'
import {
  type DeleteConditions,
  type DeleteResult,
  meetsConditions,
  type SessionStore,
  type StoreListener,
} from '../session/store'
import { DeadlineHeap } from './memory/deadline-heap'
import { IntColumn } from './memory/int-column'
import { bytesOfText, changeFields } from './memory/kept-fields'
import { contextText, type KeptSession, keptSession, listedRecord, storedSession } from './memory/kept-session'
import { SessionTable } from './memory/session-table'
import { StoreListeners } from './store-listeners'

export interface MemoryStoreOptions {
  /**
   * How many sessions are kept at the most; a whole number, at least 1. Default 100 000: some 25 MB of small sessions. One
   * more evicts the anonymous session that would have expired first; one that a user is signed in to leaves only for
   * another login, when there is no anonymous one. So a flood of visitors costs a bounded amount of memory, and signs no
   * user out: when all that is kept are logins, a visitor's session is refused with `STORE_UNAVAILABLE`. The first live
   * session that is evicted is reported with the warning `HOLDFAST_MEMORY_STORE_FULL`.
   */
  maxSessions?: number | undefined
  /**
   * How many bytes all sessions may take together, by an estimate: the UTF-8 bytes of what they hold, and 400 for each,
   * which is more than its tables take. A whole number, at least 1. Default 268 435 456 (256 MiB): less than the heap that
   * Node has on the smallest machines, where sessions of more than 1000 characters are kept.
   * More evicts as `maxSessions` does; a single session that is larger is refused with `SESSION_TOO_LARGE`.
   */
  maxTotalBytes?: number | undefined
  /** Unix seconds. Default: the machine's clock. Give the same to `sessionMiddleware` when a test turns it. */
  clock?: Clock | undefined
}

const optionKeys: KeysOf<MemoryStoreOptions> = { maxSessions: true, maxTotalBytes: true, clock: true }

/** Seconds between two sweeps, at least: sessions that end one after the other are dropped together. */
const sweepInterval = 1
/** Milliseconds that one slice of a sweep takes, however many sessions have expired; then requests have their turn. */
const sliceLength = 4
/** Sessions that are dropped between two readings of the clock. */
const sliceStep = 32

/**
 * Keeps sessions in the memory of this process: for development, tests, and an app that is one process and may forget
 * its sessions at a restart. Every promise of the package holds within the process.
 *
 * Bounded in number and in bytes (see `maxSessions`, `maxTotalBytes`); expired sessions leave by themselves, in slices of
 * a few milliseconds; its timer never keeps the process alive. Values are kept serialized, so nothing is shared with the
 * app; small sessions outside V8's heap, so that a million of them do not lengthen its collections. After `close()` it is empty and every call throws `STORE_CLOSED`.
 */
export class MemoryStore implements SessionStore {
  readonly #maxSessions: number
  readonly #maxTotalBytes: number
  readonly #clock: Clock
  #sessions = new SessionTable()
  #places = new IntColumn()
  #anonymous = new DeadlineHeap(this.#places)
  #signedIn = new DeadlineHeap(this.#places)
  readonly #listeners = new StoreListeners()
  #bytes = 0
  #timer: NodeJS.Timeout | undefined
  #timerDue = Infinity
  #closed = false

  /** @throws SessionError `INVALID_OPTION`, at once. */
  constructor(options: MemoryStoreOptions = {}) {
    checkKeys<MemoryStoreOptions>('MemoryStore options', options, optionKeys)
    const { maxSessions = 100_000, maxTotalBytes = 2 ** 28, clock = systemClock } = options
    checkLimit('maxSessions', maxSessions)
    checkLimit('maxTotalBytes', maxTotalBytes)
    checkFunction('MemoryStore: clock', clock)
    this.#maxSessions = maxSessions
    this.#maxTotalBytes = maxTotalBytes
    this.#clock = clock
  }

  /** How many sessions are kept now. */
  get size(): number {
    return this.#sessions.size
  }

  load(handle: string, now: number): StoredSession | undefined {
    this.#checkOpen()
    const kept = this.#sessions.find(handle)
    if (kept === undefined) return undefined
    if (now >= retainUntil(kept.record)) {
      this.#drop(kept)
      return undefined
    }
    return storedSession(kept)
  }

  insert(handle: string, session: StoredSession, now = this.#clock()): void {
    this.#checkOpen()
    const before = this.#sessions.find(handle)
    if (before !== undefined) this.#drop(before)
    const kept = keptSession(handle, session)
    this.#makeRoom(kept.bytes, 1, kept.record.subject !== undefined, now)
    this.#sessions.add(kept)
    this.#bytes += kept.bytes
    this.#enlist(kept)
  }

  claim(handle: string, session: StoredSession, now: number): boolean {
    this.#checkOpen()
    const before = this.#sessions.find(handle)
    if (before !== undefined && now < retainUntil(before.record)) return false
    this.insert(handle, session, now)
    return true
  }

  change(handle: string, change: RecordChange, now: number): ChangeResult {
    this.#checkOpen()
    const kept = this.#sessions.find(handle)
    if (kept === undefined || !isLive(kept.record, now)) return 'gone'
    const record = changeRecord(kept.record, change)
    if (record === undefined) return 'gone'
    const context = change.bind === undefined ? kept.context : contextText(change.bind)
    const { fields, growth } = changeFields(kept.fields, change.fields)
    const bytes = kept.bytes + growth + bytesOfText(context) - bytesOfText(kept.context)
    if (bytes > kept.bytes && this.#bytes + bytes - kept.bytes > this.#maxTotalBytes) {
      this.#makeRoomToGrow(kept, bytes, record.subject !== undefined, now)
      // Listeners have learned of what was evicted, and may have called.
      return this.change(handle, change, now)
    }
    this.#bytes += bytes - kept.bytes
    const changed: KeptSession = { row: kept.row, handle: kept.handle, record, context, fields, bytes }
    const isMoved = record.subject !== kept.record.subject
    if (isMoved) this.#heapOf(kept).delete(kept.row)
    this.#sessions.replace(kept, changed)
    if (isMoved) this.#enlist(changed)
    else this.#moveDeadline(changed)
    if (isNotifiable(change)) this.#listeners.notify(handle)
    return isRenewed(kept.record, change) ? 'renewed' : 'stored'
  }

  delete(handle: string, now: number, only?: DeleteConditions): DeleteResult {
    this.#checkOpen()
    const kept = this.#sessions.find(handle)
    if (kept === undefined) return 'absent'
    const wasLive = isLive(kept.record, now)
    if (!meetsConditions(kept.record, only)) return wasLive ? 'refused' : 'absent'
    this.#drop(kept)
    return wasLive ? 'ended' : 'absent'
  }

  list(subject: string, now: number): ReadonlyMap<string, SessionRecord> {
    this.#checkOpen()
    const live = this.#sessions.ofSubject(subject).filter(({ record }) => isLive(record, now))
    return new Map(live.map((kept) => [kept.handle, listedRecord(kept)]))
  }

  deleteAll(subject: string, now: number, except?: string): number {
    this.#checkOpen()
    let ended = 0
    for (const { handle } of this.#sessions.ofSubject(subject)) {
      if (handle !== except && this.delete(handle, now) === 'ended') ended++
    }
    return ended
  }

  changeAll(subject: string, changes: FieldChanges, now: number): number {
    this.#checkOpen()
    let changed = 0
    for (const { handle } of this.#sessions.ofSubject(subject)) {
      if (this.change(handle, { fields: changes }, now) !== 'gone') changed++
    }
    return changed
  }

  /** Notifies of every session that is changed or dropped, an evicted one included, within the call that did it. */
  subscribe(listener: StoreListener): () => void {
    this.#checkOpen()
    return this.#listeners.add(listener)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sessions = new SessionTable()
    this.#places = new IntColumn()
    this.#anonymous = new DeadlineHeap(this.#places)
    this.#signedIn = new DeadlineHeap(this.#places)
    this.#listeners.clear()
  }

  #checkOpen(): void {
    if (this.#closed) throw new SessionError('STORE_CLOSED', 'MemoryStore was used after close(); close it last')
  }

  #heapOf({ record }: KeptSession): DeadlineHeap {
    return record.subject === undefined ? this.#anonymous : this.#signedIn
  }

  #enlist(kept: KeptSession): void {
    const deadline = retainUntil(kept.record)
    this.#heapOf(kept).add(kept.row, deadline)
    if (deadline < this.#timerDue) this.#schedule()
  }

  #moveDeadline(kept: KeptSession): void {
    const deadline = retainUntil(kept.record)
    this.#heapOf(kept).move(kept.row, deadline)
    if (deadline < this.#timerDue) this.#schedule()
  }

  #drop(kept: KeptSession): void {
    this.#heapOf(kept).delete(kept.row)
    this.#sessions.delete(kept)
    this.#bytes -= kept.bytes
    this.#listeners.notify(kept.handle)
  }

  /** Evicts others until a session may grow to so many bytes. */
  #makeRoomToGrow(kept: KeptSession, bytes: number, signedIn: boolean, now: number): void {
    if (bytes > this.#maxTotalBytes) throw tooLarge()
    this.#heapOf(kept).move(kept.row, Infinity)
    try {
      this.#makeRoom(bytes - kept.bytes, 0, signedIn, now, kept.row)
    } finally {
      const still = this.#sessions.find(kept.handle)
      if (still !== undefined) this.#moveDeadline(still)
    }
  }

  /** Evicts until there is room, or throws and evicts no login for an anonymous session.
   *
   * @param except A row that stays. */
  #makeRoom(bytes: number, sessions: 0 | 1, signedIn: boolean, now: number, except = 0): void {
    if (bytes > this.#maxTotalBytes) throw tooLarge()
    while (this.size + sessions > this.#maxSessions || this.#bytes + bytes > this.#maxTotalBytes) {
      const row = this.#nextToEvict(signedIn, now, except)
      if (row === 0) throw full()
      const next = this.#sessions.read(row)
      if (isLive(next.record, now)) warnRarely('HOLDFAST_MEMORY_STORE_FULL')
      this.#drop(next)
    }
  }

  /** What has expired, then anonymous sessions, then, for a login only, logins; of each the earliest deadline first. */
  #nextToEvict(signedIn: boolean, now: number, except: number): number {
    const { first: visitor } = this.#anonymous
    const { first: login, firstDeadline } = this.#signedIn
    if (firstDeadline <= now) return login
    if (visitor !== 0 && visitor !== except) return visitor
    return signedIn ? login : 0
  }

  #nextDeadline(): number {
    return Math.min(this.#anonymous.firstDeadline, this.#signedIn.firstDeadline)
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#timerDue = this.#nextDeadline()
    if (this.#timerDue === Infinity) return
    this.#timer = startTimer(Math.max(sweepInterval, this.#timerDue - this.#clock()), () => this.#sweep())
    this.#timer.unref()
  }

  #sweep(): void {
    const now = this.#clock()
    const end = performance.now() + sliceLength
    do {
      for (let step = 0; step < sliceStep; step++) {
        const heap = this.#anonymous.firstDeadline <= now ? this.#anonymous : this.#signedIn
        const { first, firstDeadline } = heap
        if (first === 0 || firstDeadline > now) {
          this.#schedule()
          return
        }
        this.#drop(this.#sessions.read(first))
      }
    } while (performance.now() < end)
    this.#timer = setTimeout(() => this.#sweep(), 1)
    this.#timer.unref()
  }
}

function checkLimit(name: string, value: unknown): void {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return
  throw invalidOption(`MemoryStore: ${name}`, value, 'a whole number of at least 1')
}

function tooLarge(): SessionError {
  return new SessionError(
    'SESSION_TOO_LARGE',
    'MemoryStore: one session is larger than maxTotalBytes; keep less in it, or raise the limit',
  )
}

function full(): SessionError {
  return new SessionError(
    'STORE_UNAVAILABLE',
    'MemoryStore is full of sessions that users are signed in to, so a new anonymous one is refused; raise maxSessions or maxTotalBytes',
  )
}
