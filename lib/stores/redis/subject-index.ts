import { createHash } from 'node:crypto'
import { CallDeadline } from '../../base/call-deadline'
import { monotonicSeconds } from '../../base/clock'
import { RecentKeys } from '../../base/recent-keys'
import { digits, toInstant, toWire } from './record-layout'
import type { RedisLink } from './redis-link'
import { isReplyError } from './redis-link'
import { listScript } from './scripts'

/** One entry of an index: that this session was bound then. */
export interface IndexEntry {
  readonly member: string
  readonly handle: string
  /** When the session was bound, in seconds, by the clock of the process that did it. */
  readonly boundAt: number
}

/** An entry without a record is either of a session that has ended, or of one that is being bound right now. By this age,
 * in seconds, it is the former. */
const settledAfter = 3600

/** Clocks of the nodes of a cluster may differ by this much, in milliseconds. */
const clockTolerance = 60_000

/** Seconds; see `heal`. */
const healInterval = 60

/** How many entries one command reads: Redis takes a quarter of a microsecond for each. */
const mostOfPage = 1000

/** How many entries one command removes. */
const removalBatch = 1000

/** Characters of the hash of a subject: 132 bits of it. Two subjects that share them would share an index, which is right all the
 * same, because an entry counts only for the subject that its record names. */
const subjectHashLength = 22

/**
 * The sessions of each subject: one sorted set at `<prefix>u:<SHA-256 of the subject, base64url, 22 characters of it>` (a
 * subject may be of any length and may hold any character), with a member `<handle>:<createdAt>` for each login, scored with the
 * instant, in ms, at which its session ends at the latest; `createdAt` is ms to the base 36. The record names its entry, in
 * its field `u`: `<22 characters> <createdAt> <expiresAt>`.
 *
 * The index and the sessions lie on different nodes of a cluster, so no step covers both. What keeps them together is
 * an order and a rule. The order: an entry is there before its session can be opened, so a process that dies in between
 * leaves an entry too many and never a session too few. The rule: an entry counts only where its record says the same.
 * So nothing must be removed for an index to be right; entries are removed to keep it small, and then only those that
 * cannot be meant any more: past their score, of a session that was just ended (no handle is used twice), or without a
 * record for longer than any login takes; and the time is that of Redis, whatever the clocks of the processes say. A
 * second login on the same handle has an entry of its own, because `createdAt` is part of it, and so cannot lose it to
 * the clean-up after the first.
 */
export class SubjectIndex {
  readonly #link: RedisLink
  readonly #prefix: string
  readonly #isElsewhere: boolean
  /** Handles whose entry was looked for, and made again if need be, just now. */
  readonly #healed = new RecentKeys()

  /** @param isElsewhere Whether an index may lie on another node than its sessions. */
  constructor(link: RedisLink, prefix: string, isElsewhere: boolean) {
    this.#link = link
    this.#prefix = prefix
    this.#isElsewhere = isElsewhere
  }

  /** The entry of a session that is bound to the subject, as its record has it. */
  entryOf(subject: string, boundAt: number, expiresAt: number): string {
    const name = createHash('sha256').update(toWire(subject)).digest('base64url').slice(0, subjectHashLength)
    return `${name} ${toInstant(boundAt)} ${toInstant(expiresAt)}`
  }

  /** To be awaited before the record is bound. */
  async add(handle: string, entry: string, deadline: CallDeadline): Promise<void> {
    const { key, member, expiresAt } = this.#read(handle, entry)
    await this.#link.runWithin(deadline, listScript, key, [digits(expiresAt), member])
  }

  /**
   * Whether a write of the session asks for its entry, which may have been lost: Redis evicts an index before its sessions,
   * because it is used least; a failover may lose the one and not the other. Once a minute for each session: asking at each
   * write took Redis as long again as the write.
   */
  isHealDue(handle: string, now: number): boolean {
    return !this.#healed.has(handle, now)
  }

