import { types } from 'node:util'
import { SessionError } from '../base/errors'

/**
 * Text of a session value, as stores keep it.
 *
 * `JSON.stringify` alone loses without a word what JSON cannot carry: a function or a symbol in an object disappears,
 * `NaN` becomes `null`, a `Map` becomes `{}`, an instance of a class loses its methods. A session that silently comes back
 * different is worse than an exception where the mistake was made, so these throw `INVALID_SESSION_VALUE` with the key's
 * name. So does code of the app in a value, a getter or `toJSON()`, that throws: with its error as the cause.
 */
export function serializeValue(key: string, value: unknown): string {
  // What most sessions hold, without an inspection; NaN and the infinities are for `checkValue` to refuse.
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return String(value)
  checkValue(key, value)
  return textOfChecked(key, value)
}

/** As `serializeValue`, for a value that was checked just now. */
export function textOfChecked(key: string, value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw unreadable(key, cause)
  }
}

/** The value under a key of the app's object. Throws `INVALID_SESSION_VALUE` where a getter stands there that throws. */
export function valueAt(values: object, key: string): unknown {
  try {
    return (values as Record<string, unknown>)[key]
  } catch (cause) {
    throw unreadable(key, cause)
  }
}

/** Throws where JSON cannot carry the value; what `toJSON` gives is judged in its place (a `Date`, a `Buffer`). */
export function checkValue(key: string, value: unknown): void {
  new Inspection(key).visitRoot(value)
}

/** A value as it is kept: what it will be in the next request. */
export interface KeptValue {
  /** The value itself where it is plain data; otherwise a copy, as JSON brings it back. */
  readonly value: unknown
  readonly isCopy: boolean
  /** At most this many bytes of JSON. */
  readonly maxBytes: number
}

/** Checks a value, and turns what JSON brings back as something else (a `Date`, an `undefined` in an object) into that now. */
export function keepValue(key: string, value: unknown): KeptValue {
  const inspection = new Inspection(key)
  inspection.visitRoot(value)
  const { isPlain, maxBytes } = inspection
  if (isPlain) return { value, isCopy: false, maxBytes }
  return { value: JSON.parse(textOfChecked(key, value)) as unknown, isCopy: true, maxBytes }
}

/** The value behind a text that a store kept; undefined where the text is not JSON, as if there was none. */
export function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Bytes that a key and its JSON text take in a store. */
export function bytesOf(key: string, text: string): number {
  return Buffer.byteLength(key) + Buffer.byteLength(text)
}

/** At most this many bytes for each UTF-16 unit of a string: six where JSON escapes it. */
const widestUnit = 6
/** The longest number that JSON writes, and a comma. */
const widestNumber = 26

/** Objects in objects. JSON itself goes some thousands deep, until the stack ends it with a `RangeError`. */
const deepest = 500

/** One walk through a value: what in it JSON cannot carry, what it changes, and how long the text may get. */
class Inspection {
  readonly #key: string
  isPlain = true
  maxBytes = 0

  constructor(key: string) {
    this.#key = key
  }

  visitRoot(value: unknown): void {
    if (value === undefined) throw this.#refuse('undefined')
    try {
      this.#visit(value, 0)
    } catch (error) {
      throw error instanceof SessionError ? error : unreadable(this.#key, error)
    }
  }

  #visit(value: unknown, depth: number): void {
    switch (typeof value) {
      case 'string':
        this.maxBytes += value.length * widestUnit + 3
        return
      case 'object':
        if (value === null) this.maxBytes += widestNumber
        else this.#visitObject(value, depth + 1)
        return
      case 'number':
        if (!Number.isFinite(value)) throw this.#refuse(String(value))
        // JSON writes -0 as 0.
        if (Object.is(value, -0)) this.isPlain = false
        this.maxBytes += widestNumber
        return
      case 'boolean':
        this.maxBytes += widestNumber
        return
      default:
        throw this.#refuse(typeof value === 'bigint' ? 'a BigInt' : `a ${typeof value}`)
    }
  }

  #visitObject(value: object, depth: number): void {
    if (depth > deepest) throw this.#refuse(`a cycle, or objects nested more than ${deepest} deep`)
    const { toJSON } = value as { toJSON?: unknown }
    if (typeof toJSON !== 'function') {
      this.#visitMembers(value, depth)
      return
    }
    this.isPlain = false
    const given = (toJSON as (key: string) => unknown).call(value, '')
    if (given === undefined) throw this.#refuse('toJSON() that gives nothing')
    if (given === null && (depth === 1 || types.isDate(value))) {
      throw this.#refuse('an invalid Date, or toJSON() that gives null')
    }
    if (typeof given === 'object' && given !== null) this.#visitMembers(given, depth)
    else this.#visit(given, depth)
  }

  #visitMembers(value: object, depth: number): void {
    this.maxBytes += 3
    // The next request can change its value in place, so this one can too.
    if (Object.isFrozen(value)) this.isPlain = false
    if (Array.isArray(value)) {
      if (!isPlainArray(value)) throw this.#refuse(instanceName(value))
      for (const member of value as unknown[]) {
        if (member === undefined) throw this.#refuse('undefined in an array')
        this.#visit(member, depth)
      }
      return
    }
    if (!isPlainObject(value)) throw this.#refuse(instanceName(value))
    for (const name of Object.keys(value)) {
      const member = (value as Record<string, unknown>)[name]
      if (member === undefined) {
        this.isPlain = false
        continue
      }
      this.maxBytes += name.length * widestUnit + 4
      this.#visit(member, depth)
    }
  }

  #refuse(what: string): SessionError {
    return new SessionError(
      'INVALID_SESSION_VALUE',
      `session value ${JSON.stringify(this.#key)}: JSON cannot carry ${what}; keep plain data in a session`,
    )
  }
}

/** The message names neither the value nor the error: both may hold data of a user. */
function unreadable(key: string, cause: unknown): SessionError {
  return new SessionError(
    'INVALID_SESSION_VALUE',
    `session value ${JSON.stringify(key)}: a getter or toJSON() throws, see cause; keep plain data in a session`,
    { cause },
  )
}

/** Of whatever realm: the prototype of all objects is the one that has none itself. */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === Object.prototype || prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

function isPlainArray(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null
  return prototype === Array.prototype || (prototype !== null && isPlainObject(prototype) && Array.isArray(prototype))
}

/** For messages. */
export function instanceName(value: object): string {
  if (types.isMap(value) || types.isSet(value)) return 'a Map or a Set'
  if (types.isPromise(value)) return 'a promise'
  const { name } = (value.constructor as { name?: unknown } | undefined) ?? {}
  const known = types.isRegExp(value) || types.isNativeError(value) || ArrayBuffer.isView(value)
  const named = typeof name === 'string' && name !== '' ? name : 'a class without a name'
  return known ? `${/^[AEIO]/.test(named) ? 'an' : 'a'} ${named}` : `an instance of ${named}, which has no toJSON()`
}
