import { SessionError } from './errors'
import { warnOnce } from './warnings'

/** The keys that an options object may have; typed so that a new option cannot be forgotten. */
export type KeysOf<T> = Record<keyof T, true>

/** Rejects whatever is not a plain object of known keys, and names the nearest known key for a misspelt one. */
export function checkKeys<T extends object>(name: string, options: unknown, keys: KeysOf<T>): asserts options is T {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidOption(name, options, 'an object')
  }
  const known = Object.keys(keys)
  for (const key of Object.keys(options)) {
    if (Object.hasOwn(keys, key)) continue
    const near = nearest(key, known)
    const hint = near === undefined ? `it accepts ${known.join(', ')}` : `did you mean ${near}?`
    throw new SessionError('INVALID_OPTION', `${name}: unknown option ${JSON.stringify(key)}; ${hint}`)
  }
}

export function invalidOption(name: string, got: unknown, accepts: string): SessionError {
  return new SessionError('INVALID_OPTION', `${name} is ${describe(got)}; it accepts ${accepts}`)
}

export function checkBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidOption(name, value, 'true or false')
}

export function checkOneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): asserts value is T {
  if (!choices.includes(value as T)) throw invalidOption(name, value, choices.map((choice) => `'${choice}'`).join(', '))
}

export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw invalidOption(name, value, 'a function')
}

/** Refuses what is no object where a request, a response or a socket is needed: a wrong variable, an id. */
export function checkObject(argument: string, value: unknown, accepts: string): void {
  if (typeof value === 'object' && value !== null) return
  const got = typeof value === 'string' ? 'a string' : describe(value)
  throw new SessionError('INVALID_ARGUMENT', `${argument} is ${got}; it accepts ${accepts}`)
}

export function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}

/** 400 days, in seconds: longer than that browsers keep no cookie (RFC 6265bis, section 5.5). */
const longestLifetime = 400 * 86_400

/** What a lifetime accepts, for messages. */
export const lifetimeAccepts = `seconds greater than 0 and at most ${longestLifetime} (400 days); divide milliseconds by 1000`

/**
 * Whether a value is a lifetime in seconds. Warns of one that is more likely meant in milliseconds: of days that are not
 * whole, but whole minutes if it is read as milliseconds (1 800 000 is half an hour, and 20.8 days).
 */
export function isLifetime(name: string, value: unknown): value is number {
  if (!isPositive(value) || value > longestLifetime) return false
  if (value >= 300_000 && value % 60_000 === 0 && value % 86_400 !== 0) {
    warnOnce('HOLDFAST_LOOKS_LIKE_MILLISECONDS', `${name} is ${value} seconds`)
  }
  return true
}

/** Seconds: Node's own limit for a request (`server.requestTimeout`). A client does not wait longer. */
const longestStoreTimeout = 300
/** Seconds: from here on, a value for `storeTimeout` is more likely meant in milliseconds. */
const unlikelyStoreTimeout = 100

/**
 * Checks `storeTimeout`, in seconds. Warns of one that is more likely meant in milliseconds.
 *
 * @throws SessionError `INVALID_OPTION`.
 */
export function checkStoreTimeout(value: unknown): asserts value is number {
  if (!isPositive(value) || value > longestStoreTimeout) {
    const accepts = `seconds greater than 0 and at most ${longestStoreTimeout}; divide milliseconds by 1000`
    throw invalidOption('storeTimeout', value, accepts)
  }
  if (value >= unlikelyStoreTimeout) warnOnce('HOLDFAST_LOOKS_LIKE_MILLISECONDS', `storeTimeout is ${value} seconds`)
}

/** A value for a message. Strings are not quoted: an option may hold a secret. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  switch (typeof value) {
    case 'number':
    case 'boolean':
      return String(value)
    case 'string':
      return value === '' ? 'an empty string' : 'a string that it does not know'
    case 'object':
      return Array.isArray(value) ? 'an array' : 'an object'
    default:
      return `a ${typeof value}`
  }
}

/** The known word within two or three keystrokes of a misspelt one. */
function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.min(3, Math.ceil(word.length / 2)) + 1
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const replace = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1)
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[other.length] ?? 0
}
