import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'

const kinds = ['functions', 'classes', 'interfaces', 'type-aliases', 'variables']

/** One group an entry point, with the pages that TypeDoc wrote, the functions and classes first. */
export function apiSidebar(folder, path = '/api/') {
  const groups = []
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    if (!kinds.includes(basename(name))) continue
    const entry = name.slice(0, -basename(name).length - 1)
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
