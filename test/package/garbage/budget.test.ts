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
 * Bytes of heap that sessions on a memory store may allocate for a request, over the same app without sessions: a
 * quarter more than was measured, on Node 20 and 22 (our own entry point: none 1 360 to 1 580, read 3 360 and 4 070,
 * write 7 700, of which 700 are what the memory store makes of a session that it keeps in bytes) and on 24 (330, 5 710, 9 960). Express-session allocates 13 500, 16 600 and 16 300 on Node 20.
 * A commit that raises one says why.
 */
const allocatedBudgets: Record<string, Bytes> = isRecent
  ? {
      'our own entry point': { none: 2100, read: 7200, write: 12_500 },
      'in place': { none: 3500, read: 8500, write: 22_000 },
      'own records': { none: 3500, read: 8500, write: 16_000 },
    }
  : {
      'our own entry point': { none: 2100, read: 5100, write: 9000 },
      'in place': { none: 2600, read: 5300, write: 15_600 },
      'own records': { none: 2600, read: 5700, write: 10_500 },
    }

/**
 * Bytes that outlive two collections of the new space, as a full one has to find them: measured on Node 20, with the small
 * new space that a process begins with, 400 to 800, and 3 000 for a write in place, which waits for its store three times.
 * They were 5 000 and more as long as a response that had ended led to its session. Express-session's are 12 000.
 */
const outlivingBudget: Bytes = { none: 2000, read: 2000, write: 4500 }

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
    expect(bytes.none).toBeGreaterThan(0)
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
