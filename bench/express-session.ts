import type { Report } from './report'
import { measureRounds } from './rounds'
import { ServerProcess } from './server-process'
import { reportTimes } from './table'

/** express-session on its memory store, and holdfast/express-session on the same and on ours, with small and large sessions. */
export async function run(report: Report): Promise<void> {
  for (const bytes of [0, 1000, 100_000]) {
    process.env['BENCH_SESSION_BYTES'] = String(bytes)
    report.line(`\nsessions of ${bytes} bytes beside a counter`)
    const servers: ServerProcess[] = []
    try {
      for (const [name, kind] of [
        ['bare Express', 'bare'],
        ['express-session', 'express-session'],
        ['holdfast/express-session, in place', 'in place'],
        ['holdfast/express-session, MemoryStore', 'ours'],
      ] as const) {
        servers.push(await ServerProcess.start(name, 'express-session.mjs', kind))
      }
      reportTimes(report, `express-session-${bytes}`, await measureRounds(servers), 'express-session')
    } finally {
      for (const server of servers) await server.stop()
      delete process.env['BENCH_SESSION_BYTES']
    }
  }
}
