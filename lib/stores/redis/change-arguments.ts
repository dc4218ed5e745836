import type { RecordChange } from '../../session/record'
import { encodeContext, toFieldName, toMilliseconds, toWire } from './record-layout'

/** What a change of a session found through its subject's index asks of the record. */
export interface OwnerCondition {
  readonly subject: string
  /** Not bound later than this, Unix ms by the server's clock; undefined where that is not known. */
  readonly boundBefore: number | undefined
}

/**
 * A change as the change script takes it. First one text of words, because most changes are of one value and each
 * argument of its own would cost some ten bytes; the caller puts the time limit in front of it:
 *
 *   now  epoch or -  number of removals
 *   o boundBefore or -                               only a session of the subject that is the next argument
 *   a accessedAt, idleUntil or -                     an access
 *   c hash, issuedAt                                 a pending id was sent by the client
 *   n from, after or -, to, issuedAt, previousUntil  a new id with overlap
 *   r hash, issuedAt                                 a new id without overlap
 *   b createdAt, idleUntil or -, expiresAt           bound, to the subject, with the context and the key of the index that
 *                                                    are the next arguments (empty for none)
 *
 * Then the arguments named above, then the names to remove, then names and values to set.
 */
export function changeArguments(
  change: RecordChange,
  now: number,
  indexKey: string | undefined,
  owner?: OwnerCondition,
): string[] {
  const { epoch, fields, access, confirm, renew, replace, bind } = change
  const removals = fields?.remove ?? []
  const words = [toMilliseconds(now), epoch ?? '-', removals.length]
  const args = ['']
  if (owner !== undefined) {
    words.push('o', owner.boundBefore ?? '-')
    args.push(toWire(owner.subject))
  }
  if (access !== undefined) words.push('a', toMilliseconds(access.accessedAt), toMilliseconds(access.idleUntil))
  if (confirm !== undefined) words.push('c', confirm.hash, toMilliseconds(confirm.issuedAt))
  if (renew !== undefined) {
    const { from, after, to, issuedAt, previousUntil } = renew
    words.push('n', from, after ?? '-', to, toMilliseconds(issuedAt), toMilliseconds(previousUntil))
  }
  if (replace !== undefined) words.push('r', replace.hash, toMilliseconds(replace.issuedAt))
  if (bind !== undefined) {
    words.push('b', toMilliseconds(bind.createdAt), toMilliseconds(bind.idleUntil), toMilliseconds(bind.expiresAt))
    args.push(bind.subject === undefined ? '' : toWire(bind.subject), encodeContext(bind.context), indexKey ?? '')
  }
  args[0] = words.join(' ')
  for (const name of removals) args.push(toFieldName(name))
  if (fields !== undefined) {
    for (const [name, text] of fields.set) args.push(toFieldName(name), toWire(text))
  }
  return args
}
