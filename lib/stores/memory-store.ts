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
import { bytesOfText, changeFields } from './memory/kept-fields'
import { contextText, KeptSession } from './memory/kept-session'
import { ShardedMap } from './memory/sharded-map'
import { SubjectTable } from './memory/subject-table'
import { StoreListeners } from './store-listeners'

export interface MemoryStoreOptions {
  /**
   * How many sessions are kept at the most; a whole number, at least 1. Default 100 000: some 40 MB of small sessions. One
   * more evicts the anonymous session that would have expired first; one that a user is signed in to leaves only for
   * another login, when there is no anonymous one. So a flood of visitors costs a bounded amount of memory, and signs no
   * user out: when all that is kept are logins, a visitor's session is refused with `STORE_UNAVAILABLE`. The first live
   * session that is evicted is reported with the warning `HOLDFAST_MEMORY_STORE_FULL`.
   */
  maxSessions?: number | undefined
  /**
   * How many bytes all sessions may take together, by an estimate: the UTF-8 bytes of what they hold, and 400 for each. A
   * whole number, at least 1. Default 268 435 456 (256 MiB): less than the heap that Node has on the smallest machines.
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
 * app. After `close()` it is empty and every call throws `STORE_CLOSED`.
 */
export class MemoryStore implements SessionStore {
  readonly #maxSessions: number
  readonly #maxTotalBytes: number
  readonly #clock: Clock
  readonly #sessions = new ShardedMap<KeptSession>()
  readonly #ofSubjects = new SubjectTable<KeptSession>()
  readonly #anonymous = new DeadlineHeap<KeptSession>()
  readonly #signedIn = new DeadlineHeap<KeptSession>()
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
    const kept = this.#sessions.get(handle)
    if (kept === undefined) return undefined
    if (now >= retainUntil(kept)) {
      this.#drop(kept)
      return undefined
    }
    return kept.toStored()
  }

  insert(handle: string, session: StoredSession, now = this.#clock()): void {
    this.#checkOpen()
    const before = this.#sessions.get(handle)
    if (before !== undefined) this.#drop(before)
    const kept = new KeptSession(handle, session)
    this.#makeRoom(kept.bytes, 1, kept.subject !== undefined, now)
    this.#sessions.set(kept.handle, kept)
    this.#bytes += kept.bytes
    this.#enlist(kept)
  }

  claim(handle: string, session: StoredSession, now: number): boolean {
    this.#checkOpen()
    const before = this.#sessions.get(handle)
    if (before !== undefined && now < retainUntil(before)) return false
    this.insert(handle, session, now)
    return true
  }

  change(handle: string, change: RecordChange, now: number): ChangeResult {
    this.#checkOpen()
    const kept = this.#liveSession(handle, now)
    if (kept === undefined) return 'gone'
    const before = kept.recordWith(undefined)
    const record = changeRecord(before, change)
    if (record === undefined) return 'gone'
    const context = change.bind === undefined ? kept.context : contextText(change.bind)
    const { fields, growth } = changeFields(kept.fields, change.fields)
    this.#grow(kept, growth + bytesOfText(context) - bytesOfText(kept.context), record.subject !== undefined, now)
    const isMoved = record.subject !== before.subject
    if (isMoved) this.#delist(kept)
    kept.replace(record, fields, context)
    if (isMoved) this.#enlist(kept)
    else this.#moveDeadline(kept)
    if (isNotifiable(change)) this.#listeners.notify(handle)
    return isRenewed(before, change) ? 'renewed' : 'stored'
  }

  delete(handle: string, now: number, only?: DeleteConditions): DeleteResult {
    this.#checkOpen()
    const kept = this.#sessions.get(handle)
    if (kept === undefined) return 'absent'
    const wasLive = isLive(kept, now)
    if (!meetsConditions(kept.recordWith(undefined), only)) return wasLive ? 'refused' : 'absent'
    this.#drop(kept)
    return wasLive ? 'ended' : 'absent'
  }

