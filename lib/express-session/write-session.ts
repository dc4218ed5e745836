import type { IncomingMessage } from 'node:http'
import { andThen, type Awaitable, isPromise } from '../base/awaitable'
import { hasChanges } from '../session/fields'
import { slide } from './cookie'
import { warnOfLostValues } from './lost-values'
import { newOwnerOf, ownerOf } from './owner'
import type { Owner, SessionChanges } from './records'
import type { Setting } from './setting'
import type { CommittableSession } from './tracked-session'

/**
 * Brings the store up to date with the session: creates it, stores what changed, or records the access where nothing
 * did. False: it has ended meanwhile, and nothing was written.
 *
 * @param known What changed, where that was just found out and the app had no turn since.
 */
export function writeSession(
  setting: Setting,
  session: CommittableSession,
  req: IncomingMessage,
  known?: SessionChanges,
): Awaitable<boolean> {
  if (session.ended || typeof session.id !== 'string') return false
  const owner = ownerOf(setting.options, session.session, req, session.subject)
  slide(session.cookie)
  // An app that says whose session it is may have changed it.
  const changes = setting.options.subject === undefined ? known : undefined
  return session.stored
    ? update(setting, session, owner, changes ?? session.changes())
    : create(setting, session, owner, changes?.set ?? session.all())
}

const nothing: readonly string[] = []

function create(
  { records, options, accesses }: Setting,
  session: CommittableSession,
  owner: Owner,
  values: SessionChanges['set'],
): Awaitable<boolean> {
  warnOfLostValues(values)
  const created = { cookie: session.cookie, values, owner }
  return andThen(records.create(session.id, created, options.genid !== undefined), () => {
    session.stored = true
    session.modified ||= values.size > 0
    settle(session, { set: values, remove: nothing }, owner.subject)
    accesses.wasRecorded(session)
    return true
  })
}

function update(
  { records, accesses }: Setting,
  session: CommittableSession,
  owner: Owner,
  changes: SessionChanges,
): Awaitable<boolean> {
  const isChanged = hasChanges(changes)
  const { cookie, isCookieChanged: cookieChanged } = session
  const newOwner = newOwnerOf(owner, session.subject)
  const hasNews = isChanged || cookieChanged || newOwner !== undefined
  if (hasNews) warnOfLostValues(changes.set)
  const result = hasNews
    ? records.update(session.id, { set: changes.set, remove: changes.remove, cookie, cookieChanged, newOwner })
    : records.recordAccess(session.id, cookie)
  return isPromise(result)
    ? settleWhenUpdated(result, accesses, session, owner.subject, changes, isChanged)
    : settleUpdate(result, accesses, session, owner.subject, changes, isChanged)
}

async function settleWhenUpdated(
  updated: PromiseLike<boolean>,
  ...rest: [Setting['accesses'], CommittableSession, Owner['subject'], SessionChanges, boolean]
): Promise<boolean> {
  return settleUpdate(await updated, ...rest)
}

function settleUpdate(
  isLive: boolean,
  accesses: Setting['accesses'],
  session: CommittableSession,
  subject: Owner['subject'],
  changes: SessionChanges,
  isChanged: boolean,
): boolean {
  session.modified ||= isChanged
  if (!isLive) {
    session.ended = true
    return false
  }
  settle(session, changes, subject)
  accesses.wasRecorded(session)
  return true
}

function settle(session: CommittableSession, changes: SessionChanges, subject: Owner['subject']): void {
  session.settle(changes)
  session.subject = subject
  session.accessRequested = false
}
