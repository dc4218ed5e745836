import type { IncomingMessage } from 'node:http'
import { checkSubject } from '../session/subject'
import type { Owner } from './records'
import type { ResolvedOptions } from './resolve-options'

/** The owner to be stored with a session of `before`, where it is another one. */
export function newOwnerOf(owner: Owner, before: string | undefined): Owner | undefined {
  return owner.subject === before ? undefined : owner
}

export const noOwner: Owner = { subject: undefined, req: undefined }

/** Whose session it is, as the app says. @param before Whose it was: what counts for an app that does not say. */
export function ownerOf(
  { subject: subjectOf }: ResolvedOptions,
  session: object,
  req: IncomingMessage | undefined,
  before?: string,
): Owner {
  // What a logout leaves that sets the user to null, as express-session's own example does.
  const subject = subjectOf === undefined ? before : (subjectOf(session) ?? undefined)
  if (subject !== undefined) checkSubject(subject)
  return { subject, req }
}
