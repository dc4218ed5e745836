/** All that decides what a save does. Plain facts, so that every combination can be written down as a row of a test. */
export interface CommitFacts {
  /** The session was opened from a record. */
  readonly stored: boolean
  readonly destroyed: boolean
  /** Fields to set or to remove. */
  readonly changed: boolean
  /** A new id without overlap is asked for: by `regenerateId`, or by a login, which also binds and restarts. */
  readonly newId: 'none' | 'regenerate' | 'login'
  /** The id is old enough to be renewed, and it is the current one, sent by the client. */
  readonly renewalDue: boolean
  /** The client has sent a cookie of our name, valid or not. */
  readonly hasCookie: boolean
  /** Whether a cookie can still reach the client: not once the headers are sent, nor a secure one over plain HTTP. */
  readonly delivery: 'open' | 'headers-sent' | 'insecure'
}

export interface CommitPlan {
  /** `insert`: a new record. `update`: the changed fields. `reissue`: the changed fields and a new id without overlap.
   * `renew`: the changed fields and, if no other request was first, a new id with overlap. */
  readonly store: 'nothing' | 'insert' | 'update' | 'reissue' | 'renew' | 'delete'
  /** The cookie that the client gets once the store has agreed. */
  readonly cookie: 'none' | 'send' | 'clear'
  /** The app asked for something that cannot reach the client: the operator gets a warning. */
  readonly undeliverable: boolean
}

const nothing: CommitPlan = { store: 'nothing', cookie: 'none', undeliverable: false }

/**
 * What to store and which cookie to send: the whole policy, in one place.
 *
 * - Untouched sessions cost nothing. A cookie goes out only when the id is new (then with the deadline).
 * - A new id that cannot reach the client is not issued: it would lock the client out of its session, or bind a login to
 *   an id that an attacker may know (session fixation). The data of a session that has its cookie is saved all the same.
 * - A session without a record whose cookie cannot be sent is not stored: no client could ever open it.
 */
export function planCommit(facts: CommitFacts): CommitPlan {
  const open = facts.delivery === 'open'
  if (facts.destroyed) {
    return {
      store: facts.stored ? 'delete' : 'nothing',
      cookie: open && (facts.stored || facts.hasCookie) ? 'clear' : 'none',
      undeliverable: false,
    }
  }
  if (!facts.stored) {
    if (!facts.changed && facts.newId === 'none') return nothing
    return open
      ? { store: 'insert', cookie: 'send', undeliverable: false }
      : { store: 'nothing', cookie: 'none', undeliverable: true }
  }
  const update = facts.changed ? 'update' : 'nothing'
  if (facts.newId !== 'none') {
    return open
      ? { store: 'reissue', cookie: 'send', undeliverable: false }
      : { store: update, cookie: 'none', undeliverable: true }
  }
  if (facts.renewalDue && open) return { store: 'renew', cookie: 'send', undeliverable: false }
  return { store: update, cookie: 'none', undeliverable: false }
}
