/** What the operations of a history did to which session, as far as a client can know. */
import { type History, handleOf, type Operation, tick } from './history'

export interface Effect {
  readonly operation: Operation
  readonly kind: 'set' | 'unset' | 'flash' | 'replace' | 'bind' | 'end'
  readonly key?: string | undefined
  readonly subject?: string | undefined
  /** It happened in this span, if at all; without an end where the client got no good response. */
  readonly from: number
  readonly to: number
  /** The client could rely on it: it was acknowledged, and nothing was under way that would have refused it. */
  certain: boolean
  /** It must never be seen: the id that the request came with was replaced before the handler began. */
  zombie: boolean
}

/** All that is known of one session. */
export interface SessionLife {
  readonly handle: string
  readonly effects: Effect[]
  /** Operations that came with an id of it. */
  readonly operations: Operation[]
}

export interface Renewal {
  readonly operation: Operation
  readonly from: string
  readonly to: string
}

export interface Effects {
  readonly sessions: ReadonlyMap<string, SessionLife>
  readonly renewals: readonly Renewal[]
  /** Which operation gave the client an id. */
  readonly issuers: ReadonlyMap<string, Operation>
}

/** Whether the handler, or the job, found the session that the id names. */
export function isKnown({ id, seen, result, act }: Operation): boolean {
  if (id === undefined) return false
  if (act === 'job-get') return typeof result === 'object' && result !== null
  if (act === 'job-update') return result === true
  if (act === 'job-save') return typeof result === 'string'
  return act.startsWith('channel') || seen?.handle === handleOf(id)
}

/** When the operation was over for certain. */
export const endOf = ({ outcome, endedAt }: Operation): number => (outcome === 'ok' ? endedAt : Infinity)

export function effectsOf(history: History): Effects {
  const sessions = new Map<string, SessionLife>()
  const life = (handle: string): SessionLife => {
    const known = sessions.get(handle)
    if (known !== undefined) return known
    const made = { handle, effects: [], operations: [] }
    sessions.set(handle, made)
    return made
  }
  const renewals: Renewal[] = []
  const issuers = new Map<string, Operation>()
  for (const operation of history.operations) {
    const { id, issued, act } = operation
    if (id !== undefined) life(handleOf(id)).operations.push(operation)
    for (const { handle, ...rest } of ownEffects(operation)) life(handle).effects.push(effectOf(operation, rest))
    if (operation.outcome !== 'ok' || !issued) continue
    issuers.set(issued, operation)
    const keepsHandle = id !== undefined && handleOf(id) === handleOf(issued)
    if (keepsHandle && act !== 'login' && act !== 'regenerate') renewals.push({ operation, from: id, to: issued })
  }
  for (const operation of history.operations) {
    if (operation.subject !== undefined) spreadOverSubject(operation, sessions.values())
  }
  for (const session of sessions.values()) for (const effect of session.effects) judge(effect, session)
  return { sessions, renewals, issuers }
}

type Part = Partial<Pick<Effect, 'kind' | 'key' | 'subject' | 'certain'>> & Pick<Effect, 'kind'>

function effectOf(operation: Operation, { certain = true, ...rest }: Part): Effect {
  return {
    operation,
    from: operation.actedAt ?? operation.sentAt,
    to: endOf(operation),
    certain: certain && operation.outcome === 'ok',
    zombie: false,
    ...rest,
  }
}

/** What an operation does to the session of its id, and to one that it makes. */
function ownEffects(operation: Operation): (Part & { handle: string })[] {
  const { act, id, issued, outcome, seen, key, subject } = operation
  const own = id === undefined ? undefined : handleOf(id)
  const ok = outcome === 'ok'
  const made = ok && issued ? handleOf(issued) : undefined
  const write: Part | undefined =
    act === 'set' || act === 'mutate' || act === 'job-update' || act === 'job-save' || act === 'channel-update'
      ? { kind: 'set', key }
      : act === 'flash' || act === 'unset'
        ? { kind: act, key }
        : undefined
  const found: (Part & { handle: string })[] = []
  if (made !== undefined && made !== own) {
    if (write !== undefined && act !== 'unset') found.push({ handle: made, ...write })
    if (act === 'login') found.push({ handle: made, kind: 'bind', subject })
  }
  // With a good response it is known whether the session was there; without one it may have been.
  if (own === undefined || (ok && !isKnown(operation) && act !== 'job-delete')) return found
  const push = (part: Part) => found.push({ handle: own, ...part })
  // Removing a key that the session did not have changes nothing.
  const removesNothing = act === 'unset' && seen !== undefined && key !== undefined && !(key in seen.values)
  if (write !== undefined && !removesNothing && (made === undefined || made === own)) push(write)
  if (act === 'regenerate' && (!ok || made === own)) push({ kind: 'replace' })
  if (act === 'logout' || act === 'destroy' || act === 'channel-clear') push({ kind: 'end' })
  // It does nothing with an id that is not the session's any more, which its response does not say.
  if (act === 'job-delete') push({ kind: 'end', certain: false })
  if (act === 'login') {
    const sure = ok && made === own
    const asOther = ok && made !== own && seen?.subject != null && seen.subject !== subject
    if (made === own || !ok) push({ kind: 'replace', certain: sure })
    if (made === own || !ok) push({ kind: 'bind', subject, certain: sure })
    if (made !== own) push({ kind: 'end', certain: asOther })
  }
  return found
}

