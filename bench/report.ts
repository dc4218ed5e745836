import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Chart, drawChart } from './chart'
import { formatTable } from './table'

const docs = join(__dirname, '..', 'docs')

/** The page whose blocks between `<!-- bench:<name> -->` and `<!-- bench:end -->` are tables of a report. */
const page = join(docs, 'guide', 'sizing.md')

/**
 * What a run of the benchmarks found: printed as it comes, and kept in a folder of its own: each table and chart, and all
 * of it in `report.md`. The docs change only through `update`.
 */
export class Report {
  readonly folder: string
  readonly #tables = new Map<string, string>()
  readonly #charts = new Set<string>()
  #text = ''

  constructor(folder: string) {
    this.folder = folder
    mkdirSync(folder, { recursive: true })
  }

  line(text: string): void {
    console.log(text)
    this.#text += `${text}\n`
  }

  /** A table in Markdown under a heading; what is in `docs`, if anything, is the shorter form that the guide shows. */
  table(
    name: string,
    title: string,
    head: readonly string[],
    rows: readonly (readonly string[])[],
    published?: { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] },
  ): void {
    this.line(`\n${title}\n\n${formatTable(head, rows)}`)
    this.#tables.set(
      name,
      published === undefined ? formatTable(head, rows) : formatTable(published.head, published.rows),
    )
  }

  /** A chart, as `<name>.svg`. */
  chart(name: string, chart: Chart): void {
    drawChart(join(this.folder, `${name}.svg`), chart)
    this.#charts.add(name)
  }

  /** Writes `report.md`, and says where. */
  save(): void {
    writeFileSync(join(this.folder, 'report.md'), this.#text)
    console.log(`\nwritten to ${join(this.folder, 'report.md')}`)
  }

  /** Puts the tables and charts of this run in the place of those in the docs. Throws for a table that the page has not. */
  update(): void {
    let text = readFileSync(page, 'utf8')
    for (const [name, table] of this.#tables) {
      const start = `<!-- bench:${name} -->`
      const from = text.indexOf(start)
      const to = text.indexOf('<!-- bench:end -->', from)
      if (from === -1 || to === -1) throw new Error(`${page} has no block ${start}`)
      text = `${text.slice(0, from + start.length)}\n\n${table}\n\n${text.slice(to)}`
    }
    writeFileSync(page, text)
    for (const name of this.#charts) copyFileSync(join(this.folder, `${name}.svg`), join(docs, `${name}.svg`))
    console.log(`\n${page} and ${this.#charts.size} charts are of this run now`)
  }
}