  /** A script has looked for the entry, and made it again; or it lies on another node and is made again now, without waiting. */
  heal(handle: string, entry: string): void {
    const now = monotonicSeconds()
    if (!this.isHealDue(handle, now)) return
    this.#healed.keep(handle, now + healInterval, now)
    if (!this.#isElsewhere) return
    this.add(handle, entry, new CallDeadline(healInterval)).catch(() => {
      this.#healed.forget(handle)
    })
  }

  /**
   * All members whose session may still be there; see `readMember`. One command for up to a page of them; of more, a command
   * for each page, so that none of them takes Redis long. Pages are cut by score, which never falls: a member that is there
   * from the beginning to the end is found, whatever comes and goes meanwhile; one whose score rises may be found twice.
   */
  async *pages(subject: string): AsyncGenerator<readonly string[], void, undefined> {
    const key = this.#keyOf(subject)
    const time = this.#link.clock.latest(performance.now())
    const since = time === undefined ? '-inf' : String(time - clockTolerance)
    const first = await this.#range(key, since, mostOfPage + 1)
    if (first.length <= mostOfPage) {
      yield first.map(String)
      return
    }
    let from = since
    /** Those of the score that the next page begins with. */
    let known = new Set<string>()
    for (;;) {
      const limit = Math.max(mostOfPage, 2 * known.size)
      const found = toPairs(await this.#range(key, from, limit, 'WITHSCORES'))
      const [, last = from] = found.at(-1) ?? []
      yield found.flatMap(([member]) => (known.has(member) ? [] : [member]))
      if (found.length < limit) return
      if (last !== from) known = new Set()
      for (const [member, score] of found) if (score === last) known.add(member)
      from = last
    }
  }

  async #range(key: string, from: string, limit: number, ...more: string[]): Promise<readonly unknown[]> {
    try {
      const args = ['ZRANGE', key, from, '+inf', 'BYSCORE', 'LIMIT', '0', String(limit), ...more]
      const reply = await this.#link.send(key, args)
      return Array.isArray(reply) ? (reply as unknown[]) : []
    } catch (error) {
      if (isReplyError(error, 'WRONGTYPE')) return []
      throw error
    }
  }

  /** Whether the entry of a session that has no record (any more) is one of a session that has ended, and not of a login
   * between its two commands. */
  isSettled({ boundAt }: IndexEntry): boolean {
    const time = this.#link.clock.latest(performance.now()) ?? Date.now()
    return boundAt < time / 1000 - settledAfter
  }

  /** Takes the entry of a session out, without waiting: an index is right with it too. */
  forget(handle: string, entry: string): void {
    const { key, member } = this.#read(handle, entry)
    this.#remove(key, [member])
  }

  /** As `forget`, of many. */
  forgetMembers(subject: string, members: readonly string[]): void {
    const key = this.#keyOf(subject)
    for (let i = 0; i < members.length; i += removalBatch) this.#remove(key, members.slice(i, i + removalBatch))
  }

  #remove(key: string, members: readonly string[]): void {
    this.#link.send(key, ['ZREM', key, ...members]).catch(() => undefined)
  }

  #keyOf(subject: string): string {
    return this.#read('', this.entryOf(subject, 0, 0)).key
  }

  #read(handle: string, entry: string): { key: string; member: string; expiresAt: number } {
    const [name = '', boundAt = '', expiresAt = ''] = entry.split(' ')
    return { key: `${this.#prefix}u:${name}`, member: `${handle}:${boundAt}`, expiresAt: parseInt(expiresAt, 36) }
  }
}

/** Whether two entries of one session are the same member of the same index. */
export function isSameEntry(one: string, other: string): boolean {
  return one.slice(0, one.lastIndexOf(' ')) === other.slice(0, other.lastIndexOf(' '))
}

/** The entry that a member of an index is, or none. */
export function readMember(member: string): IndexEntry[] {
  const colon = member.lastIndexOf(':')
  const boundAt = parseInt(member.slice(colon + 1), 36)
  if (colon < 1 || !Number.isFinite(boundAt)) return []
  return [{ member, handle: member.slice(0, colon), boundAt: boundAt / 1000 }]
}

/** Members with their scores: pairs in protocol version 3, flat in version 2. */
function toPairs(reply: readonly unknown[]): (readonly [member: string, score: string])[] {
  if (Array.isArray(reply[0])) return (reply as unknown[][]).map(([member, score]) => [String(member), String(score)])
  return Array.from({ length: reply.length / 2 }, (_, n) => [String(reply[2 * n]), String(reply[2 * n + 1])])
}
