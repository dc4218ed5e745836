import { SessionError } from '../base/errors'
import { TaskLine } from '../base/task-line'
import { handleNamedBy, handleOfId, mintId, mintIdFor } from '../id/session-id'
import type { CommitFacts } from './commit-plan'
import { type FieldChanges, hasChanges, valuePrefix } from './fields'
import type { FlashFields } from './flash-fields'
import type { IdStanding } from './lifetime'
import type { RecordChange, SessionRecord } from './record'
import { SessionContents } from './session-contents'
import type { LoginIntent, SessionOwner, SessionSetting } from './session-setting'
import type { TrackedValues } from './tracked-values'

/** Whether a save has something to do. `open`: it may. The others end that: `deleted`: the session was deleted, or had no
 * record; `delete-refused`: there was a login on it, on another id, so this request could not end it; `discarded`: the store
 * has no such session any more, or nothing of it is to be kept. */
type Fate = 'open' | 'deleted' | 'delete-refused' | 'discarded'

/**
 * The state behind a `Session`: what the rooms above may see and do, and apps may not. No I/O.
 *
 *     app          destroy, setValue, putFlash, replaceId, logIn      what the next save is to store
 *     service      settle, confirmId, abandonNewId, mark...           what has become of the save
 *     http         attachTo, announceNextChange                       when a save is due
 */
export class SessionState extends SessionContents {
  #record: SessionRecord | undefined
  #openedAs: IdStanding
  readonly #confirm: RecordChange['confirm']
  #destroyed = false
  #fate: Fate = 'open'
  #idReplaced = false
  #login: LoginIntent | undefined
  #isLoginProof = false
  #wasRead = false
  #owner: SessionOwner | undefined
  #isChangeAnnounced = false
  #deleteId: string | undefined
  #id: string | undefined
  #firstId: string | undefined
  /** The id that the store has for the session, as far as this request knows; undefined where it has none. */
  #issuedId: string | undefined
  #saves: TaskLine | undefined
  #minted = false
  #orphaned = false
  /**
   * @param storedLength UTF-16 units of names and texts of what is there already.
   * @param id Undefined: one is minted when the app asks for it.
   * @param confirm For an id that the client has sent for the first time: a save confirms it to the store.
   */
  constructor(
    setting: SessionSetting,
    values: TrackedValues,
    flash: FlashFields,
    storedLength: number,
    id: string | undefined,
    record?: SessionRecord,
    openedAs: IdStanding = 'current',
    confirm?: RecordChange['confirm'],
  ) {
    super(setting, values, flash, storedLength)
    this.#id = id
    this.#firstId = id
    this.#issuedId = record === undefined ? undefined : id
    this.#record = record
    this.#openedAs = openedAs
    this.#confirm = confirm
  }

  /** Minted when the app first asks: a visitor who leaves nothing costs no random bytes. */
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

  /** The id that opens the session in the store: the only one that a client may be given. Another one than `id` while a new
   * one is yet to be stored. */
  get issuedId(): string | undefined {
    return this.#issuedId
  }

  /** The save that is under way; never rejects. */
  get save(): PromiseLike<void> | undefined {
    return this.#saves?.end
  }

  /** As the store has it; undefined for a session that was never stored. */
  get record(): SessionRecord | undefined {
    return this.#record
  }

  protected get isStored(): boolean {
    return this.#record !== undefined
  }

  get openedAs(): IdStanding {
    return this.#openedAs
  }

  /** What a save has to say to the store of the id's first use by the client. */
  get confirm(): RecordChange['confirm'] {
    return this.#confirm
  }

  get subject(): string | undefined {
    return this.#login !== undefined ? this.#login.subject : this.#record?.subject
  }

  get createdAt(): number {
    return this.#login !== undefined ? this.setting.now : (this.#record?.createdAt ?? this.setting.now)
  }

