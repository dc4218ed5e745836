import type { SessionRecord, StoredSession } from '../../session/record'
import type { UserSessionOperationContext } from '../../session/session-shape'

/*
 * How a session lies in Redis. One hash at `<prefix><handle>`, which expires at `retainUntil` of its record:
 *
 *   m   twelve words, one space between them:
 *         version hash epoch createdAt issuedAt accessedAt expiresAt idleUntil previous previousUntil pending boundAt
 *       Instants are Unix milliseconds; `-` is "none"; several hashes have a comma between them. `boundAt` is when the
 *       subject was bound, by the clock of the server and not of a process. The last two words may be absent. One field
 *       and not twelve: a read parses it in half the time.
 *   s   the subject, where there is one
 *   x   the context of its login, as JSON, where there is one
 *   u   the key of the subject's index, where there is a subject; absent on a cluster, where it lies on another node
 *   w   until when, in ms, a process watches the session, so that its changes are published; absent where none does
 *   every other name that is not one character long: a field of the session, as the session gave it
 *
 * This is version 1. A later version may append words to `m` and add fields with names of one character, and keeps what
 * is here as it is; a reader ignores what it does not know, and a change leaves it in place. So two versions of the
 * package can serve the same sessions while an app is rolled out or back. Anything that does not look like this was not
 * written by this package, and is no session.
 */
export const metaField = 'm'
export const subjectField = 's'
export const contextField = 'x'
export const indexField = 'u'

const version = '1'
const none = '-'
const meta = /^\d+ (\S+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+|-) (\S+) (\d+|-)(?: (\S+) (?:\d+|-))?(?: |$)/

/** An instant, or its absence, as the layout has it. */
export function toMilliseconds(instant: number | undefined): string {
  if (instant === undefined) return none
  return String(Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.round(instant * 1000))))
}

/** The words of a record that is to be inserted; `+` for the time by the server's clock, which its script fills in. */
export function encodeMeta(record: SessionRecord): string {
  const { hash, epoch, createdAt, issuedAt, accessedAt, expiresAt, idleUntil, previous, previousUntil, pending } =
    record
  const instants = [createdAt, issuedAt, accessedAt, expiresAt, idleUntil].map(toMilliseconds).join(' ')
  const bound = record.subject === undefined ? none : '+'
  const hashes = [previous?.join(',') ?? none, toMilliseconds(previousUntil), pending?.join(',') ?? none]
  return `${version} ${hash} ${epoch} ${instants} ${hashes.join(' ')} ${bound}`
}

export function encodeContext(context: UserSessionOperationContext | undefined): string {
  return context === undefined ? '' : JSON.stringify(context)
}

/** The session in a reply of HGETALL, or undefined when there is none in it. */
export function decodeSession(reply: unknown): StoredSession | undefined {
  if (!Array.isArray(reply) || reply.length === 0) return undefined
  const pairs = reply as string[]
  const fields = new Map<string, string>()
  let words: string | undefined
  let subject: string | undefined
  let context: string | undefined
  for (let i = 1; i < pairs.length; i += 2) {
    const name = pairs[i - 1] ?? ''
    const text = pairs[i] ?? ''
    if (name.length !== 1) fields.set(fromWire(name), fromWire(text))
    else if (name === metaField) words = text
    else if (name === subjectField) subject = text
    else if (name === contextField) context = text
  }
  const record = decodeRecord(words, subject, context)
  return record === undefined ? undefined : { record, fields }
}

/** The record in the three fields that hold one, or undefined when they do not. */
export function decodeRecord(
  words: string | null | undefined,
  subject: string | null | undefined,
  context: string | null | undefined,
): SessionRecord | undefined {
  const [, hash, epoch, createdAt, issuedAt, accessedAt, expiresAt, idleUntil, previous, previousUntil, pending] =
    meta.exec(words ?? '') ?? []
  if (hash === undefined) return undefined
  try {
    return {
      hash,
      previous: hashesIn(previous),
      previousUntil: optionalSeconds(previousUntil),
      pending: hashesIn(pending),
      epoch: Number(epoch),
      subject: subject == null ? undefined : fromWire(subject),
      context: context == null ? undefined : decodeContext(context),
      createdAt: Number(createdAt) / 1000,
      issuedAt: Number(issuedAt) / 1000,
      accessedAt: Number(accessedAt) / 1000,
      idleUntil: optionalSeconds(idleUntil),
      expiresAt: Number(expiresAt) / 1000,
    }
  } catch {
    return undefined
  }
}

function decodeContext(text: string): UserSessionOperationContext {
  const context: unknown = JSON.parse(text)
  if (typeof context !== 'object' || context === null) throw new TypeError('not a context')
  return context as UserSessionOperationContext
}

function hashesIn(word: string | undefined): readonly string[] | undefined {
  return word === undefined || word === none ? undefined : word.split(',')
}

function optionalSeconds(milliseconds: string | undefined): number | undefined {
  return milliseconds === none ? undefined : Number(milliseconds) / 1000
}

const escaped = 'j:'

/** The name of a session's field as Redis has it. Names of one character are the layout's own. */
export function toFieldName(name: string): string {
  return name.length === 1 ? escaped + JSON.stringify(name) : toWire(name)
}

/**
 * Text as it goes over the wire, which is UTF-8. A lone half of a surrogate pair has no UTF-8: it would arrive as
 * U+FFFD, so that two names or two users became one. Such text goes as `j:` and JSON, which spells the half out; so does
 * text that starts with `j:` itself.
 */
export function toWire(text: string): string {
  return text.startsWith(escaped) || !isWellFormed(text) ? escaped + JSON.stringify(text) : text
}

export function fromWire(text: string): string {
  if (!text.startsWith(escaped)) return text
  try {
    const original: unknown = JSON.parse(text.slice(escaped.length))
    return typeof original === 'string' ? original : text
  } catch {
    return text
  }
}

/** Node 20 has the method, the compiler's library for it does not; a regular expression takes six times as long. */
function isWellFormed(text: string): boolean {
  return (text as unknown as { isWellFormed(): boolean }).isWellFormed()
}
