import { type Figures, tasks } from './rounds'

/** Prints microseconds a request, over bare Express, and as a part of what `rival` costs over it. */
export function printTimes(figures: readonly Figures[], rival: string, note: string): void {
  const base = figures.find(({ server }) => server === rival)
  console.log(
    `\nCPU time of the server process a request, microseconds (over ${figures[0]?.server}; part of ${rival}'s)`,
  )
  console.log(`${note}\n`)
  printTable(
    ['', ...tasks.map(({ name }) => name)],
    figures.map(({ server, time, overhead }, index) => [
      server,
      ...time.map((microseconds, which) => {
        const over = overhead[which] ?? NaN
        if (index === 0) return microseconds.toFixed(1)
        const part = over / (base?.overhead[which] ?? NaN)
        return `${microseconds.toFixed(1)} (${over >= 0 ? '+' : ''}${over.toFixed(1)}; ${part.toFixed(2)})`
      }),
    ]),
  )
}

/** Prints a table in Markdown. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) => Math.max(title.length, 3, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  console.log(line(head))
  console.log(line(widths.map((width) => '-'.repeat(width))))
  for (const row of rows) console.log(line(row))
}
