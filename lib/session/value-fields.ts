import { parseValue, serializeValue } from './json-value'
import type { FieldChanges } from './record'

export const valuePrefix = 'v:'

/** The name of a value's field in a record. */
export function valueField(key: string): string {
  return valuePrefix + key
}

/** The key of a value's field, or undefined for a field that holds none. */
export function keyOfField(name: string): string | undefined {
  return name.startsWith(valuePrefix) ? name.slice(valuePrefix.length) : undefined
}

/** The changes that set these keys; `null` and `undefined` remove one. Throws `INVALID_SESSION_VALUE`. */
export function fieldsOf(data: object): FieldChanges {
  const set = new Map<string, string>()
  const remove: string[] = []
  for (const [key, value] of Object.entries(data) as [string, unknown][]) {
    if (value === undefined || value === null) remove.push(valueField(key))
    else set.set(valueField(key), serializeValue(key, value))
  }
  return { set, remove }
}

/** The values in a record's fields; flash messages are passed over. */
export function valuesOf(fields: ReadonlyMap<string, string>): Record<string, unknown> {
  const values: [string, unknown][] = []
  for (const [name, text] of fields) {
    const key = keyOfField(name)
    if (key !== undefined) values.push([key, parseValue(text)])
  }
  return Object.fromEntries(values)
}
