import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { findViolations } from '../support/axe'
import { launchBrowser, openPage, submit } from '../support/browser'
import { type RunningExample, startExample } from '../support/example'

let example: RunningExample
let browser: Browser
let contexts: BrowserContext[] = []

beforeAll(async () => {
  const app = startExample(['npx', 'tsx', 'examples/passport/app.ts'], { PROVIDER_PORT: '0' })
  ;[example, browser] = await Promise.all([app, launchBrowser()])
})

afterAll(() => Promise.all([browser.close(), example.stop()]))

afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()))
  contexts = []
})

async function openBrowser(options: BrowserContextOptions = {}): Promise<{ page: Page; problems: string[] }> {
  const context = await browser.newContext({ baseURL: example.url, ...options })
  contexts.push(context)
  return openPage(context)
}

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor()

async function signIn(page: Page): Promise<void> {
  await page.goto('/')
  await page.getByLabel('Name').fill('ada')
  await page.getByLabel('Password').fill('hold fast')
  await submit(page, 'Sign in')
}

test('a person signs in at the provider, is listed, and signs out everywhere', async () => {
  const [here, there] = [await openBrowser(), await openBrowser()]
  for (const { page } of [here, there]) {
    await page.goto('/')
    await page.getByRole('link', { name: 'Sign in with Harbour ID' }).click()
    await heading(page, 'Who are you?')
    await submit(page, 'Grace Hopper')
    await heading(page, 'Your devices, Grace Hopper')
  }
  expect(await there.page.getByRole('listitem').count()).toBe(2)
  await submit(there.page, 'Sign out everywhere')
  await heading(there.page, 'Sign in')
  await here.page.reload()
  await heading(here.page, 'Sign in')
  expect([...here.problems, ...there.problems]).toEqual([])
})

test('a person who cancels at the provider is shown an alert, and can sign in with a password', async () => {
  const { page, problems } = await openBrowser()
  await page.goto('/sign-in/provider')
  await submit(page, 'Cancel')
  expect(await page.getByRole('alert').textContent()).toBe('Harbour ID did not sign you in.')
  await page.getByLabel('Name').fill('ada')
  await page.getByLabel('Password').fill('hold fast')
  await submit(page, 'Sign in')
  await heading(page, 'Your devices, ada')
  expect(problems).toEqual([])
})

test('everything can be done from the keyboard, and the focus is always seen', async () => {
  const { page, problems } = await openBrowser()
  await page.goto('/')
  const tabTo = async (text: string) => {
    for (let presses = 0; presses < 8; presses += 1) {
      await page.keyboard.press('Tab')
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
      const [name, label] = await page.evaluate<[string, string]>(
        '[document.activeElement.textContent.replace(/\\s+/g, " ").trim(), document.activeElement.labels?.[0]?.textContent ?? ""]',
      )
      if (name.startsWith(text) || label === text) return
    }
    throw new Error(`the keyboard does not reach "${text}"`)
  }
  await tabTo('Skip to the content')
  await page.keyboard.press('Enter')
  await tabTo('Name')
  await page.keyboard.type('ada')
  await tabTo('Password')
  await page.keyboard.type('hold fast')
  await page.keyboard.press('Enter')
  await heading(page, 'Your devices, ada')
  await tabTo('Sign out')
  await page.keyboard.press('Enter')
  await heading(page, 'Sign in')
  await tabTo('Sign in with Harbour ID')
  await page.keyboard.press('Enter')
  await heading(page, 'Who are you?')
  await tabTo('Alan Turing')
  await page.keyboard.press('Space')
  await heading(page, 'Your devices, Alan Turing')
  await tabTo('Sign out everywhere')
  await page.keyboard.press('Enter')
  await heading(page, 'Sign in')
  expect(problems).toEqual([])
})

test.each(['light', 'dark'] as const)('axe finds nothing on a phone or a desktop, %s', async (colorScheme) => {
  for (const width of [360, 1280]) {
    const { page } = await openBrowser({ colorScheme, viewport: { width, height: 800 } })
    const found: string[] = []
    for (const path of [
      '/sign-in',
      '/sign-in?failed=local',
      '/sign-in?failed=provider',
      '/sign-in/provider',
      '/nowhere',
    ]) {
      await page.goto(path)
      found.push(...(await findViolations(page)))
    }
    await signIn(page)
    found.push(...(await findViolations(page)))
    expect(found).toEqual([])
  }
})
