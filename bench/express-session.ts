import type { Report } from './report'
import { measureRounds } from './rounds'
import { ServerProcess } from './server-process'
import { reportTimes } from './table'

const kinds = [
  ['bare Express', 'bare'],
  ['express-session', 'express-session'],
  ['holdfast/express-session, in place', 'in place'],
  ['holdfast/express-session, MemoryStore', 'ours'],
] as const

/** express-session on its memory store, and holdfast/express-session on the same and on ours, with small and large sessions. */
export async function run(report: Report): Promise<void> {
  for (const bytes of [0, 1000, 100_000]) {
    report.line(`\nsessions of ${bytes} bytes beside a counter`)
    const measured = await measureRounds(async function* () {
      for (const [name, kind] of kinds) {
        yield await ServerProcess.start(name, 'express-session.mjs', kind, { BENCH_SESSION_BYTES: String(bytes) })
      }
    })
    reportTimes(report, `express-session-${bytes}`, measured, 'express-session')
  }
}
