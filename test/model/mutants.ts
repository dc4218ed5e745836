/** Broken copies of the package: `npm run test:model -- mutants` shows that a run finds out about each. */
import type { Patch } from './program'

export interface Mutant extends Patch {
  readonly name: string
  /** The run that has to find out; see profiles.ts. */
  readonly profile: string
}

const scripts = 'lib/stores/redis/scripts.ts'

export const mutants: readonly Mutant[] = [
  {
    name: 'epoch-ignored',
    profile: 'plain',
    file: scripts,
    from: "if epoch ~= stored and epoch ~= '-' then return -(clock or 1) end",
    to: '',
  },
  {
    name: 'delete-keeps-the-record',
    profile: 'plain',
    file: scripts,
    from: "redis.call('UNLINK', KEYS[1])\nreturn { live",
    to: 'return { live',
  },
  {
    name: 'late-logout-ends-the-login',
    profile: 'logins',
    file: scripts,
    from: "(created ~= '-' and created ~= current)",
    to: 'false',
  },
  {
    name: 'no-deadline',
    profile: 'plain',
    file: scripts,
    from: "redis.call('PEXPIREAT', KEYS[1], ARGV[2])\nreturn clock",
    to: 'return clock',
  },
  {
    name: 'flash-kept',
    profile: 'plain',
    file: scripts,
    from: "redis.call('HDEL', KEYS[1], unpack(ARGV, i, math.min(i + 999, at + removals - 1)))",
    to: "for i = at, at + removals - 1 do if ARGV[i]:sub(1, 2) ~= 'f:' then redis.call('HDEL', KEYS[1], ARGV[i]) end end",
  },
  {
    name: 'removal-forgotten',
    profile: 'plain',
    file: scripts,
    from: "redis.call('HDEL', KEYS[1], unpack(ARGV, i, math.min(i + 999, at + removals - 1)))",
    to: '',
  },
  {
    name: 'whole-session-written',
    profile: 'plain',
    file: 'lib/session/tracked-values.ts',
    from: 'for (const key of this.#removed) remove.push(valueField(key))',
    to: `for (const key of this.#removed) remove.push(valueField(key))
    if (set.size === 0) return
    for (const [key, text] of this.texts()) if (!set.has(valueField(key))) set.set(valueField(key), text)`,
  },
  {
    name: 'old-id-opens-after-login',
    profile: 'plain',
    file: scripts,
    from: "record.hash, record.previous, record.overlap, record.pending = replacing, '-', '-', '-'",
    to: "record.hash, record.previous, record.overlap, record.pending = replacing, hash, 'zzzzzzzz', '-'",
  },
  {
    name: 'no-index-entry',
    profile: 'plain',
    file: scripts,
    from: "redis.pcall('ZADD', KEYS[1], 'GT', expires, ARGV[3])",
    to: '0',
  },
  {
    name: 'no-channel-notification',
    profile: 'plain',
    file: scripts,
    from: "redis.pcall('HSET', KEYS[1], 'w', ARGV[1], 'm', m)",
    to: '',
  },
  {
    name: 'renewal-by-each',
    profile: 'long-lived',
    file: scripts,
    from: 'if from ~= record.hash or after ~= last then return 1 end',
    to: '',
  },
  {
    name: 'no-overlap',
    profile: 'long-lived',
    file: scripts,
    from: 'record.previous, record.pending = previous, later',
    to: "record.previous, record.pending = '-', later",
  },
  {
    name: 'lost-response-signs-out',
    profile: 'renewal-lost',
    file: scripts,
    from: `  if tonumber(overlap, 36) <= tonumber(issued, 36) then
    record.hash, record.issued, record.overlap, record.pending = to, issued, '-', '-'`,
    to: `  if true then
    record.previous, record.hash, record.issued, record.overlap, record.pending = from, to, issued, overlap, '-'`,
  },
  {
    name: 'access-not-recorded',
    profile: 'idle',
    file: scripts,
    from: '      record.idle = deadline\n',
    to: '',
  },
]
