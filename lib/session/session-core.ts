import { SessionError } from '../base/errors'
import { defaultSecretBytes, handleNamedBy, handleOfId, mintId, mintIdFor } from '../id/session-id'
import { FlashFields } from './flash-fields'
import { bytesOf, keepValue, serializeValue } from './json-value'
import type { IdStanding } from './lifetime'
import type { FieldChanges, RecordChange, SessionRecord, StoredSession } from './record'
import type { UserSessionOperationContext } from './session-shape'
import { checkSize } from './session-size'
import { TrackedValues } from './tracked-values'
import { valuePrefix } from './value-fields'

/** What `login` asks of the next save. */
export interface LoginIntent {
  readonly subject: string | undefined
  readonly context: UserSessionOperationContext | undefined
  /** Seconds of absolute lifetime. */
  readonly ttl: number
}

/** How a session that is already kept was opened. */
export interface OpenedSession {
  readonly id: string
  /** `previous`: with the id from before a renewal, in its overlap. */
  readonly openedAs: IdStanding
  readonly stored: StoredSession
}

export interface NewSession {
  readonly id?: string | undefined
  readonly values?: object | undefined
  readonly flash?: object | undefined
}

/** What a session needs to know from its surroundings, whoever made it. */
export interface SessionSetting {
  readonly now: number
  /** Absolute lifetime of a session that nobody logged in to, seconds. */
  readonly ttl: number
  readonly secretBytes: number
  /** Of the session's values; `set` and `flash` refuse more. Default: no limit but the one of the save. */
  readonly maxBytes?: number | undefined
}

/** The state behind a `Session`: what its maker and the floors above may see, and apps may not. No I/O. */
export class SessionCore {
  readonly values: TrackedValues
  readonly flash: FlashFields
  readonly setting: SessionSetting
  /** As the store has it; undefined for a session that was never stored. */
  record: SessionRecord | undefined
  openedAs: IdStanding = 'current'
  destroyed = false
  /** The id was replaced, without overlap, and the store does not know yet. */
  idReplaced = false
  login: LoginIntent | undefined
  /** The store has no such session any more: nothing is left to be saved. */
  gone = false
  /** There was a login on the session, on another id, so this request could not end it: the client's cookie is not its to
   * clear. */
  endRefused = false
  /** The app has looked into the session: what it responds may depend on whose it is. */
  wasRead = false
  /** Who carries the session through a request; the HTTP side knows what it is. */
  host: object | undefined
  deleteId: string | undefined
  /** The client has sent the id for the first time; a save says so too. */
  confirm: RecordChange['confirm']
  /** Called once, before the first thing that could make the session dirty. */
  onTouch: (() => void) | undefined
  #id: string | undefined
  #firstId: string | undefined
  #minted = false
  #orphaned = false
  /** UTF-16 units of what was loaded and saved, names included: at least a third of its bytes. */
  #storedLength = 0
  /** At least as many bytes as what was set since takes. */
  #mostBytes = 0

  private constructor(setting: SessionSetting, values: TrackedValues, flash: FlashFields) {
    this.setting = setting
    this.values = values
    this.flash = flash
  }

  static fresh(setting: SessionSetting, from: NewSession = {}): SessionCore {
    const values = new Map<string, string>()
    let length = 0
    for (const [key, value] of Object.entries(from.values ?? {}) as [string, unknown][]) {
      if (value === undefined || value === null) continue
      const text = serializeValue(key, value)
      values.set(key, text)
      length += key.length + text.length
    }
    const core = new SessionCore(setting, new TrackedValues(values), FlashFields.of(Object.entries(from.flash ?? {})))
    core.#storedLength = length
    core.#id = from.id
    core.#firstId = from.id
    return core
  }

  static opened(setting: SessionSetting, { id, openedAs, stored }: OpenedSession): SessionCore {
    const values = new Map<string, string>()
    let flash: Map<string, string> | undefined
    let length = 0
    for (const [name, text] of stored.fields) {
      length += name.length + text.length
      if (name.startsWith(valuePrefix)) values.set(name.slice(valuePrefix.length), text)
      else if (FlashFields.isField(name)) (flash ??= new Map<string, string>()).set(name, text)
    }
    const core = new SessionCore(
      setting,
      new TrackedValues(values),
      flash ? FlashFields.read(flash) : new FlashFields(),
    )
    core.#storedLength = length
    core.#id = id
    core.#firstId = id
    core.record = stored.record
    core.openedAs = openedAs
    return core
  }

  /** Made when somebody asks: a visitor who leaves nothing costs no random bytes. */
  get id(): string {
    if (this.#id === undefined) {
      this.#id = mintId(this.setting.secretBytes)
      this.#firstId = this.#id
      this.#minted = true
    }
    return this.#id
  }

  get handle(): string {
    return handleNamedBy(this.id)
  }

  get subject(): string | undefined {
    return this.login !== undefined ? this.login.subject : this.record?.subject
  }

  get createdAt(): number {
    return this.login !== undefined ? this.setting.now : (this.record?.createdAt ?? this.setting.now)
  }

  get expiresAt(): number {
    if (this.login !== undefined) return this.setting.now + this.login.ttl
    return this.record?.expiresAt ?? this.setting.now + this.setting.ttl
  }

  get dirty(): boolean {
    if (this.gone) return false
    if (this.destroyed || this.idReplaced || this.flash.size > 0) return true
    const { set, remove } = this.changes()
    return set.size > 0 || remove.length > 0
  }

  /** As `dirty`, where it must not throw: a value that JSON cannot carry is a change too. */
  get mayBeDirty(): boolean {
    try {
      return this.dirty
    } catch {
      return true
    }
  }

