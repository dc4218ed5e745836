import { SessionError } from '../base/errors'
import { type FieldChanges, keyOfField } from './fields'
import { FlashFields } from './flash-fields'
import { bytesOf } from './json-value'

/**
 * Refuses a session that would take more bytes than the option `maxBytes` allows. One that was larger before, when the
 * limit was another one, may shrink, and stay as it is.
 *
 * @param before Bytes of the session as the store has it; 0 for a new one.
 * @throws SessionError `SESSION_TOO_LARGE`, with the numbers and no value.
 */
export function checkSize(bytes: number, maxBytes: number, before = 0): void {
  if (bytes <= maxBytes || bytes <= before) return
  throw new SessionError(
    'SESSION_TOO_LARGE',
    `the values of the session would take ${bytes} bytes, the option maxBytes allows ${maxBytes}; keep a key in the session and the data in a database`,
  )
}

/** As `checkSize`, for the session that these changes make of the fields of a record: values and flash messages. */
export function checkChangedSize(fields: ReadonlyMap<string, string>, changes: FieldChanges, maxBytes: number): void {
  if (maxBytes === Infinity || changes.set.size === 0) return
  const before = bytesOfFields(fields)
  let bytes = before + bytesOfFields(changes.set)
  for (const name of new Set([...changes.set.keys(), ...changes.remove])) {
    const replaced = fields.get(name)
    if (replaced !== undefined) bytes -= bytesOfField(name, replaced)
  }
  checkSize(bytes, maxBytes, before)
}

function bytesOfFields(fields: ReadonlyMap<string, string>): number {
  let bytes = 0
  for (const [name, text] of fields) bytes += bytesOfField(name, text)
  return bytes
}

/** What a store adds to the key, to name the field by it, is not the app's to count. */
function bytesOfField(name: string, text: string): number {
  return bytesOf(keyOfField(name) ?? FlashFields.keyOf(name), text)
}
