import type { RecordChange } from '../../session/record'
import type { DeleteConditions } from '../../session/store'
import { digits, encodeContext, none, toDigits, toFieldName, toInstant, toWire } from './record-layout'

/** What a change of a session found through its subject's index asks of the record. */
export interface OwnerCondition {
  readonly subject: string
  /** Not bound later than this, Unix ms by the server's clock; undefined where that is not known. */
  readonly boundBefore: number | undefined
}

/** More names and values than this are for the general script, which passes them on in portions. */
const mostFields = 500

/** Whether the change is one for `changeFieldsScript`: it sets fields, and does nothing else. */
export function setsFieldsOnly({ fields, access, confirm, renew, replace, bind }: RecordChange): boolean {
  if (fields === undefined || fields.remove.length > 0 || fields.set.size > mostFields) return false
  if (fields.set.size === 0 || access !== undefined || confirm !== undefined) return false
  return renew === undefined && replace === undefined && bind === undefined
}

/**
 * The arguments of `changeFieldsScript`: the instant that the session has to reach, a millisecond after now, so that texts of
 * different length compare; the end of `m` that most sessions have: the epoch (`-` for any), and `+` where the subject's index is
 * not asked for the session; then names and values.
 */
export function fieldArguments({ epoch, fields }: RecordChange, now: number, heals: boolean): string[] {
  const expected = epoch === undefined ? none : String(epoch)
  const args = [digits(Math.round(now * 1000) + 1), heals ? expected : `${expected}+`]
  if (fields !== undefined) {
    for (const [name, text] of fields.set) args.push(toFieldName(name), toWire(text))
  }
  return args
}

/**
 * A change as the general change script takes it. First one text of words:
 *
 *   now  epoch or -  number of removals
 *   o boundBefore or -                               only a session of the subject that is the next argument
 *   a accessedAt, idleUntil or -                     an access
 *   c hash, issuedAt                                 a pending id was sent by the client
 *   n from, after or -, to, issuedAt, previousUntil  a new id with overlap
 *   r hash, issuedAt                                 a new id without overlap
 *   b createdAt, idleUntil or -, expiresAt           bound, to the subject, with the context and the entry of the index that
 *                                                    are the next arguments (empty for none)
 *
 * Then the arguments named above, then the names to remove, then names and values to set. `now` and `boundBefore` have
 * thirteen digits, instants of the record are as the layout has them.
 */
export function changeArguments(
  change: RecordChange,
  now: number,
  entry: string | undefined,
  owner?: OwnerCondition,
): string[] {
  const { epoch, fields, access, confirm, renew, replace, bind } = change
  const removals = fields?.remove ?? []
  const words = [toDigits(now), epoch ?? none, removals.length]
  const args = ['']
  if (owner !== undefined) {
    words.push('o', owner.boundBefore === undefined ? none : digits(owner.boundBefore))
    args.push(toWire(owner.subject))
  }
  if (access !== undefined) words.push('a', toInstant(access.accessedAt), toInstant(access.idleUntil))
  if (confirm !== undefined) words.push('c', confirm.hash, toInstant(confirm.issuedAt))
  if (renew !== undefined) {
    const { from, after, to, issuedAt, previousUntil } = renew
    words.push('n', from, after ?? none, to, toInstant(issuedAt), toInstant(previousUntil))
  }
  if (replace !== undefined) words.push('r', replace.hash, toInstant(replace.issuedAt))
  if (bind !== undefined) {
    words.push('b', toInstant(bind.createdAt), toInstant(bind.idleUntil), toInstant(bind.expiresAt))
    args.push(bind.subject === undefined ? '' : toWire(bind.subject), encodeContext(bind.context), entry ?? '')
  }
  args[0] = words.join(' ')
  for (const name of removals) args.push(toFieldName(name))
  if (fields !== undefined) {
    for (const [name, text] of fields.set) args.push(toFieldName(name), toWire(text))
  }
  return args
}

/** The arguments of `deleteScript`. @param boundBefore As in {@link OwnerCondition}. */
export function deleteArguments(
  now: number,
  { subject, createdAt, hash }: DeleteConditions = {},
  boundBefore?: number,
): string[] {
  const before = boundBefore === undefined ? none : digits(boundBefore)
  const words = `${toDigits(now)} ${toInstant(createdAt)} ${hash ?? none} ${before}`
  return subject === undefined ? [words] : [words, toWire(subject)]
}
