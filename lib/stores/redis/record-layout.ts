import { deadlineOf } from '../../session/lifetime'
import type { SessionRecord, StoredSession } from '../../session/record'
import type { UserSessionOperationContext } from '../../session/session-shape'

/*
 * How a session lies in Redis. One hash at `<prefix><handle>`, which expires at `retainUntil` of its record:
 *
 *   m   what most changes ask for: when the session ends (the earlier of its two deadlines, Unix ms, 13 digits), the hash of the
 *       current id (43 characters), the epoch, `+` where there is a field `u`, `*` where there is one `w`
 *   t   words, one space between them: version createdAt issuedAt accessedAt expiresAt idleUntil previousUntil
 *       Instants are Unix ms to the base 36; `-` is "none".
 *   p   the hashes of the ids before it, n of the pending ones, with commas; absent where there are none
 *   s   the subject, where there is one; with it
 *   x   the context of its login, as JSON, if it has one
 *   b   when the subject was bound, Unix ms, by the clock of the server and not of a process
 *   u   the session's entry in the index of its subject; see subject-index.ts
 *   w   until when, in ms, a process watches the session, so that its changes are published; absent where none does
 *   every other name that is not one character long: a field of the session, as the session gave it
 *
 * Redis keeps a hash in one block of memory, a third of the size, as long as no value in it has more than 64 bytes: so the
 * record is several fields, none of them longer. A change of values alone reads `m` and nothing else.
 *
 * This is version 1. A later version may append words to `t` and add fields with names of one character, and keeps what
 * is here as it is; a reader ignores what it does not know, and a change leaves it in place. So two versions of the
 * package can serve the same sessions while an app is rolled out or back. Anything that does not look like this was not
 * written by this package, and is no session.
 */
const version = '1'
export const none = '-'
/** Instants to the base 36 have nine digits from 2059 on, and decimal ones thirteen until 2286. */
const lastInstant = 9_999_999_999_999
// Without groups, whose texts and arrays cost as much again as the match.
const summary = /^\d{13}[\w-]{43}\d+\+?\*?$/
const times = /^\d+(?: [\da-z]{1,9}){4}(?: [\da-z]{1,9}| -){2}(?: |$)/

/** The fields that hold a record, in the order of {@link decodeRecord}. */
export const recordFields = ['m', 't', 'p', 'n', 's', 'x'] as const

/** An instant of a record, or its absence, as the layout has it. */
export function toInstant(instant: number | undefined): string {
  return instant === undefined ? none : wholeMilliseconds(instant).toString(36)
}

/** An instant as thirteen digits: such texts compare as the instants do. */
export function toDigits(instant: number): string {
  return digits(wholeMilliseconds(instant))
}

/** Milliseconds as thirteen digits. */
export function digits(milliseconds: number): string {
  const text = String(Math.min(lastInstant, Math.max(0, Math.trunc(milliseconds))))
  return text.length === 13 ? text : text.padStart(13, '0')
}

function wholeMilliseconds(instant: number): number {
  return Math.min(lastInstant, Math.max(0, Math.round(instant * 1000)))
}

/**
 * A record that is to be inserted: the values of `m` and `t`, then names and values of its other fields. Of a record with a
 * subject the first of these is `b` with an empty value, which the script fills in.
 *
 * @param entry Of the subject's index, where there is a subject.
 */
export function encodeRecord(record: SessionRecord, entry: string | undefined): string[] {
  const { hash, epoch, createdAt, issuedAt, accessedAt, expiresAt, idleUntil, previousUntil } = record
  const instants = [createdAt, issuedAt, accessedAt, expiresAt, idleUntil, previousUntil].map(toInstant).join(' ')
  const { previous, pending, subject, context } = record
  const fields = [
    `${toDigits(deadlineOf(record))}${hash}${epoch}${entry === undefined ? '' : '+'}`,
    `${version} ${instants}`,
  ]
  if (subject !== undefined) fields.push('b', '', 's', toWire(subject))
  if (entry !== undefined) fields.push('u', entry)
  if (context !== undefined) fields.push('x', encodeContext(context))
  if (previous !== undefined) fields.push('p', previous.join(','))
  if (pending !== undefined) fields.push('n', pending.join(','))
  return fields
}

export function encodeContext(context: UserSessionOperationContext | undefined): string {
  return context === undefined ? '' : JSON.stringify(context)
}

type Text = string | null | undefined

/** The session in a reply of HGETALL, or undefined when there is none in it. */
export function decodeSession(reply: unknown): StoredSession | undefined {
  if (!Array.isArray(reply) || reply.length === 0) return undefined
  const pairs = reply as string[]
  const fields = new Map<string, string>()
  let m: Text, t: Text, p: Text, n: Text, s: Text, x: Text
  for (let i = 1; i < pairs.length; i += 2) {
    const name = pairs[i - 1] ?? ''
    const text = pairs[i] ?? ''
    if (name.length !== 1) fields.set(fromWire(name), fromWire(text))
    else if (name === 'm') m = text
    else if (name === 't') t = text
    else if (name === 'p') p = text
    else if (name === 'n') n = text
    else if (name === 's') s = text
    else if (name === 'x') x = text
  }
  const record = decodeRecord([m, t, p, n, s, x])
  return record === undefined ? undefined : { record, fields }
}

/** The record in the fields that hold one, or undefined when they do not. */
export function decodeRecord([m, t, p, n, s, x]: readonly Text[]): SessionRecord | undefined {
  if (m == null || t == null || !summary.test(m) || !times.test(t)) return undefined
  const created = nextWord(t, 0)
  const issued = nextWord(t, created)
  const accessed = nextWord(t, issued)
  const expires = nextWord(t, accessed)
  const idle = nextWord(t, expires)
  try {
    return {
      hash: m.slice(13, 56),
      previous: p == null ? undefined : p.split(','),
      previousUntil: optionalAt(t, nextWord(t, idle)),
      pending: n == null ? undefined : n.split(','),
      epoch: parseInt(m.slice(56), 10),
      subject: s == null ? undefined : fromWire(s),
      context: x == null ? undefined : decodeContext(x),
      createdAt: secondsAt(t, created),
      issuedAt: secondsAt(t, issued),
      accessedAt: secondsAt(t, accessed),
      idleUntil: optionalAt(t, idle),
      expiresAt: secondsAt(t, expires),
    }
  } catch {
    return undefined
  }
}

function nextWord(text: string, from: number): number {
  return text.indexOf(' ', from) + 1
}

/** The instant that begins there, in ms to the base 36, as seconds: without a text of its own, as `parseInt` would need. */
function secondsAt(text: string, from: number): number {
  let milliseconds = 0
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x20) break
    milliseconds = milliseconds * 36 + (code < 0x3a ? code - 0x30 : code - 0x57)
  }
  return milliseconds / 1000
}

function optionalAt(text: string, from: number): number | undefined {
  return text.startsWith(none, from) ? undefined : secondsAt(text, from)
}

function decodeContext(text: string): UserSessionOperationContext {
  const context: unknown = JSON.parse(text)
  if (typeof context !== 'object' || context === null) throw new TypeError('not a context')
  return context as UserSessionOperationContext
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
  return text.startsWith(escaped) || !text.isWellFormed() ? escaped + JSON.stringify(text) : text
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
