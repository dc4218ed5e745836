import type { IncomingMessage } from 'node:http'
import { andThen, type Awaitable } from '../base/awaitable'
import { hasChanges } from '../session/fields'
import { slide } from './cookie'
import { warnOfLostValues } from './lost-values'
import { ownerOf } from './owner'
import type { Owner, SessionChanges } from './records'
import type { Setting } from './setting'
import type { CommittableSession } from './tracked-session'

/** Brings the store up to date with the session: creates it, stores what changed, or records the access where nothing
 * did. False: it has ended meanwhile, and nothing was written. */
export function writeSession(setting: Setting, session: CommittableSession, req: IncomingMessage): Awaitable<boolean> {
  if (session.ended || typeof session.id !== 'string') return false
  const owner = ownerOf(setting.options, session.session, req, session.subject)
  slide(session.cookie)
  return session.stored ? update(setting, session, owner) : create(setting, session, owner)
}

function create(
  { records, options, accesses }: Setting,
  session: CommittableSession,
  owner: Owner,
): Awaitable<boolean> {
  const values = session.all()
  warnOfLostValues(values)
  const created = { cookie: session.cookie, values, owner }
  return andThen(records.create(session.id, created, options.genid !== undefined), () => {
    session.stored = true
    session.modified ||= values.size > 0
    settle(session, { set: values, remove: [] }, owner)
    accesses.wasRecorded(session)
    return true
  })
}

function update({ records, accesses }: Setting, session: CommittableSession, owner: Owner): Awaitable<boolean> {
  const changes = session.changes()
  const isChanged = hasChanges(changes)
  const { cookie, isCookieChanged: cookieChanged } = session
  const newOwner = owner.subject === session.subject ? undefined : owner
  const hasNews = isChanged || cookieChanged || newOwner !== undefined
  if (hasNews) warnOfLostValues(changes.set)
  const result = hasNews
    ? records.update(session.id, { ...changes, cookie, cookieChanged, newOwner })
    : records.recordAccess(session.id, cookie)
  return andThen(result, (isLive) => {
    session.modified ||= isChanged
    if (!isLive) {
      session.ended = true
      return false
    }
    settle(session, changes, owner)
    accesses.wasRecorded(session)
    return true
  })
}

function settle(session: CommittableSession, changes: SessionChanges, { subject }: Owner): void {
  session.settle(changes)
  session.subject = subject
  session.accessRequested = false
}
