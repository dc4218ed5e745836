import { textsOfValues, valuePrefix } from './fields'
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
  if (from === undefined) {
    return new SessionState(setting, new TrackedValues(new Map()), new FlashFields(), 0, undefined)
  }
  const texts = textsOfValues(from.values ?? {})
  let length = 0
  for (const [key, text] of texts) length += key.length + text.length
  const flash = FlashFields.of(Object.entries(from.flash ?? {}))
  return new SessionState(setting, new TrackedValues(texts), flash, length, from.id)
}

/**
 * The state of a session that was opened from a record.
 *
 * @param confirm For an id that the client has sent for the first time: a save tells the store so too.
 */
export function openedState(
  setting: SessionSetting,
  { id, openedAs, stored }: OpenedSession,
  confirm?: RecordChange['confirm'],
): SessionState {
  const texts = new Map<string, string>()
  let messages: Map<string, string> | undefined
  let length = 0
  for (const [name, text] of stored.fields) {
    length += name.length + text.length
    if (name.startsWith(valuePrefix)) texts.set(name.slice(valuePrefix.length), text)
    else if (FlashFields.isField(name)) (messages ??= new Map<string, string>()).set(name, text)
  }
  const flash = messages === undefined ? new FlashFields() : FlashFields.read(messages)
  return new SessionState(setting, new TrackedValues(texts), flash, length, id, stored.record, openedAs, confirm)
}
