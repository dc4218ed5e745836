import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import axe, { type AxeResults } from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { launchBrowser, openPage } from '../support/browser'
import { serveFolder } from '../support/static-server'

const root = join(__dirname, '../..')
const site = join(root, 'docs/.vitepress/dist')
/** The main pages, and each kind of thing that a page can hold; all of them would take a quarter of an hour. */
const pages = [
  '',
  'guide/getting-started',
  'guide/options',
  'guide/promises',
  'guide/redis',
  'guide/session-values',
  'guide/sizing',
  'guide/troubleshooting',
  'api/',
  'api/index/classes/Session',
]

let browser: Browser
let server: Awaited<ReturnType<typeof serveFolder>>

beforeAll(async () => {
  if (changedAt('docs/.vitepress/dist/index.html') < newestOf('docs/guide', 'docs/.vitepress', 'lib')) {
    execFileSync('npm', ['run', '-s', 'docs'], { cwd: root, stdio: 'pipe' })
  }
  const { homepage } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { homepage: string }
  ;[browser, server] = await Promise.all([launchBrowser(), serveFolder(site, new URL(homepage).pathname)])
}, 300_000)

afterAll(async () => {
  await browser.close()
  server.close()
})

function changedAt(path: string): number {
  return statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

/** When one of the files was last changed that the site is made from. */
function newestOf(...folders: string[]): number {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(md|mjs|css|ts)$/.test(name) && !/^(dist|cache)\//.test(name))
      .map((name) => join(folder, name)),
  )
  return Math.max(...files.map(changedAt))
}

async function visit(options: BrowserContextOptions, use: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext({ baseURL: server.url, reducedMotion: 'reduce', ...options })
  const { page, problems } = await openPage(context)
  await use(page)
  await context.close()
  expect(problems).toEqual([])
}

const desktop = { width: 1280, height: 900 }
const phone = { width: 390, height: 844 }

test.each([
  ['a desktop, light', { viewport: desktop, colorScheme: 'light' as const }],
  ['a desktop, dark', { viewport: desktop, colorScheme: 'dark' as const }],
  ['a phone, light', { viewport: phone, colorScheme: 'light' as const }],
  ['a phone, dark', { viewport: phone, colorScheme: 'dark' as const }],
])(
  'axe finds nothing on %s, and no page is wider than the screen',
  async (_name, options) => {
    await visit(options, async (page) => {
      const found: string[] = []
      for (const path of pages) {
        await page.goto(path, { waitUntil: 'networkidle' })
        await page.addScriptTag({ content: axe.source })
        const { violations } = await page.evaluate<AxeResults>('axe.run()')
        for (const { id, nodes } of violations) found.push(`${path}: ${id} at ${nodes[0]?.html ?? ''}`)
        const overflow = Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth'))
        if (overflow > 0) found.push(`${path}: ${overflow} pixels too wide`)
      }
      expect(found).toEqual([])
    })
  },
  180_000,
)

test('a search leads to the section', async () => {
  await visit({ viewport: desktop }, async (page) => {
    await page.goto('guide/getting-started', { waitUntil: 'networkidle' })
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByRole('searchbox').fill('noeviction')
    await page.locator('.VPLocalSearchBox .result').first().waitFor()
    await page.locator('.VPLocalSearchBox .result', { hasText: 'Eviction' }).first().click()
    await page.waitForURL(/guide\/redis#eviction$/)
    // The address changes before the page is rendered.
    await page.getByRole('heading', { level: 1, name: 'Redis in production' }).waitFor()
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('Redis in production')
  })
})

test('the address at the end of a message leads to the section of its code', async () => {
  await visit({ viewport: phone }, async (page) => {
    await page.goto('guide/troubleshooting#store_timeout', { waitUntil: 'networkidle' })
    const heading = page.locator('#store_timeout')
    expect(await heading.textContent()).toContain('STORE_TIMEOUT')
    const { y = -1 } = (await heading.boundingBox()) ?? {}
    expect(y).toBeGreaterThanOrEqual(0)
    expect(y).toBeLessThan(phone.height)
  })
})
