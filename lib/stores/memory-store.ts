import { type Clock, systemClock } from '../base/clock'
import { DeadlineQueue } from '../base/deadline-queue'
import { SessionError } from '../base/errors'
import { isLive, retainUntil } from '../session/lifetime'
import {
  changeRecord,
  type ChangeResult,
  type FieldChanges,
  isNews,
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
import { StoreListeners } from './store-listeners'

export interface MemoryStoreOptions {
  /**
   * How many sessions are kept at the most; a whole number, at least 1. Default 100 000: some 100 MB of small sessions.
   * One more evicts the session that would have expired first, so that a flood of visitors costs a bound amount of
   * memory and not the process.
   */
  maxSessions?: number | undefined
  /** Unix seconds. Default: the machine's clock. Give the same to `sessionMiddleware` when a test turns it. */
  clock?: Clock | undefined
}

interface Entry {
  readonly record: SessionRecord
  /** Never changed in place, so that what `load` hands out needs no copy. */
  readonly fields: ReadonlyMap<string, string>
}

/** The longest wait that `setTimeout` takes; a longer one would fire at once. */
const longestTimer = 2 ** 31 - 1

/**
 * Keeps sessions in the memory of this process: for development, tests, and an app that is one process and may forget
 * its sessions at a restart. Every promise of the package holds within the process.
 *
 * Bounded (see `maxSessions`); expired sessions leave by themselves; its timer never keeps the process alive. Values are
 * kept serialized, so nothing is shared with the app. After `close()` it is empty and every call throws `STORE_CLOSED`.
 */
export class MemoryStore implements SessionStore {
  readonly #maxSessions: number
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()
  readonly #handlesOf = new Map<string, Set<string>>()
  readonly #deadlines = new DeadlineQueue()
  readonly #listeners = new StoreListeners()
  #timer: NodeJS.Timeout | undefined
  #timerDue = Infinity
  #closed = false

  constructor(options: MemoryStoreOptions = {}) {
    const { maxSessions = 100_000, clock = systemClock } = options
    if (!Number.isSafeInteger(maxSessions) || maxSessions < 1) {
      throw new SessionError(
        'INVALID_OPTION',
        `MemoryStore: maxSessions is ${String(maxSessions)}; give a whole number of at least 1`,
      )
    }
    this.#maxSessions = maxSessions
    this.#clock = clock
  }

  /** How many sessions are kept now. */
  get size(): number {
    return this.#entries.size
  }

  load(handle: string, now: number): StoredSession | undefined {
    this.#checkOpen()
    const entry = this.#entries.get(handle)
    if (entry === undefined) return undefined
    if (now >= retainUntil(entry.record)) {
      this.#drop(handle)
      return undefined
    }
    return entry.record.context === undefined ? entry : { record: copyRecord(entry.record), fields: entry.fields }
  }

  insert(handle: string, session: StoredSession): void {
    this.#checkOpen()
    const { record, fields } = session
    if (!this.#entries.has(handle)) this.#makeRoom()
    this.#keep(handle, { record: copyRecord(record), fields: new Map(fields) })
  }

  change(handle: string, change: RecordChange, now: number): ChangeResult {
    this.#checkOpen()
    const entry = this.#liveEntry(handle, now)
    if (entry === undefined) return 'gone'
    const before = entry.record
    const record = changeRecord(before, change)
    if (record === undefined) return 'gone'
    if (record.subject !== before.subject) this.#unlist(before.subject, handle)
    this.#keep(handle, {
      record: change.bind === undefined ? record : copyRecord(record),
      fields: changeFields(entry.fields, change.fields),
    })
    if (isNews(change)) this.#listeners.tell(handle)
    return change.renew?.from === before.hash ? 'renewed' : 'stored'
  }

  delete(handle: string, now: number, only?: DeleteConditions): DeleteResult {
    this.#checkOpen()
    const entry = this.#entries.get(handle)
    if (entry === undefined) return 'absent'
    const wasLive = isLive(entry.record, now)
    if (!meetsConditions(entry.record, only)) return wasLive ? 'refused' : 'absent'
    this.#drop(handle)
    return wasLive ? 'ended' : 'absent'
  }

  list(subject: string, now: number): ReadonlyMap<string, SessionRecord> {
    this.#checkOpen()
    const live = new Map<string, SessionRecord>()
    for (const handle of this.#handlesOf.get(subject) ?? []) {
      const entry = this.#liveEntry(handle, now)
      if (entry !== undefined) live.set(handle, copyRecord(entry.record))
    }
    return live
  }

  deleteAll(subject: string, now: number, except?: string): number {
    this.#checkOpen()
    let ended = 0
    for (const handle of [...(this.#handlesOf.get(subject) ?? [])]) {
      if (handle !== except && this.delete(handle, now) === 'ended') ended++
    }
    return ended
  }

  changeAll(subject: string, fields: FieldChanges, now: number): number {
    this.#checkOpen()
    let changed = 0
    for (const handle of this.#handlesOf.get(subject) ?? []) {
      const entry = this.#liveEntry(handle, now)
      if (entry === undefined) continue
      this.#keep(handle, { record: entry.record, fields: changeFields(entry.fields, fields) })
      this.#listeners.tell(handle)
      changed++
    }
    return changed
  }

  /** Tells of every session that is changed or dropped, an evicted one included, within the call that did it. */
  subscribe(listener: StoreListener): () => void {
    this.#checkOpen()
    return this.#listeners.add(listener)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#entries.clear()
    this.#handlesOf.clear()
    this.#deadlines.clear()
    this.#listeners.clear()
  }

  #checkOpen(): void {
    if (this.#closed) throw new SessionError('STORE_CLOSED', 'MemoryStore: used after close()')
  }

  #liveEntry(handle: string, now: number): Entry | undefined {
    const entry = this.#entries.get(handle)
    return entry !== undefined && isLive(entry.record, now) ? entry : undefined
  }

  #keep(handle: string, entry: Entry): void {
    this.#entries.set(handle, entry)
    const { subject } = entry.record
    if (subject !== undefined) {
      const handles = this.#handlesOf.get(subject)
      if (handles === undefined) this.#handlesOf.set(subject, new Set([handle]))
      else handles.add(handle)
    }
    const deadline = retainUntil(entry.record)
    this.#deadlines.set(handle, deadline)
    if (deadline < this.#timerDue) this.#schedule()
  }

  #drop(handle: string): void {
    this.#unlist(this.#entries.get(handle)?.record.subject, handle)
    this.#entries.delete(handle)
    this.#deadlines.delete(handle)
    this.#listeners.tell(handle)
  }

  #unlist(subject: string | undefined, handle: string): void {
    if (subject === undefined) return
    const handles = this.#handlesOf.get(subject)
    handles?.delete(handle)
    if (handles?.size === 0) this.#handlesOf.delete(subject)
  }

  #makeRoom(): void {
    while (this.#entries.size >= this.#maxSessions) {
      const first = this.#deadlines.first()
      if (first === undefined) return
      this.#drop(first.key)
    }
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    const first = this.#deadlines.first()
    this.#timerDue = first?.deadline ?? Infinity
    this.#timer = undefined
    if (first === undefined) return
    // At most one sweep a second: sessions that end one after the other are swept together.
    const wait = Math.min(longestTimer, Math.max(1000, (first.deadline - this.#clock()) * 1000))
    this.#timer = setTimeout(() => {
      this.#sweep()
    }, wait)
    this.#timer.unref()
  }

  #sweep(): void {
    const now = this.#clock()
    for (
      let first = this.#deadlines.first();
      first !== undefined && first.deadline <= now;
      first = this.#deadlines.first()
    ) {
      this.#drop(first.key)
    }
    this.#schedule()
  }
}

/** The context is the one part of a record that a caller could reach into. */
function copyRecord(record: SessionRecord): SessionRecord {
  return record.context === undefined ? record : { ...record, context: structuredClone(record.context) }
}

function changeFields(
  fields: ReadonlyMap<string, string>,
  changes: FieldChanges | undefined,
): ReadonlyMap<string, string> {
  if (changes === undefined) return fields
  const next = new Map(fields)
  for (const name of changes.remove) next.delete(name)
  for (const [name, text] of changes.set) next.set(name, text)
  return next
}
