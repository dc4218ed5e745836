import { inspect, type InspectOptions } from 'node:util'
import { parseValue } from '../session/json-value'
import type { ChangedValue, SessionChanges } from './records'

/** A value that stays text until the app asks for it. */
export class Unparsed {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  /** The value; undefined where the text is no JSON, as if there was none. */
  parse(): unknown {
    return parseValue(this.text)
  }

  /** `console.log` inspects the target of a Proxy: it shows this in the value's place. */
  [inspect.custom](_depth: number, options: InspectOptions, inspectValue: typeof inspect): string {
    return inspectValue(this.parse(), options)
  }
}

/** A value that was loaded, as the app is to have it. */
export function parsed(value: unknown): unknown {
  return value instanceof Unparsed ? value.parse() : value
}

/** A value that was loaded, as JSON text. */
export function textOf(value: unknown): string | undefined {
  return value instanceof Unparsed ? value.text : JSON.stringify(value)
}

/** The value of an own, enumerable property, as JSON keeps it; undefined where it keeps nothing. */
export function valueOf(object: Record<string, unknown>, key: string): ChangedValue | undefined {
  if (!Object.prototype.propertyIsEnumerable.call(object, key)) return undefined
  const value = object[key]
  const text = textOf(value)
  return text === undefined ? undefined : { text, value }
}

/** The values of a session, or of a record; the cookie that stands among them is none. */
export function valuesOf(object: Record<string, unknown>): Map<string, ChangedValue> {
  const values = new Map<string, ChangedValue>()
  for (const key of Object.keys(object)) {
    const value = key === 'cookie' ? undefined : valueOf(object, key)
    if (value !== undefined) values.set(key, value)
  }
  return values
}

export function textsOf(values: ReadonlyMap<string, ChangedValue>): Map<string, string> {
  const texts = new Map<string, string>()
  for (const [key, { text }] of values) texts.set(key, text)
  return texts
}

/** The changes that make `after` of what had these texts. */
export function changesBetween(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, ChangedValue>,
): SessionChanges {
  const set = new Map<string, ChangedValue>()
  for (const [key, value] of after) if (before.get(key) !== value.text) set.set(key, value)
  return { set, remove: [...before.keys()].filter((key) => !after.has(key)) }
}
