import { SessionError } from '../base/errors'
import { describe } from '../base/option-check'
import { bytesOf, parseValue, serializeValue } from '../session/json-value'
import type { FieldChanges } from '../session/record'

/** A session's values as JSON text by key: never changed in place, so it can be shared, and compared as text. */
export type Texts = ReadonlyMap<string, string>

export const noTexts: Texts = new Map()
export const noChanges: FieldChanges = { set: noTexts, remove: [] }

/** `null` and `undefined` are no values. Throws for what JSON cannot carry. */
export function textsOf(session: object): Texts {
  if (typeof session !== 'object' || (session as object | null) === null) {
    throw new SessionError(
      'INVALID_ARGUMENT',
      `ChannelSession: a session is ${describe(session)}; it accepts an object`,
    )
  }
  const texts = new Map<string, string>()
  for (const [key, value] of Object.entries(session) as [string, unknown][]) {
    if (value !== undefined && value !== null) texts.set(key, serializeValue(key, value))
  }
  return texts
}

export function bytesOfTexts(texts: Texts): number {
  let bytes = 0
  for (const [key, text] of texts) bytes += bytesOf(key, text)
  return bytes
}

/** A new object each time. A text that is no JSON is no value. */
export function valueOf(texts: Texts): object {
  const values = [...texts].map(([key, text]): [string, unknown] => [key, parseValue(text)])
  return Object.fromEntries(values.filter(([, value]) => value !== undefined && value !== null))
}

/** What makes `after` of `before`. */
export function differences(before: Texts, after: Texts): FieldChanges {
  const set = new Map([...after].filter(([key, text]) => before.get(key) !== text))
  return { set, remove: [...before.keys()].filter((key) => !after.has(key)) }
}

export function applied(texts: Texts, { set, remove }: FieldChanges): Texts {
  if (set.size === 0 && remove.length === 0) return texts
  const next = new Map([...texts, ...set])
  for (const key of remove) next.delete(key)
  return next
}

/** One change that does what the two do, one after the other. */
export function merge(first: FieldChanges, second: FieldChanges): FieldChanges {
  const set = applied(first.set, second)
  return { set, remove: [...new Set([...first.remove, ...second.remove])].filter((key) => !set.has(key)) }
}

export function isSame(one: Texts | undefined, other: Texts | undefined): boolean {
  if (one === other) return true
  if (one?.size !== other?.size) return false
  for (const [key, text] of one ?? noTexts) if (other?.get(key) !== text) return false
  return true
}