  get expiresAt(): number {
    if (this.#login !== undefined) return this.setting.now + this.#login.ttl
    return this.#record?.expiresAt ?? this.setting.now + this.setting.ttl
  }

  get deleteId(): string | undefined {
    return this.#deleteId
  }

  /** The login that the next save is to store. */
  get login(): LoginIntent | undefined {
    return this.#login
  }

  /** A login of this save names its user, who has proven who he is. One that keeps the user of the session ends with the
   * session. */
  get isLoginProof(): boolean {
    return this.#login !== undefined && this.#isLoginProof
  }

  /** The new id, without overlap, that the next save is to store. */
  get newId(): CommitFacts['newId'] {
    return this.#login !== undefined ? 'login' : this.#idReplaced ? 'regenerate' : 'none'
  }

  /** The app has ended the session. */
  get destroyed(): boolean {
    return this.#destroyed
  }

  /** A save has nothing to do any more. */
  get isOver(): boolean {
    return this.#fate !== 'open'
  }

  /** The app has ended the session, and a login on another id has kept it: the client's cookie is not this request's to
   * clear. */
  get isDeleteRefused(): boolean {
    return this.#fate === 'delete-refused'
  }

  /** There is nothing to be stored but messages for the next page: what a logout leaves. */
  get hasOnlyFlash(): boolean {
    if (this.#destroyed || this.newId !== 'none' || this.#record !== undefined) return false
    return this.values.size === 0
  }

  /** The app has read the session: its response may depend on whose it is. */
  get wasRead(): boolean {
    return this.#wasRead
  }

  get owner(): SessionOwner | undefined {
    return this.#owner
  }

  get dirty(): boolean {
    if (this.isOver) return false
    if (this.#destroyed || this.#idReplaced || this.flash.size > 0) return true
    return hasChanges(this.changes())
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
    if (this.#destroyed) throw new SessionError('SESSION_DESTROYED', 'Session has been destroyed')
  }

  noteRead(): void {
    this.#wasRead = true
  }

  /** Something was done that the session may have to be saved for. */
  noteChange(): void {
    if (this.#isChangeAnnounced) return
    this.#isChangeAnnounced = true
    this.#owner?.expectChange()
  }

  /** The owner learns of the next change. */
  attachTo(owner: SessionOwner): void {
    this.#owner = owner
    this.#isChangeAnnounced = false
  }

  /** A save begins: the owner learns of the next change too. */
  announceNextChange(): void {
    this.#isChangeAnnounced = false
  }

  destroy(): void {
    this.#destroyed = true
  }

  /** Binds the session to a subject at the next save, under a new id. A login without a subject keeps the one there is. */
  logIn(login: LoginIntent): void {
    this.#isLoginProof = login.subject !== undefined || this.isLoginProof
    this.#login = { ...login, subject: login.subject ?? this.subject }
    this.replaceId()
    this.markFirstIdDeleted()
  }

  /** A new id. Under the same handle where there is a record: then it is one atomic step on that record. */
  replaceId(): void {
    const { secretBytes } = this.setting
    const before = this.id
    this.#id = this.#record === undefined ? mintId(secretBytes) : mintIdFor(this.handle, secretBytes)
    this.#firstId ??= before
    this.#minted = true
    this.#idReplaced = true
  }

  /** After `regenerateId(true)`, `deleteId` is the id that the client has sent. */
  markFirstIdDeleted(): void {
    this.#deleteId = this.#firstId
  }

  /** An id that was given and not made here may be a guess, or an attacker's choice: it never becomes a session's. */
  mintUnlessMinted(): void {
    if (this.#minted && handleOfId(this.id) !== undefined) return
    this.#id = mintId(this.setting.secretBytes)
    this.#minted = true
  }

  /** The fields of a record that is yet to be made: everything, or, where a login outlived the record that the session
   * was opened from, only what this request itself did. Nothing of an ended session comes back. */
  fieldsToInsert(): FieldChanges {
    const changes = this.changes()
    const set = new Map(changes.set)
    if (this.#orphaned) return { set, remove: [] }
    for (const [key, text] of this.values.texts()) set.set(valuePrefix + key, text)
    // The new record has none of what was given and removed again.
    return { set, remove: changes.remove }
  }

  /** The store has `changes`, and the record, now. */
  settle(record: SessionRecord, changes: FieldChanges): void {
    this.#record = record
    this.settleFields(changes)
  }

  /** The id that a renewal would give the session, if it is the one that renews. */
  mintNextId(): string {
    return mintIdFor(this.handle, this.setting.secretBytes)
  }

  /** A save begins that ends with this: until then the next one waits. */
  beginSave(save: PromiseLike<unknown>): void {
    ;(this.#saves ??= new TaskLine()).add(save)
  }

  /**
   * The store knows this id as the session's, and the client is about to.
   *
   * @param asked The session's id when the save began. Where it has another one now, the app has asked for that meanwhile,
   *   and the next save issues it.
   */
  markIssued(id: string, asked: string): void {
    this.#issuedId = id
    this.#openedAs = 'current'
    if (this.id === asked) {
      this.#id = id
      this.#minted = true
      this.#idReplaced = false
      this.#login = undefined
    } else if (this.handle !== handleNamedBy(id)) {
      // Minted when there was no record: now there is one, and a new id is for that.
      this.#id = mintIdFor(handleNamedBy(id), this.setting.secretBytes)
    }
  }

  /** A new id could not reach the client: the session stays what it was for the store, and the client its id. */
  abandonNewId(): void {
    this.#idReplaced = false
    this.#login = undefined
    if (this.#issuedId !== undefined) this.#id = this.#issuedId
  }

  /** Another request has renewed the id, or is at it: the client gets the new one from there. */
  markRenewedElsewhere(): void {
    this.#openedAs = 'previous'
  }

  markDeleted(): void {
    this.#fate = 'deleted'
  }

  markDeleteRefused(): void {
    this.#fate = 'delete-refused'
  }

  /** Nothing of the session is stored any more: the store has no such session, or another one takes its place. */
  discard(): void {
    this.#fate = 'discarded'
  }

  /** The record that this session was opened from is no longer there; what this request did alone goes into a new one. */
  forgetRecord(): void {
    this.#record = undefined
    this.#issuedId = undefined
    this.#orphaned = true
    this.#id = mintId(this.setting.secretBytes)
    this.#minted = true
  }
}
