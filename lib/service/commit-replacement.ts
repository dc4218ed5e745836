import { SessionError } from '../base/errors'
import { warnRarely } from '../base/warnings'
import { handleNamedBy, hashId } from '../id/session-id'
import type { CommitFacts } from '../session/commit-plan'
import { type AnySession, stateOf } from '../session/session'
import type { CommitOutcome, SessionService } from './session-service'

/** What became of a session that took the place of others within one request. */
export interface ReplacementOutcome {
  readonly outcome: CommitOutcome
  /** One of the replaced sessions had a cookie that the client is to delete. */
  readonly cleared: boolean
}

const notStored: CommitOutcome = { store: 'nothing', cookie: 'none', undeliverable: false }

/**
 * Stores a session, and deletes those that it replaced in the same request, so that a store that fails in between leaves
 * nothing half done: a record and its successor are two keys, which no store changes in one step.
 *
 * - A login over another user's login is inserted first: when that fails, the client still has the session that it had.
 *   When the deletion fails, the new session is taken back.
 * - A logout deletes first. When the flash message for the next page cannot be stored then (a Redis that is out of memory
 *   deletes but does not insert), the client is signed out all the same, and a warning says that the message was lost.
 *
 * @param replaced Sessions that the request ended; those that are deleted are taken out.
 */
export async function commitReplacement(
  service: SessionService,
  replaced: AnySession[],
  session: AnySession,
  delivery: CommitFacts['delivery'],
  hasCookie: boolean,
): Promise<ReplacementOutcome> {
  const deleteReplaced = async (): Promise<boolean> => {
    let cleared = false
    for (let next = replaced[0]; next !== undefined; next = replaced[0]) {
      const { cookie } = await service.commit(next, delivery, hasCookie)
      replaced.splice(replaced.indexOf(next), 1)
      cleared ||= cookie === 'clear'
    }
    return cleared
  }

  if (stateOf(session).hasOnlyFlash) {
    const before = [...replaced]
    const cleared = await deleteReplaced()
    if (before.some((one) => stateOf(one).isDeleteRefused)) {
      // The client has logged in meanwhile, on another id: a cookie for the flash message would take its place.
      stateOf(session).discard()
      return { outcome: notStored, cleared: false }
    }
    try {
      return { outcome: await service.commit(session, delivery, hasCookie), cleared }
    } catch (error) {
      if (!(error instanceof SessionError) || error.status === undefined) throw error
      stateOf(session).discard()
      warnRarely('HOLDFAST_FLASH_NOT_STORED', `${error.code}: ${error.message}`)
      return { outcome: notStored, cleared }
    }
  }
  const outcome = await service.commit(session, delivery, hasCookie)
  try {
    return { outcome, cleared: await deleteReplaced() }
  } catch (error) {
    if (outcome.store === 'insert') takeBack(service, session)
    throw error
  }
}

/** Deletes a session whose id the client will not get. The store has just failed, so this is tried until it succeeds. */
function takeBack(service: SessionService, session: AnySession): void {
  const state = stateOf(session)
  const { issuedId = state.id } = state
  service.store.withdraw(handleNamedBy(issuedId), hashId(issuedId))
  state.discard()
}
