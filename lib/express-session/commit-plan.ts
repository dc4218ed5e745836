/** All that decides what the end of a response does. Plain facts, so that every combination can be a row of a test. */
export interface CommitFacts {
  readonly stored: boolean
  /** Values differ from what the store has. */
  readonly changed: boolean
  /** Values were changed in this request, whether stored since or not; a session that `regenerate` made counts as well. */
  readonly modified: boolean
  readonly cookieChanged: boolean
  /** `touch` was called. */
  readonly accessRequested: boolean
  readonly saveUninitialized: boolean
  readonly rolling: boolean
  /** The cookie has an end: `maxAge` or `expires` is set. */
  readonly hasEnd: boolean
  /** The client has the id, or is about to get it from this response. */
  readonly clientHasId: boolean
  /** This response has the cookie already. */
  readonly sent: boolean
  /** Whether a cookie can still reach the client: not once the headers were sent, nor a secure one over plain HTTP. */
  readonly delivery: 'open' | 'headers-sent' | 'insecure'
}

export interface CommitPlan {
  readonly store: 'nothing' | 'create' | 'update' | 'access'
  readonly sendsCookie: boolean
  /** The cookie of a new session cannot reach the client. */
  readonly undeliverable: boolean
}

/**
 * What to store, and whether the cookie goes out: express-session's rules, but for two.
 *
 * - An unchanged session is never stored again (`resave` has no effect): it would undo what parallel requests changed.
 * - A session that begins after the headers were sent is not stored: no client could ever send its id.
 */
export function planCommit(facts: CommitFacts): CommitPlan {
  const { stored, modified, delivery } = facts
  const begins = !stored && (facts.saveUninitialized || modified)
  if (!stored && !begins) return { store: 'nothing', sendsCookie: false, undeliverable: false }
  if (begins && delivery === 'headers-sent') return { store: 'nothing', sendsCookie: false, undeliverable: true }
  const store = begins
    ? 'create'
    : facts.changed || facts.cookieChanged
      ? 'update'
      : facts.accessRequested
        ? 'access'
        : 'nothing'
  const isDue = facts.clientHasId ? facts.rolling || (modified && facts.hasEnd) : true
  return {
    store,
    sendsCookie: isDue && !facts.sent && delivery === 'open',
    undeliverable: isDue && !facts.sent && !facts.clientHasId && delivery !== 'open',
  }
}
