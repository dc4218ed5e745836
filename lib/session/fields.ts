import { SessionError } from '../base/errors'
import { describe } from '../base/option-check'
import { bytesOf, instanceName, isPlainObject, parseValue, serializeValue, valueAt } from './json-value'

/*
 * What a session holds has three forms:
 *
 *     values    by key, as the app has them
 *     texts     by key, as JSON: can be compared, and shared, because nothing changes them in place
 *     fields    by name, as a record keeps them: a value as `v:<key>`, a flash message as `f:<tag>:<key>`
 */

/** JSON text by key. */
export type Texts = ReadonlyMap<string, string>

/** What to set and what to remove, by name or by key; everything else stays what it is. No name is in both. */
export interface FieldChanges {
  readonly set: ReadonlyMap<string, string>
  readonly remove: readonly string[]
}

/** Changes of whatever form, by the names in them. */
interface ChangedNames {
  readonly set: ReadonlyMap<string, unknown>
  readonly remove: readonly string[]
}

export const noTexts: Texts = new Map()
export const noChanges: FieldChanges = { set: noTexts, remove: [] }

export const valuePrefix = 'v:'

/** The name of a value's field in a record. */
export function valueField(key: string): string {
  return valuePrefix + key
}

/** The key of a value's field, or undefined for a field that holds none. */
export function keyOfField(name: string): string | undefined {
  return name.startsWith(valuePrefix) ? name.slice(valuePrefix.length) : undefined
}

/**
 * Refuses what is no object of keys and values, and what nothing would be kept of: a list, a `Map`, a promise that was not
 * awaited, a `Session`.
 *
 * @param call For the message.
 * @throws SessionError `INVALID_ARGUMENT`.
 */
export function checkValues(call: string, values: unknown): asserts values is object {
  const refuse = (got: string, accepts = 'an object of keys and values'): SessionError =>
    new SessionError('INVALID_ARGUMENT', `${call} ${got}; it accepts ${accepts}`)
  if (typeof values !== 'object' || values === null || Array.isArray(values)) throw refuse(`is ${describe(values)}`)
  const keys = Object.keys(values)
  const isEmptyInstance = keys.length === 0 && !isPlainObject(values)
  if (isEmptyInstance || ArrayBuffer.isView(values)) throw refuse(`is ${instanceName(values)}`)
  if (keys.includes('')) throw refuse('has an empty string as a key', 'keys that are not empty')
}

/** `null` and `undefined` are no values. Throws `INVALID_SESSION_VALUE` for what JSON cannot carry. */
export function textsOfValues(values: object): Map<string, string> {
  const texts = new Map<string, string>()
  for (const key of Object.keys(values)) {
    const value = valueAt(values, key)
    if (value !== undefined && value !== null) texts.set(key, serializeValue(key, value))
  }
  return texts
}

/** A new object each time. A text that is `null` or no JSON is nothing that a session has written, and no value. */
export function valuesOfTexts(texts: Texts): Record<string, unknown> {
  const values: [string, unknown][] = []
  for (const [key, text] of texts) {
    const value = parseValue(text)
    if (value !== undefined && value !== null) values.push([key, value])
  }
  return Object.fromEntries(values)
}

/** The values in a record's fields, as text; flash messages are left out. */
export function textsOfFields(fields: Texts): Texts {
  const texts = new Map<string, string>()
  for (const [name, text] of fields) {
    const key = keyOfField(name)
    if (key !== undefined) texts.set(key, text)
  }
  return texts
}

/** The changes that set these keys; `null` and `undefined` remove one. Throws `INVALID_SESSION_VALUE` for what JSON cannot
 * carry. */
export function changesOfValues(values: object): FieldChanges {
  const set = textsOfValues(values)
  return { set, remove: Object.keys(values).filter((key) => !set.has(key)) }
}

/** Changes by key as changes to a record's fields. */
export function toFieldChanges({ set, remove }: FieldChanges): FieldChanges {
  return { set: new Map([...set].map(([key, text]) => [valueField(key), text])), remove: remove.map(valueField) }
}

export function hasChanges({ set, remove }: ChangedNames): boolean {
  return set.size > 0 || remove.length > 0
}

/** The texts after the changes. */
export function applyChanges(texts: Texts, changes: FieldChanges | undefined): Texts {
  if (changes === undefined || !hasChanges(changes)) return texts
  const after = new Map(texts)
  for (const name of changes.remove) after.delete(name)
  for (const [name, text] of changes.set) after.set(name, text)
  return after
}

/** The changes that make `after` of `before`. */
export function changesBetween(before: Texts, after: Texts): FieldChanges {
  const set = new Map([...after].filter(([name, text]) => before.get(name) !== text))
  return { set, remove: [...before.keys()].filter((name) => !after.has(name)) }
}

/** The changes that do what the two do, one after the other. */
export function mergeChanges(first: FieldChanges, second: FieldChanges): FieldChanges {
  const set = applyChanges(first.set, second)
  return { set, remove: [...new Set([...first.remove, ...second.remove])].filter((name) => !set.has(name)) }
}

export function areSame(one: Texts | undefined, other: Texts | undefined): boolean {
  if (one === other) return true
  if (one === undefined || one.size !== other?.size) return false
  for (const [name, text] of one) if (other.get(name) !== text) return false
  return true
}

/** Bytes that the texts and their names take in a store. */
export function bytesOfTexts(texts: Texts): number {
  let bytes = 0
  for (const [name, text] of texts) bytes += bytesOf(name, text)
  return bytes
}
