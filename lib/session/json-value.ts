import { types } from 'node:util'
import { SessionError } from '../base/errors'

/**
 * Text of a session value, as stores keep it.
 *
 * `JSON.stringify` alone loses without a word what JSON cannot carry: a function or a symbol in an object disappears,
 * `NaN` becomes `null`, a `Map` becomes `{}`. A session that silently comes back different is worse than an exception
 * where the mistake was made, so these throw `INVALID_SESSION_VALUE` with the key's name.
 */
export function serializeValue(key: string, value: unknown): string {
  checkValue(key, value)
  return JSON.stringify(value)
}

/** Throws where JSON cannot carry the value; what `toJSON` gives is judged in its place (a `Date`, a `Buffer`). */
export function checkValue(key: string, value: unknown): void {
  const trouble =
    typeof value === 'object' && value !== null ? (findTrouble(value, []) ?? emptiness(value)) : troubleOf(value)
  if (trouble !== undefined) throw refuse(key, trouble)
}

/** The value behind a text that a store kept; undefined where the text is not JSON, as if there was none. */
export function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function emptiness(value: object): string | undefined {
  return resolveToJson(value) === undefined ? 'toJSON() that gives nothing' : undefined
}

function refuse(key: string, trouble: string): SessionError {
  return new SessionError(
    'INVALID_SESSION_VALUE',
    `session value ${JSON.stringify(key)}: JSON cannot carry ${trouble}; keep plain data in a session`,
  )
}

function troubleOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'bigint':
      return 'a BigInt'
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    case 'number':
      return Number.isFinite(value) ? undefined : String(value)
    default:
      return undefined
  }
}

function findTrouble(value: object, above: object[]): string | undefined {
  if (above.includes(value)) return 'a cycle'
  const plain = resolveToJson(value)
  if (plain !== value) {
    return typeof plain === 'object' && plain !== null ? findTrouble(plain, [...above, value]) : troubleOf(plain)
  }
  if (types.isMap(value) || types.isSet(value)) return 'a Map or a Set'
  if (types.isPromise(value)) return 'a promise'
  if (types.isRegExp(value) || types.isNativeError(value) || ArrayBuffer.isView(value)) {
    return `a ${value.constructor.name}`
  }
  above.push(value)
  for (const inner of Object.values(value) as unknown[]) {
    const trouble = typeof inner === 'object' && inner !== null ? findTrouble(inner, above) : troubleOf(inner)
    if (trouble !== undefined) return trouble
  }
  above.pop()
  return undefined
}

function resolveToJson(value: object): unknown {
  const { toJSON } = value as { toJSON?: unknown }
  return typeof toJSON === 'function' ? (toJSON.call(value) as unknown) : value
}
