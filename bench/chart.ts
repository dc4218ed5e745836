import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

export interface Chart {
  readonly title: string
  readonly note: string
  /** One bar each in every group. The last one is ours. */
  readonly series: readonly string[]
  readonly panels: readonly Panel[]
}

/** Groups of bars on one scale. */
export interface Panel {
  readonly caption?: string
  readonly unit: string
  readonly groups: readonly { readonly name: string; readonly values: readonly number[] }[]
}

const width = 780
const left = 150
const right = 110
const barHeight = 16
const barGap = 4
const groupGap = 18

/** Own background and own text colours, both by the reader's scheme, so that it can be read wherever it is shown. */
const style = `
    .card { fill: #ffffff; stroke: #d0d7de }
    text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
    .title { font-size: 16px; font-weight: 600 }
    .note, .caption { fill: #59636e; font-size: 12px }
    .bar { fill: #afb8c1 } .bar1 { fill: #8c959f } .ours { fill: #1f6feb }
    @media (prefers-color-scheme: dark) {
      .card { fill: #0d1117; stroke: #3d444d }
      text { fill: #f0f6fc }
      .note, .caption { fill: #9198a1 }
      .bar { fill: #656c76 } .bar1 { fill: #4a515b } .ours { fill: #4493f8 }
    }`

/** Writes the chart as an SVG file: horizontal bars, each with its figure. */
export function drawChart(file: string, chart: Chart): void {
  const parts: string[] = []
  let y = 34
  parts.push(text(24, y, chart.title, 'title'))
  y += 20
  parts.push(text(24, y, chart.note, 'note'))
  y += 20
  let x = 24
  for (const [index, name] of chart.series.entries()) {
    parts.push(
      `<rect class="${classOf(chart, index)}" x="${x}" y="${y}" width="12" height="12" rx="2"/>`,
      text(x + 18, y + 11, name),
    )
    x += 18 + name.length * 7.5 + 24
  }
  y += 36
  for (const panel of chart.panels) y = drawPanel(parts, chart, panel, y)
  const height = y + 4
  const card = `<rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"`
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(
    file,
    `${open} aria-label="${escape(chart.title)}">\n  <style>${style}\n  </style>\n  ${[card, ...parts].join('\n  ')}\n</svg>\n`,
  )
}

function drawPanel(parts: string[], chart: Chart, panel: Panel, top: number): number {
  let y = top
  if (panel.caption !== undefined) {
    parts.push(text(24, y, panel.caption, 'caption'))
    y += 14
  }
  const most = Math.max(...panel.groups.flatMap(({ values }) => values))
  for (const { name, values } of panel.groups) {
    const middle = y + (values.length * (barHeight + barGap) - barGap) / 2
    parts.push(text(24, middle + 4, name))
    for (const [index, value] of values.entries()) {
      const length = Math.max(1, (Math.max(0, value) / most) * (width - left - right))
      parts.push(
        `<rect class="${classOf(chart, index)}" x="${left}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="2"/>`,
      )
      parts.push(text(left + length + 6, y + 12, `${format(value)} ${panel.unit}`))
      y += barHeight + barGap
    }
    y += groupGap
  }
  return y
}

function classOf({ series }: Chart, index: number): string {
  if (index === series.length - 1) return 'ours'
  return index === 0 ? 'bar' : 'bar1'
}

function format(value: number): string {
  if (value >= 1000) return value.toLocaleString('en-US', { maximumFractionDigits: 0 })
  return value.toFixed(value < 100 ? 1 : 0).replace(/\.0$/, '')
}

function text(x: number, y: number, content: string, className?: string): string {
  const named = className === undefined ? '' : ` class="${className}"`
  return `<text${named} x="${x.toFixed(1)}" y="${y}">${escape(content)}</text>`
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
