import axe, { type AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

/** What axe finds wrong in a page, and how many pixels it is too wide: one line each, none for a good page. */
export async function findViolations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<AxeResults>('axe.run()')
  const found = violations.map(({ id, nodes }) => `${id} at ${nodes.map(({ html }) => html).join(' ')}`)
  const overflow = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'))
  return overflow > 0 ? [...found, `${overflow} pixels too wide`] : found
}
