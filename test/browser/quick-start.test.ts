import type { Browser, BrowserContext, Page } from 'playwright-core'
import { findViolations } from '../support/axe'
import { launchBrowser, openPage, submit } from '../support/browser'
import { type RunningExample, startExample } from '../support/example'

let example: RunningExample
let browser: Browser
let context: BrowserContext

beforeAll(async () => {
  ;[example, browser] = await Promise.all([startExample(['npm', 'start']), launchBrowser()])
})

afterAll(async () => {
  await Promise.all([browser.close(), example.stop()])
})

beforeEach(async () => {
  context = await browser.newContext({ baseURL: example.url })
})

afterEach(() => context.close())

const heading = (page: Page) => page.getByRole('heading', { level: 1 }).textContent()
const count = (page: Page) => page.getByTestId('count').textContent()

test('a person signs in, counts, leaves a message and signs out', async () => {
  const { page, problems } = await openPage(context)
  await page.goto('/')
  await submit(page, 'Count one more')
  await page.getByLabel('Name').fill('Ada')
  await page.getByLabel('Password').fill('hold fast')
  await submit(page, 'Sign in')
  expect([await heading(page), await count(page)]).toEqual(['Hello, Ada', '1'])
  expect(await page.getByRole('status').textContent()).toBe('Welcome, Ada.')
  await submit(page, 'Count one more')
  expect(await count(page)).toBe('2')

  await page.getByRole('textbox', { name: 'Message' }).fill('<b>milk</b> & eggs')
  await submit(page, 'Leave it')
  expect(await page.getByRole('status').textContent()).toBe('You left yourself a message: <b>milk</b> & eggs')
  await page.reload()
  expect(await page.getByRole('status').count()).toBe(0)

  await submit(page, 'Sign out')
  expect([await heading(page), await count(page)]).toEqual(['Hello, whoever you are', '0'])
  expect(problems).toEqual([])
})

test('the cookie is one that scripts cannot read and other sites cannot send', async () => {
  const { page } = await openPage(context)
  await page.goto('/')
  const [cookie, ...others] = await context.cookies()
  expect(others).toEqual([])
  expect(cookie).toMatchObject({ name: 'sid', httpOnly: true, sameSite: 'Lax', path: '/', domain: 'localhost' })
  expect(await page.evaluate('document.cookie')).toBe('')
})

test('another browser has a session of its own', async () => {
  const { page } = await openPage(context)
  await page.goto('/')
  await submit(page, 'Count one more')
  const other = await browser.newContext({ baseURL: example.url })
  const { page: otherPage } = await openPage(other)
  await otherPage.goto('/')
  expect([await count(page), await count(otherPage)]).toEqual(['1', '0'])
  await other.close()
})

test('a form from before the sign-in of another tab is refused, and says what to do', async () => {
  const { page } = await openPage(context)
  await page.goto('/')
  const { page: tab } = await openPage(context)
  await tab.goto('/')
  await tab.getByLabel('Name').fill('Ada')
  await tab.getByLabel('Password').fill('hold fast')
  await submit(tab, 'Sign in')
  await submit(page, 'Count one more')
  expect(await heading(page)).toBe('This form has expired')
  await page.getByRole('link', { name: 'Back to the page' }).click()
  expect([await heading(page), await count(page)]).toEqual(['Hello, Ada', '0'])
})

test('everything can be done from the keyboard, and the focus is always seen', async () => {
  const { page, problems } = await openPage(context)
  await page.goto('/')
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.type('Ada')
  await page.keyboard.press('Tab')
  await page.keyboard.type('hold fast')
  await page.keyboard.press('Tab')
  expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
  await page.keyboard.press('Enter')
  await page.getByText('Hello, Ada').waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Space')
  await page.getByTestId('count').filter({ hasText: '1' }).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('You are signed out.').waitFor()
  expect(problems).toEqual([])
})

test('nothing is wider than the window, on a phone or a desktop', async () => {
  const { page } = await openPage(context)
  await page.goto('/')
  await page.getByLabel('Name').fill('M'.repeat(60))
  await page.getByLabel('Password').fill('hold fast')
  await submit(page, 'Sign in')
  for (const width of [320, 390, 768, 1440]) {
    await page.setViewportSize({ width, height: 800 })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
  }
})

test.each(['light', 'dark'] as const)(
  'each page has one primary action, and axe finds nothing, %s',
  async (colorScheme) => {
    for (const width of [390, 1280]) {
      const own = await browser.newContext({ baseURL: example.url, viewport: { width, height: 800 }, colorScheme })
      const page = await own.newPage()
      const found: string[] = []
      const primaryActions: (string | null)[] = []
      const check = async () => {
        primaryActions.push(...(await page.locator('.button:not(.button-quiet)').allTextContents()))
        found.push(...(await findViolations(page)))
      }
      await page.goto('/')
      await check()
      await page.getByLabel('Name').fill('Ada')
      await page.getByLabel('Password').fill('guess')
      await submit(page, 'Sign in')
      await check()
      expect([await page.getByLabel('Name').inputValue(), await page.evaluate('document.activeElement.id')]).toEqual([
        'Ada',
        'password',
      ])
      await page.getByLabel('Password').fill('hold fast')
      await submit(page, 'Sign in')
      await check()
      for (const path of ['/account', '/nowhere']) {
        await page.goto(path)
        await check()
      }
      expect([primaryActions, found]).toEqual([['Sign in', 'Sign in', 'Count one more'], []])
      await own.close()
    }
  },
)
