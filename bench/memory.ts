import type { Report } from './report'
import { describeRounds, measureRounds, tasks } from './rounds'
import { ServerProcess } from './server-process'
import { reportTimes } from './table'

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
  const { figures, rounds } = measured
  reportTimes(report, 'memory', measured, 'express-session')
  report.chart('bench', {
    title: 'What sessions in memory cost a request',
    note: `CPU time over bare Express; ${describeRounds(rounds)}`,
    series: figures.slice(1).map(({ server }) => server),
    panels: [
      {
        unit: 'µs',
        groups: tasks.map(({ name }, which) => ({
          name,
          values: figures.slice(1).map(({ overhead }) => overhead[which] ?? NaN),
        })),
      },
    ],
  })
}
