import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { builtProgram } from '../../support/built-program'

interface Bytes {
  readonly none: number
  readonly read: number
  readonly write: number
}

const isRecent = Number.parseInt(process.versions.node) >= 24

/**
 * Bytes of heap that sessions on a memory store may allocate for a request, over the same app without sessions. On Node 20
 * and 22 an Express request allocates less with them, because their preparation has V8 keep its properties in a table (our own
 * entry point: none -6 210 and -5 810, read -3 480 and -2 870, write 60 and 590): what was measured, and 1 500. On 24 a
 * quarter more than was measured (330, 5 710, 9 960). Express-session allocates 13 500, 16 600 and 16 300 on Node 20. A commit
 * that raises one says why.
 */
const allocatedBudgets: Record<string, Bytes> = isRecent
  ? {
      'our own entry point': { none: 2100, read: 7200, write: 12_500 },
      'in place': { none: 3500, read: 8500, write: 22_000 },
      'own records': { none: 3500, read: 8500, write: 16_000 },
    }
  : {
      'our own entry point': { none: -4300, read: -1400, write: 2100 },
      'in place': { none: -3800, read: -900, write: 6900 },
      'own records': { none: -3600, read: -1100, write: 2600 },
    }

/**
 * Bytes that outlive two collections of the new space, as a full one has to find them, over the same app without sessions,
 * with the small new space that a process begins with. On Node 20 and 22 some 8 800 less than without, which are the hidden
 * classes of an Express request; a write in place, which waits for its store three times, 7 300. What is ours was 5 000 and
 * more as long as a response that had ended led to its session. Express-session's are 12 000 more than without.
 */
const outlivingBudget: Bytes = isRecent
  ? { none: 2000, read: 2000, write: 4500 }
  : { none: -7000, read: -7000, write: -5500 }

function bytesOf(sessions: string, flags: readonly string[]): Bytes {
  const program = builtProgram(join(__dirname, 'allocated.ts'))
  const output = execFileSync(process.execPath, ['--expose-gc', ...flags, program, sessions], {
    encoding: 'utf8',
    env: { ...process.env, NODE_ENV: 'production', NODE_NO_WARNINGS: '1' },
  })
  return JSON.parse(output) as Bytes
}

function expectWithin(bytes: Bytes, budget: Bytes): void {
  for (const request of ['none', 'read', 'write'] as const) {
    expect([request, bytes[request]]).toEqual([request, expect.any(Number)])
    expect({ request, over: Math.max(0, bytes[request] - budget[request]) }).toEqual({ request, over: 0 })
  }
}

test.each(Object.entries(allocatedBudgets))(
  'the garbage of a request stays within its budget: %s',
  (sessions, budget) => {
    const bytes = bytesOf(sessions, ['--min-semi-space-size=512', '--max-semi-space-size=512'])
    expectWithin(bytes, budget)
    expect(bytes.none).not.toBe(0)
  },
  60_000,
)

test.each(Object.keys(allocatedBudgets))(
  'a request that is over leaves little to the old generation: %s',
  (sessions) => {
    const newSpace = ['--min-semi-space-size=1', '--max-semi-space-size=1', '--single-threaded-gc']
    // No full collection meanwhile.
    const bytes = bytesOf(sessions, [...newSpace, '--initial-heap-size=4000', '--initial-old-space-size=3000'])
    expectWithin(bytes, outlivingBudget)
  },
  60_000,
)