  checkAlive(): void {
    if (this.destroyed) throw new SessionError('SESSION_DESTROYED', 'Session has been destroyed')
  }

  setValue(key: string, value: unknown): void {
    // What most sessions hold, without a walk: JSON brings these back as they are, but for -0.
    if (typeof value === 'string' || (typeof value === 'number' && 1 / value > -Infinity && Number.isFinite(value))) {
      this.#makeRoom(key, 'value', value, typeof value === 'string' ? value.length * 6 + 3 : 26)
      this.values.setPlain(key, value)
      return
    }
    const kept = keepValue(key, value)
    this.#makeRoom(key, 'value', kept.value, kept.maxBytes)
    this.values.set(key, kept, value)
  }

  putFlash(key: string, value: unknown): void {
    const kept = keepValue(key, value)
    this.#makeRoom(key, 'flash', kept.value, kept.maxBytes)
    this.flash.put(key, value)
  }

  /** Refuses a value that makes the session too large. What was set before is counted generously, and exactly only where
   * that is too much: text is made at the save, not at each `set`. */
  #makeRoom(name: string, kind: 'value' | 'flash', value: unknown, mostBytes: number): void {
    this.#mostBytes += mostBytes + name.length * 3
    const { maxBytes = Infinity } = this.setting
    if (this.#mostBytes + this.#storedLength * 3 <= maxBytes) return
    const others =
      this.values.bytesWithout(kind === 'value' ? name : undefined) +
      this.flash.bytesWithout(kind === 'flash' ? name : undefined)
    const bytes = others + bytesOf(name, JSON.stringify(value))
    this.#checkSize(bytes, maxBytes)
    this.#mostBytes = Math.max(0, bytes - this.#storedLength * 3)
  }

  #checkSize(bytes: number, maxBytes: number): void {
    if (bytes > maxBytes) checkSize(bytes, maxBytes, this.record === undefined ? 0 : this.values.storedBytes)
  }

  touch(): void {
    const { onTouch } = this
    if (onTouch === undefined) return
    this.onTouch = undefined
    onTouch()
  }

  /** A new id. Under the same handle where there is a record: then it is one atomic step on that record. */
  replaceId(): void {
    const { secretBytes } = this.setting
    const before = this.id
    this.#id = this.record === undefined ? mintId(secretBytes) : mintIdFor(this.handle, secretBytes)
    this.#firstId ??= before
    this.#minted = true
    this.idReplaced = true
  }

  /** `regenerateId(true)` tells, through `deleteId`, which id the client came with. */
  markFirstIdDeleted(): void {
    this.deleteId = this.#firstId
  }

  /** An id that was given and not made here may be a guess, or somebody else's wish: it never becomes a session's. */
  mintUnlessMinted(): void {
    if (this.#minted && handleOfId(this.id) !== undefined) return
    this.#id = mintId(this.setting.secretBytes)
    this.#minted = true
  }

  /** The fields to send so that the store has what the session has. Without `takesFlash`, the messages that this session
   * can read stay for the next request. */
  changes(takesFlash = true): FieldChanges {
    const set = new Map<string, string>()
    const remove: string[] = []
    this.values.changes(valuePrefix, set, remove)
    this.flash.changes(set, remove, takesFlash)
    return { set, remove }
  }

  /** As `changes`, for a save: refused with `SESSION_TOO_LARGE` where the session has become too large, also by changes in
   * place. */
  changesWithin(maxBytes: number, takesFlash = true): FieldChanges {
    const changes = this.changes(takesFlash)
    if (changes.set.size === 0 || maxBytes === Infinity) return changes
    let length = this.#storedLength
    for (const [name, text] of changes.set) length += name.length + text.length
    if (length * 3 > maxBytes) {
      this.#checkSize(this.values.bytesWithout(undefined) + this.flash.bytesWithout(undefined), maxBytes)
    }
    return changes
  }

  /** The fields of a record that is yet to be made: everything, or, where a login outlived the record that the session
   * was opened from, only what this request itself did. Nothing of an ended session comes back. */
  fieldsToInsert(): FieldChanges {
    const set = new Map(this.changes().set)
    if (!this.#orphaned) for (const [key, text] of this.values.texts()) set.set(valuePrefix + key, text)
    return { set, remove: [] }
  }

  /** The store has `changes`, and the record, now. */
  settle(record: SessionRecord, changes: FieldChanges): void {
    this.record = record
    for (const [name, text] of changes.set) this.#storedLength += name.length + text.length
    this.values.settle(valuePrefix, changes.set, changes.remove)
    this.flash.settle(changes.set, changes.remove)
  }

  /** The id that a renewal would give the session, if it is the one that renews. */
  mintNextId(): string {
    return mintIdFor(this.handle, this.setting.secretBytes)
  }

  /** The store knows this id as the session's, and the client is about to. */
  idIsIssued(id = this.id): void {
    this.#id = id
    this.#minted = true
    this.openedAs = 'current'
    this.idReplaced = false
    this.login = undefined
  }

  /** A new id could not reach the client: the session stays what it was for the store, and the client its id. */
  abandonNewId(): void {
    this.idReplaced = false
    this.login = undefined
    if (this.record !== undefined) this.#id = this.#firstId
  }

  /** The record that this session was opened from has gone; what this request did alone goes into a new one. */
  forgetRecord(): void {
    this.record = undefined
    this.#orphaned = true
    this.#id = mintId(this.setting.secretBytes)
    this.#minted = true
  }
}

/** For a `Session` that is made by hand. */
export function plainSetting(): SessionSetting {
  return { now: Date.now() / 1000, ttl: 86_400, secretBytes: defaultSecretBytes }
}
