import { SessionError } from '../base/errors'
import { checkBoolean, invalidOption, isLifetime, lifetimeAccepts } from '../base/option-check'
import { isSessionStore } from '../service/resolve-options'
import type { SessionStore } from '../session/store'
import { type ExpressSessionStore, isExpressSessionStore } from '../stores/express-session/express-session-store'
import { jsonRecordsOf } from '../stores/json-records'

type AnyStore = ExpressSessionStore | SessionStore

/** What a process does with sessions while an app moves. `upcoming`: new ones, and those that have not moved, stay in the
 * old place. `take-over`: each moves when it is used. `give-back`: those that have moved go back when they are used. */
export type Stage = 'upcoming' | 'take-over' | 'give-back'

/** As the app gives them. */
export interface MoveOptions {
  upcoming?: unknown
  migrateFrom?: unknown
  moveBack?: unknown
  takeoverWindow?: unknown
}

/** A move between express-session's records and ours. */
export interface ResolvedMove {
  readonly stage: Stage
  /** The store that the option `store` is not. */
  readonly other: AnyStore
  /** Seconds that a tombstone stands. */
  readonly window: number
}

const defaultWindow = 3600

/** The options of a move, and what contradicts them. @param isHashed Whether `store` keeps records of our own. */
export function resolveMove(given: MoveOptions, store: AnyStore, isHashed: boolean): ResolvedMove | undefined {
  const { upcoming, migrateFrom, moveBack, takeoverWindow } = given
  if (upcoming !== undefined && migrateFrom !== undefined) {
    throw contradiction(
      'upcoming',
      'is for the deployment before, and migrateFrom for the one in which sessions move; give one of them',
    )
  }
  if (moveBack !== undefined) checkBoolean('moveBack', moveBack)
  if (upcoming === undefined && moveBack === true) {
    throw contradiction('moveBack', 'needs upcoming: the store that the sessions are to come back from')
  }
  const other = upcoming ?? migrateFrom
  if (other === undefined) {
    if (takeoverWindow === undefined) return undefined
    throw contradiction('takeoverWindow', 'has a meaning only with upcoming or migrateFrom')
  }
  const window = takeoverWindow ?? defaultWindow
  if (!isLifetime('takeoverWindow', window)) throw invalidOption('takeoverWindow', window, lifetimeAccepts)
  const name = upcoming === undefined ? 'migrateFrom' : 'upcoming'
  if (other === store) throw contradiction(name, 'is the same as store; give a store object of its own')
  if (!isSessionStore(other) && !isExpressSessionStore(other)) {
    throw invalidOption(name, other, 'a store written for express-session (an instance), or a RedisStore')
  }
  if (name === 'upcoming') {
    if (isHashed) throw contradiction(name, 'needs a store with the records of express-session; the move is over')
    requireOurs(name, other)
    return { stage: moveBack === true ? 'give-back' : 'upcoming', other, window }
  }
  if (!isHashed) {
    throw contradiction(
      name,
      "needs a store with records of our own, such as RedisStore without layout, or records: 'hashed'",
    )
  }
  requireOurs('store', store)
  if (isSessionStore(other) && jsonRecordsOf(other) === undefined) {
    throw contradiction(
      name,
      "needs a store with the records of express-session: one written for it, or RedisStore with layout: 'express-session'",
    )
  }
  return { stage: 'take-over', other, window }
}

/** Records of our own are kept in a store of this package, or in one written for express-session. */
function requireOurs(name: string, store: AnyStore): void {
  if (jsonRecordsOf(store) !== undefined) {
    throw contradiction(name, "has layout: 'express-session', which is the layout to move from; leave layout out")
  }
  if (isSessionStore(store) && store.claim === undefined) {
    throw contradiction(
      name,
      'has no method claim, so it cannot take sessions over; MemoryStore and RedisStore have one',
    )
  }
}

function contradiction(name: string, what: string): SessionError {
  return new SessionError('INVALID_OPTION', `${name} ${what}`)
}
