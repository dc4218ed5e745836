import type { Chart } from './chart'
import { describeRounds, type Figures, type Rounds, tasks } from './rounds'
import type { Report } from './report'

/**
 * Reports microseconds a request, over those of the first server, and as a part of what `rival` costs over it. The guide
 * gets the parts, with the microseconds beside them.
 */
export function reportTimes(report: Report, name: string, { figures, rounds, spread }: Rounds, rival: string): void {
  const base = figures.find(({ server }) => server === rival)
  const [first] = figures
  const quiet = tasks
    .map(({ name: task }, which) => `${task} ${((spread[which] ?? NaN) * 100).toFixed(1)} %`)
    .join(', ')
  const over = ({ overhead }: Figures, which: number): string => {
    const microseconds = overhead[which] ?? NaN
    const part = (microseconds / (base?.overhead[which] ?? NaN)).toFixed(2)
    return `${part} (${microseconds >= 0 ? '+' : ''}${microseconds.toFixed(1)} µs)`
  }
  const head = ['server', ...tasks.map((task) => task.name)]
  report.table(
    name,
    `CPU time of the server process a request, microseconds; over ${first?.server}, as a part of ${rival}'s
` + `${describeRounds(rounds)}; middle half of ${first?.server}'s rounds spread over ${quiet} of its median`,
    head,
    figures.map((row, index) => [
      row.server,
      ...row.time.map((time, which) => (index === 0 ? time.toFixed(1) : `${time.toFixed(1)}; ${over(row, which)}`)),
    ]),
    { head, rows: figures.slice(1).map((row) => [row.server, ...tasks.map((_, which) => over(row, which))]) },
  )
}

/** The chart of the microseconds a request over those of the first server: all but its title. */
export function chartTimes({ figures, rounds }: Rounds): Omit<Chart, 'title'> {
  const [first, ...others] = figures
  return {
    note: `CPU time over ${first?.server}; ${describeRounds(rounds)}`,
    series: others.map(({ server }) => server),
    panels: [
      {
        unit: 'µs',
        groups: tasks.map(({ name }, which) => ({
          name,
          values: others.map(({ overhead }) => overhead[which] ?? NaN),
        })),
      },
    ],
  }
}

/** A table in Markdown. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, 3, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
