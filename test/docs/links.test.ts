import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { guide, type Link, Page, pagesIn, readme, root } from './markdown'

const elsewhere = ['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CODE_OF_CONDUCT.md', 'ARCHITECTURE.md']
const pages = [
  readme,
  ...elsewhere.filter((path) => existsSync(join(root, path))).map((path) => new Page(path)),
  ...guide,
  ...pagesIn('docs/decisions'),
  ...pagesIn('examples', true),
]
const byPath = new Map(pages.map((page) => [page.path, page]))

/** Why a relative link leads nowhere, or undefined. */
function complaint(page: Page, { place, target }: Link): string | undefined {
  const path = page.resolve(target)
  const [, anchor] = target.split('#')
  if (!existsSync(join(root, path))) return `${place}: there is no ${path}`
  const other = byPath.get(path)
  if (anchor === undefined || other === undefined) return undefined
  return other.headings.some(({ slug }) => slug === anchor) ? undefined : `${place}: ${path} has no heading #${anchor}`
}

test('every relative link leads to a file, and to a heading of it', () => {
  const links = pages.flatMap((page) =>
    page.links.filter(({ target }) => !/^(https?:|mailto:)/.test(target)).map((link) => ({ page, link })),
  )
  expect(links.length).toBeGreaterThan(200)
  expect(links.flatMap(({ page, link }) => complaint(page, link) ?? [])).toEqual([])
})

test('a link that leads nowhere is found', () => {
  const link = (target: string) => ({ place: 'here', target })
  expect(complaint(readme, link('docs/guide/none.md'))).toBe('here: there is no docs/guide/none.md')
  expect(complaint(readme, link('docs/guide/options.md#none'))).toBe('here: docs/guide/options.md has no heading #none')
  expect(complaint(readme, link('docs/guide/options.md#cookiename'))).toBeUndefined()
  expect(complaint(readme, link('#install'))).toBeUndefined()
})

test('no two headings of a page of the guide are equal', () => {
  const twice = guide.flatMap(({ path, headings }) =>
    headings
      .filter(({ slug }) => /-\d+$/.test(slug) && headings.some((one) => one.slug === slug.replace(/-\d+$/, '')))
      .map(({ text }) => `${path}: ${text}`),
  )
  expect(twice).toEqual([])
})

test('the sidebar has every page of the guide', () => {
  const sidebar = readFileSync(join(root, 'docs/.vitepress/sidebar.mjs'), 'utf8')
  const listed = [...sidebar.matchAll(/^ {4}'?([a-z-]+)'?: '/gm)].map((match) => `docs/guide/${match[1] ?? ''}.md`)
  expect(listed.sort()).toEqual(guide.map(({ path }) => path))
})
