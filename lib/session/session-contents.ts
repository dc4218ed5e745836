import type { FieldChanges } from './fields'
import type { FlashFields } from './flash-fields'
import { bytesOf, keepValue, textOfChecked } from './json-value'
import type { SessionSetting } from './session-setting'
import { checkSize } from './session-size'
import type { TrackedValues } from './tracked-values'

/** The values and flash messages of a session: how many bytes they take, and what the store does not have of them. */
export abstract class SessionContents {
  readonly values: TrackedValues
  readonly flash: FlashFields
  readonly setting: SessionSetting
  /** UTF-16 units of what was loaded and saved, names included: at least a third of its bytes. */
  #storedLength: number
  /** At least as many bytes as what was set since takes. */
  #mostBytes = 0

  /** @param storedLength UTF-16 units of names and texts of what is there already. */
  constructor(setting: SessionSetting, values: TrackedValues, flash: FlashFields, storedLength: number) {
    this.setting = setting
    this.values = values
    this.flash = flash
    this.#storedLength = storedLength
  }

  /** The store has a record of the session. */
  protected abstract get isStored(): boolean

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
    const bytes = others + bytesOf(name, textOfChecked(name, value))
    this.#checkSize(bytes, maxBytes)
    this.#mostBytes = Math.max(0, bytes - this.#storedLength * 3)
  }

  #checkSize(bytes: number, maxBytes: number): void {
    if (bytes > maxBytes) checkSize(bytes, maxBytes, this.isStored ? this.values.storedBytes : 0)
  }

  /** The fields to send so that the store has what the session has. Without `takesFlash`, the messages that this session
   * can read stay for the next request. */
  changes(takesFlash = true): FieldChanges {
    const set = new Map<string, string>()
    const remove: string[] = []
    this.values.changes(set, remove)
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

  /** The store has these changes now. */
  protected settleFields(changes: FieldChanges): void {
    for (const [name, text] of changes.set) this.#storedLength += name.length + text.length
    this.values.settle(changes)
    this.flash.settle(changes)
  }
}
