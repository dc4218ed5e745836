import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { findViolations } from '../support/axe'
import { launchBrowser, openPage, type WatchedPage } from '../support/browser'
import { serveFolder } from '../support/static-server'

const root = join(__dirname, '../..')
const site = join(root, 'docs/.vitepress/dist')
/** The home page, every page of the guide, and one page of each kind of the API reference. */
const pages = [
  '',
  ...readdirSync(join(root, 'docs/guide')).map((file) => `guide/${file.replace(/\.md$/, '')}`),
  'api/',
  'api/index/classes/Session',
  'api/index/functions/sessionMiddleware',
  'api/index/interfaces/SessionOptions',
  'api/index/type-aliases/SessionErrorCode',
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

/** A page is loaded once. Colours do not depend on the width, so two ways show all there is. */
const ways = [
  ['desktop, light', desktop, 'light'],
  ['phone, dark', phone, 'dark'],
] as const

describe('the pages', () => {
  let shared: BrowserContext
  let watched: WatchedPage

  // One context for all: its cache has the styles and fonts after the first page.
  beforeAll(async () => {
    shared = await browser.newContext({ baseURL: server.url, reducedMotion: 'reduce' })
    watched = await openPage(shared)
  })

  afterAll(() => shared.close())

  test.each(pages)(
    'axe finds nothing on "%s", on a desktop or a phone, light or dark, and it is not wider than the screen',
    async (path) => {
      const { page, problems } = watched
      const found: string[] = []
      await page.setViewportSize(desktop)
      await page.goto(path)
      await page.locator('.VPNav').waitFor()
      for (const [way, viewport, colorScheme] of ways) {
        await page.setViewportSize(viewport)
        await page.emulateMedia({ colorScheme })
        await page.locator(colorScheme === 'dark' ? 'html.dark' : 'html:not(.dark)').waitFor()
        found.push(...(await findViolations(page)).map((violation) => `${way}: ${violation}`))
      }
      expect([...found, ...problems.splice(0)]).toEqual([])
    },
    120_000,
  )
})

test('a page has one h1, and a title of its own', async () => {
  await visit({ viewport: desktop }, async (page) => {
    const titles: string[] = []
    const wrong: string[] = []
    for (const path of pages) {
      await page.goto(path)
      titles.push(await page.title())
      const headings = await page.getByRole('heading', { level: 1 }).count()
      if (headings !== 1) wrong.push(`${path}: ${headings} headings of level 1`)
    }
    expect(wrong).toEqual([])
    expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([])
  })
}, 120_000)

test('a search leads to the section', async () => {
  await visit({ viewport: desktop }, async (page) => {
    await page.goto('guide/getting-started', { waitUntil: 'networkidle' })
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByRole('searchbox').fill('noeviction')
    // Other sections have the word, too, and the order may change with each page that is written.
    await page.locator('.VPLocalSearchBox a.result[href$="/guide/redis#eviction"]').click()
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
