import { changesOfValues, noTexts, toFieldChanges } from './fields'
import { FlashFields } from './flash-fields'
import type { IdStanding } from './lifetime'
import type { RecordChange, StoredSession } from './record'
import type { SessionSetting } from './session-setting'
import { SessionState } from './session-state'
import { TrackedValues } from './tracked-values'

/** What the app gives a session that was never stored. */
export interface InitialContents {
  readonly id?: string | undefined
  readonly values?: object | undefined
  readonly flash?: object | undefined
}

/** How a session that is already kept was opened. */
export interface OpenedSession {
  readonly id: string
  /** `previous`: with the id from before a renewal, in its overlap. */
  readonly openedAs: IdStanding
  readonly stored: StoredSession
}

/** The state of a session that was never stored. */
export function freshState(setting: SessionSetting, from?: InitialContents): SessionState {
  if (from === undefined) return new SessionState(setting, new TrackedValues(noTexts), new FlashFields(), 0, undefined)
  const { set: fields } = toFieldChanges(changesOfValues(from.values ?? {}))
  let length = 0
  for (const [name, text] of fields) length += name.length + text.length
  const flash = FlashFields.of(Object.entries(from.flash ?? {}))
  return new SessionState(setting, new TrackedValues(fields), flash, length, from.id)
}

/**
 * The state of a session that was opened from a record.
 *
 * @param confirm For an id that the client has sent for the first time: a save confirms it to the store.
 */
export function openedState(
  setting: SessionSetting,
  { id, openedAs, stored }: OpenedSession,
  confirm?: RecordChange['confirm'],
): SessionState {
  const { fields, record } = stored
  let messages = 0
  let length = 0
  for (const [name, text] of fields) {
    length += name.length + text.length
    if (FlashFields.isField(name)) messages++
  }
  const flash = messages > 0 ? FlashFields.read(fields) : new FlashFields()
  return new SessionState(setting, new TrackedValues(fields), flash, length, id, record, openedAs, confirm)
}
