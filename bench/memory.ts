import type { Report } from './report'
import { measureRounds } from './rounds'
import { ServerProcess } from './server-process'
import { chartTimes, reportTimes } from './table'

const kinds = [
  ['bare Express', 'bare'],
  ['express-session', 'express-session'],
  ['cookie-session', 'cookie-session'],
  ['holdfast', 'holdfast'],
] as const

/** Bare Express, express-session on its memory store, cookie-session, and holdfast on its memory store. */
export async function run(report: Report): Promise<void> {
  const measured = await measureRounds(async function* () {
    for (const [name, kind] of kinds) yield await ServerProcess.start(name, 'memory.mjs', kind)
  })
  reportTimes(report, 'memory', measured, 'express-session')
  report.chart('bench', {
    title: 'What sessions in memory cost a request',
    ...chartTimes(measured),
  })
}
