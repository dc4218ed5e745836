import axe, { type AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

/** What axe finds wrong in a page, and how many pixels it is too wide: one line each, none for a good page. */
export async function findViolations(page: Page): Promise<string[]> {
  if (await page.evaluate<boolean>('typeof axe === "undefined"')) await page.evaluate(axe.source)
  // Of what is right in a page, neither the elements are described nor is anything sent here: that took most of the time.
  const violations = await page.evaluate<AxeResults['violations']>(
    "axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)",
  )
  const found = violations.map(({ id, nodes }) => `${id} at ${nodes.map(({ html }) => html).join(' ')}`)
  const overflow = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'))
  return overflow > 0 ? [...found, `${overflow} pixels too wide`] : found
}
