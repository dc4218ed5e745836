import type { CallDeadline } from '../base/call-deadline'
import { SessionError } from '../base/errors'

/** What a comparison found: the text was there and was replaced; no text is there; another text is there. */
export type CompareResult = 'stored' | 'absent' | { readonly other: string }

/**
 * Keeps one text per id, each with a lifetime, and replaces a text only where it still is the one that the caller read. A
 * store offers this in place of records of our own; `holdfast/express-session` keeps express-session's records with it.
 *
 * Contract, for every method:
 * - It is one atomic step, also between processes.
 * - What is kept under the id but is no text, belongs to another program: it counts as absent and stays as it is.
 * - A write has no effect once its deadline has passed.
 * - Lifetimes are in whole seconds; 0 or less ends the session in place of storing it.
 */
export interface JsonRecords {
  load(id: string): Promise<string | undefined>
  /** False, and nothing is stored: `onlyNew` is set and the id is in use, or the key holds something else. */
  insert(id: string, text: string, lifetime: number, onlyNew: boolean, deadline: CallDeadline): Promise<boolean>
  /** Never makes a record that is not there. */
  replace(id: string, expected: string, text: string, lifetime: number, deadline: CallDeadline): Promise<CompareResult>
  /** Starts the lifetime again, where the text still is the expected one. */
  extend(id: string, expected: string, lifetime: number, deadline: CallDeadline): Promise<CompareResult>
  delete(id: string, deadline: CallDeadline): Promise<void>
}

/** Global, so that a store and an entry point from two copies of the package fit. A property and no import: the entry points
 * know no Redis. */
const property = Symbol.for('holdfast.jsonRecords')

/** Declares that the store keeps JSON records, and no records of our own. */
export function offerJsonRecords(store: object, records: JsonRecords): void {
  Object.defineProperty(store, property, { value: records })
}

/** The JSON records of a store that keeps such; undefined for every other one. */
export function jsonRecordsOf(store: unknown): JsonRecords | undefined {
  if (typeof store !== 'object' || store === null) return undefined
  return (store as { [property]?: JsonRecords })[property]
}

/** @param name The option or the store that is to be another. */
export function needsExpressSession(name: string): SessionError {
  return new SessionError(
    'INVALID_OPTION',
    `${name} with layout: 'express-session' works only as store of session() from "holdfast/express-session"; import that, ` +
      'or give a RedisStore without layout',
  )
}
