import type { RecordChange } from '../../session/record'
import { encodeContext, toMilliseconds, toWire } from './record-layout'

/**
 * A change as the change script takes it. First one text of words, because most changes are of one value and each
 * argument of its own would cost some ten bytes:
 *
 *   now  epoch or -  number of removals
 *   o                                          only a session of the subject that is the next argument
 *   a accessedAt, idleUntil or -               an access
 *   n from, to, issuedAt, previousUntil        a new id with overlap
 *   r hash, issuedAt                           a new id without overlap
 *   b createdAt, idleUntil or -, expiresAt     bound, to the subject and with the context that are the next arguments
 *                                              (empty for none)
 *
 * Then the arguments named above, then the names to remove, then names and values to set.
 */
export function changeArguments(change: RecordChange, now: number, ofSubject?: string): string[] {
  const { epoch, fields, access, renew, replace, bind } = change
  const removals = fields?.remove ?? []
  const words = [toMilliseconds(now), epoch ?? '-', removals.length]
  const args = ['']
  if (ofSubject !== undefined) {
    words.push('o')
    args.push(toWire(ofSubject))
  }
  if (access !== undefined) words.push('a', toMilliseconds(access.accessedAt), toMilliseconds(access.idleUntil))
  if (renew !== undefined) {
    words.push('n', renew.from, renew.to, toMilliseconds(renew.issuedAt), toMilliseconds(renew.previousUntil))
  }
  if (replace !== undefined) words.push('r', replace.hash, toMilliseconds(replace.issuedAt))
  if (bind !== undefined) {
    words.push('b', toMilliseconds(bind.createdAt), toMilliseconds(bind.idleUntil), toMilliseconds(bind.expiresAt))
    args.push(bind.subject === undefined ? '' : toWire(bind.subject), encodeContext(bind.context))
  }
  args[0] = words.join(' ')
  for (const name of removals) args.push(toWire(name))
  if (fields !== undefined) {
    for (const [name, text] of fields.set) args.push(toWire(name), toWire(text))
  }
  return args
}
