import { createHash } from 'node:crypto'
import { toMilliseconds, toWire } from './record-layout'
import type { RedisLink } from './redis-link'
import { isReplyError } from './redis-link'
import { listScript } from './scripts'

/** One entry of an index: that this session was bound then. */
export interface IndexEntry {
  readonly member: string
  readonly handle: string
  /** When the session was bound, in seconds. */
  readonly boundAt: number
}

/** An entry without a record is either of a session that has ended, or of one that is being bound right now. By this age,
 * in seconds, it is the former. */
const settledAfter = 3600

/** Clocks of two processes may differ by this much, in milliseconds, before one forgets what the other still needs. */
const clockTolerance = 60_000

/** How many entries one command removes. */
const removalBatch = 1000

/**
 * The sessions of each subject: one sorted set at `<prefix>u:<SHA-256 of the subject, base64url>` (a subject may be of
 * any length and may hold any character), with an entry `<handle>:<createdAt in ms>` a login, scored with the instant, in
 * ms, at which its session ends at the latest.
 *
 * The index and the sessions lie on different nodes of a cluster, so no step covers both. What keeps them together is an
 * order and a rule. The order: an entry is there before its session can be opened, so a process that dies in between
 * leaves an entry too many and never a session too few. The rule: an entry counts only where its record says the same.
 * So nothing must be removed for an index to be right; entries are removed to keep it small, and then only those that
 * cannot be meant any more: past their score, of a session that was just ended (no handle is used twice), or without a
 * record for longer than any login takes. A second login on the same handle has an entry of its own, because `createdAt`
 * is part of it, and so cannot lose it to the clean-up after the first.
 */
export class SubjectIndex {
  readonly #link: RedisLink
  readonly #prefix: string

  constructor(link: RedisLink, prefix: string) {
    this.#link = link
    this.#prefix = prefix
  }

  /** To be awaited before the record is bound. */
  async add(subject: string, handle: string, boundAt: number, expiresAt: number, now: number): Promise<void> {
    const forgetUntil = String(Number(toMilliseconds(now)) - clockTolerance)
    const member = memberOf(handle, toMilliseconds(boundAt))
    await this.#link.run(listScript, this.#keyOf(subject), [member, toMilliseconds(expiresAt), forgetUntil])
  }

  /** All entries whose session may still be there; one command. */
  async entries(subject: string, now: number): Promise<IndexEntry[]> {
    const key = this.#keyOf(subject)
    const since = String(Number(toMilliseconds(now)) - clockTolerance)
    try {
      const reply = await this.#link.send(key, ['ZRANGE', key, since, '+inf', 'BYSCORE'])
      return Array.isArray(reply) ? reply.flatMap((member) => parseMember(String(member))) : []
    } catch (error) {
      if (isReplyError(error, 'WRONGTYPE')) return []
      throw error
    }
  }

  /** Takes entries out, without waiting: an index is right with them too. */
  forget(subject: string, members: readonly string[]): void {
    const key = this.#keyOf(subject)
    for (let i = 0; i < members.length; i += removalBatch) {
      this.#link.send(key, ['ZREM', key, ...members.slice(i, i + removalBatch)]).catch(() => undefined)
    }
  }

  #keyOf(subject: string): string {
    return `${this.#prefix}u:${createHash('sha256').update(toWire(subject)).digest('base64url')}`
  }
}

export function memberOf(handle: string, boundAt: string): string {
  return `${handle}:${boundAt}`
}

/** Whether the entry of a session that has no record (any more) is one that nobody is about to need. */
export function isSettled(entry: IndexEntry, now: number): boolean {
  return entry.boundAt < now - settledAfter
}

function parseMember(member: string): IndexEntry[] {
  const colon = member.lastIndexOf(':')
  const boundAt = Number(member.slice(colon + 1))
  if (colon < 1 || !Number.isFinite(boundAt)) return []
  return [{ member, handle: member.slice(0, colon), boundAt: boundAt / 1000 }]
}