/** What an operation on a user does to each session that was, or may have been, the user's. */
function spreadOverSubject(operation: Operation, sessions: Iterable<SessionLife>): void {
  const { act, subject, target, sentAt, endedAt, key } = operation
  if (act === 'login' || act === 'list') return
  for (const { handle, effects } of sessions) {
    if (act === 'delete-one' && handle !== target) continue
    const bindings = effects.filter((effect) => effect.kind === 'bind' && effect.subject === subject)
    // What was bound after the call had ended is none of its business, also when it ended in failure. But what a channel
    // could not store it keeps, and stores with its next change.
    const last = act === 'channel-update' ? endOf(operation) : endedAt
    if (!bindings.some((binding) => binding.from <= last + tick)) continue
    const certain = bindings.some((binding) => binding.certain && binding.to + tick < sentAt)
    // The user logged in again on the same session meanwhile: that login came after the call, or before it.
    const rebound = bindings.some(({ from, to }) => from <= endedAt + tick && to + tick >= sentAt)
    if (act === 'delete-all' || act === 'delete-one') {
      effects.push(effectOf(operation, { kind: 'end', certain: certain && !rebound }))
    }
    if (act === 'update-all') effects.push(effectOf(operation, { kind: 'set', key, certain }))
    const others = act === 'channel-update' && handle !== handleOf(operation.id ?? '')
    if (others) effects.push(effectOf(operation, { kind: 'set', key, certain: false }))
  }
}

/** Takes the certainty from what something else may have refused, and finds what had to be refused. */
function judge(effect: Effect, session: SessionLife): void {
  const { operation, kind } = effect
  // A new id was in the response; a job and a channel say whether they succeeded; a user's sessions are found by name.
  const isAcknowledged = kind === 'replace' || kind === 'bind' || operation.seen === undefined || !isKnown(operation)
  if (!isAcknowledged && interferes(session, operation)) effect.certain = false
  if (operation.act === 'channel-clear' && interferes(session, operation)) effect.certain = false
  const { actedAt, sentAt } = operation
  if (actedAt === undefined || kind === 'replace' || kind === 'bind') return
  if (!isKnown(operation) || handleOf(operation.id ?? '') !== session.handle) return
  effect.zombie = session.effects.some(
    (other) =>
      // A logout with the id from before a mere new id still ends the session: a user who signs out is signed out.
      other.kind === (kind === 'end' ? 'bind' : 'replace') &&
      other.certain &&
      other.operation !== operation &&
      other.to > sentAt &&
      other.to + tick < actedAt,
  )
}

/** Whether something may have ended the session, or replaced its id, while the operation was under way. */
export function interferes({ effects }: SessionLife, operation: Operation): boolean {
  const { sentAt, endedAt } = operation
  return effects.some(
    ({ kind, from, to, operation: other }) =>
      (kind === 'replace' || kind === 'end') && other !== operation && from <= endedAt + tick && to >= sentAt - tick,
  )
}

/** Whether the session may have ended because it was not used. */
export function mayBeIdle({ options }: History, { operations, effects }: SessionLife, at: number): boolean {
  const { idle } = options.timeouts
  if (idle === undefined) return false
  // A job, an administrator and a socket are no use of the session.
  const isUse = ({ seen, outcome, endedAt }: Operation) => seen !== undefined && outcome === 'ok' && endedAt <= at
  const uses = operations.filter((operation) => isUse(operation) && isKnown(operation))
  const made = effects.map(({ operation }) => operation).filter((operation) => isUse(operation) && !isKnown(operation))
  const last = Math.max(0, ...[...uses, ...made].map(({ sentAt }) => sentAt))
  // An access is recorded each twentieth of the timeout only.
  return at - last > idle * 900 - 100
}
