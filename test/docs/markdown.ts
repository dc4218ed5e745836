import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

export const root = resolve(__dirname, '../..')

export interface CodeBlock {
  /** `README.md:27`, where the block begins. */
  readonly place: string
  /** The first word after the fence: `ts`, `js`, `sh` … */
  readonly language: string
  /** The rest of that line. `no-check` marks a piece that is not meant to compile: what not to write. */
  readonly info: string
  readonly text: string
}

export interface Link {
  readonly place: string
  readonly target: string
}

export interface Heading {
  readonly level: number
  readonly text: string
  readonly slug: string
}

/** A Markdown file of the repository, taken apart. */
export class Page {
  readonly path: string
  readonly text: string
  readonly blocks: readonly CodeBlock[]
  readonly headings: readonly Heading[]
  readonly links: readonly Link[]

  constructor(path: string) {
    this.path = path
    this.text = readFileSync(join(root, path), 'utf8')
    const blocks: CodeBlock[] = []
    const prose: string[] = []
    let open: { line: number; language: string; info: string; lines: string[] } | undefined
    for (const [index, line] of this.text.split('\n').entries()) {
      const fence = /^\s*```(\S*)\s*(.*)$/.exec(line)
      if (open !== undefined && fence !== null) {
        const { language, info, lines } = open
        blocks.push({ place: `${path}:${open.line}`, language, info, text: `${lines.join('\n')}\n` })
        open = undefined
      } else if (open !== undefined) open.lines.push(line)
      else if (fence !== null) open = { line: index + 1, language: fence[1] ?? '', info: fence[2] ?? '', lines: [] }
      prose.push(open === undefined && fence === null ? line : '')
    }
    if (open !== undefined) throw new Error(`${path}:${open.line} opens a block of code that nothing closes`)
    this.blocks = blocks
    this.headings = headingsIn(prose)
    this.links = prose.flatMap((line, index) =>
      [
        ...line
          .replace(/`[^`]*`/g, (code) => ' '.repeat(code.length))
          .matchAll(/\]\(([^)\s]+)\)|(?:href|src)="([^"]+)"/g),
      ].map((match) => ({
        place: `${path}:${index + 1}`,
        target: match[1] ?? match[2] ?? '',
      })),
    )
  }

  /** Path of a relative link's target, from the root of the repository. */
  resolve(target: string): string {
    const [path = ''] = target.split('#')
    return path === '' ? this.path : relative(root, resolve(root, dirname(this.path), path))
  }
}

function headingsIn(lines: readonly string[]): Heading[] {
  const seen = new Map<string, number>()
  return lines.flatMap((line) => {
    const match = /^(#{1,6}) (.+)$/.exec(line)
    if (match === null) return []
    const text = (match[2] ?? '').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '')
    const base = slugOf(text)
    const times = seen.get(base) ?? 0
    seen.set(base, times + 1)
    return [{ level: (match[1] ?? '').length, text, slug: times === 0 ? base : `${base}-${times}` }]
  })
}

/** As GitHub makes the anchor of a heading, and `docs/.vitepress/slugify.mjs` for the site. */
export function slugOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-')
}

/** The Markdown files of a folder and, when asked, of the folders in it. */
export function pagesIn(folder: string, recursive = false): Page[] {
  return readdirSync(join(root, folder), { recursive, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !/(^|\/)(node_modules|api|\.vitepress)\//.test(name))
    .sort()
    .map((name) => new Page(join(folder, name)))
}

export const readme = new Page('README.md')
export const guide = pagesIn('docs/guide')