  list(subject: string, now: number): ReadonlyMap<string, SessionRecord> {
    this.#checkOpen()
    const live = this.#ofSubjects.of(subject).filter((kept) => isLive(kept, now))
    return new Map(live.map((kept) => [kept.handle, kept.toRecord()]))
  }

  deleteAll(subject: string, now: number, except?: string): number {
    this.#checkOpen()
    let ended = 0
    for (const { handle } of this.#ofSubjects.of(subject)) {
      if (handle !== except && this.delete(handle, now) === 'ended') ended++
    }
    return ended
  }

  changeAll(subject: string, changes: FieldChanges, now: number): number {
    this.#checkOpen()
    let changed = 0
    for (const { handle } of this.#ofSubjects.of(subject)) {
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
    this.#sessions.clear()
    this.#ofSubjects.clear()
    this.#anonymous.clear()
    this.#signedIn.clear()
    this.#listeners.clear()
  }

  #checkOpen(): void {
    if (this.#closed) throw new SessionError('STORE_CLOSED', 'MemoryStore was used after close(); close it last')
  }

  #liveSession(handle: string, now: number): KeptSession | undefined {
    const kept = this.#sessions.get(handle)
    return kept !== undefined && isLive(kept, now) ? kept : undefined
  }

  #heapOf({ subject }: KeptSession): DeadlineHeap<KeptSession> {
    return subject === undefined ? this.#anonymous : this.#signedIn
  }

  #enlist(kept: KeptSession): void {
    const deadline = retainUntil(kept)
    this.#heapOf(kept).add(kept, deadline)
    if (kept.subject !== undefined) this.#ofSubjects.add(kept.subject, kept)
    if (deadline < this.#timerDue) this.#schedule()
  }

  #delist(kept: KeptSession): void {
    this.#heapOf(kept).delete(kept)
    const { subject } = kept
    if (subject !== undefined) this.#ofSubjects.delete(subject, kept)
  }

  #moveDeadline(kept: KeptSession): void {
    const deadline = retainUntil(kept)
    this.#heapOf(kept).move(kept, deadline)
    if (deadline < this.#timerDue) this.#schedule()
  }

  #drop(kept: KeptSession): void {
    this.#delist(kept)
    this.#sessions.delete(kept.handle)
    this.#bytes -= kept.bytes
    this.#listeners.notify(kept.handle)
  }

  /** Counts what a session is about to grow by; the session itself is not evicted for that. */
  #grow(kept: KeptSession, growth: number, signedIn: boolean, now: number): void {
    if (growth > 0 && this.#bytes + growth > this.#maxTotalBytes) {
      if (kept.bytes + growth > this.#maxTotalBytes) throw tooLarge()
      const heap = this.#heapOf(kept)
      heap.delete(kept)
      try {
        this.#makeRoom(growth, 0, signedIn, now)
      } finally {
        heap.add(kept, retainUntil(kept))
      }
    }
    kept.bytes += growth
    this.#bytes += growth
  }

  /** Evicts until there is room, or throws and evicts no login for an anonymous session. */
  #makeRoom(bytes: number, sessions: 0 | 1, signedIn: boolean, now: number): void {
    if (bytes > this.#maxTotalBytes) throw tooLarge()
    while (this.size + sessions > this.#maxSessions || this.#bytes + bytes > this.#maxTotalBytes) {
      const next = this.#nextToEvict(signedIn, now)
      if (next === undefined) throw full()
      if (isLive(next, now)) warnRarely('HOLDFAST_MEMORY_STORE_FULL')
      this.#drop(next)
    }
  }

  /** What has expired, then anonymous sessions, then, for a login only, logins; of each the earliest deadline first. */
  #nextToEvict(signedIn: boolean, now: number): KeptSession | undefined {
    if (this.#signedIn.firstDeadline <= now) return this.#signedIn.first
    return this.#anonymous.first ?? (signedIn ? this.#signedIn.first : undefined)
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
        if (first === undefined || firstDeadline > now) {
          this.#schedule()
          return
        }
        this.#drop(first)
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
