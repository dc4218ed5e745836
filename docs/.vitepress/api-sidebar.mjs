import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'

/** What a program imports, by the file of `lib` that TypeDoc names it after. */
const names = { index: 'holdfast', redis: 'holdfast/redis', 'express-session': 'holdfast/express-session' }

const kinds = ['functions', 'classes', 'interfaces', 'type-aliases', 'variables']

/** One group an entry point, with the pages that TypeDoc wrote, the functions and classes first. */
export function apiSidebar(folder, path = '/api/') {
  const groups = []
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!kinds.includes(basename(name))) continue
    const file = name.slice(0, -basename(name).length - 1)
    const entry = names[file] ?? file
    let group = groups.find(({ text }) => text === entry)
    if (group === undefined) groups.push((group = { text: entry, items: [] }))
    const pages = readdirSync(join(folder, name)).sort()
    const items = pages.map((page) => ({
      text: page.replace(/\.md$/, ''),
      link: `${path}${name}/${page.replace(/\.md$/, '')}`,
    }))
    group.items.push({ text: basename(name).replace('-', ' '), items })
  }
  return groups
}
