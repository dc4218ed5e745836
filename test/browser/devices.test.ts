import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { findViolations } from '../support/axe'
import { launchBrowser, openPage, submit, type WatchedPage } from '../support/browser'
import { type RunningExample, startExample, Visitor } from '../support/example'

const password = 'analytical engine'
const iPhone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Mobile/15E148 Safari/604.1'

let example: RunningExample
let browser: Browser
let contexts: BrowserContext[] = []

beforeAll(async () => {
  const app = startExample(['npx', 'tsx', 'examples/devices/app.ts'], { REDIS_URL: undefined })
  ;[example, browser] = await Promise.all([app, launchBrowser()])
})

afterAll(async () => {
  await Promise.all([browser.close(), example.stop()])
})

afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()))
  contexts = []
  const visitor = new Visitor(example.url)
  await visitor.open('/sign-in')
  await visitor.send('/sign-in', { email: 'ada@example.com', password })
  if (visitor.text.includes('/sign-out-others')) await visitor.send('/sign-out-others')
  await visitor.send('/sign-out')
})

async function openBrowser(
  options: BrowserContextOptions = {},
  isExpected?: (text: string) => boolean,
): Promise<WatchedPage> {
  const context = await browser.newContext({ baseURL: example.url, ...options })
  contexts.push(context)
  return openPage(context, isExpected)
}

async function signIn(page: Page, secret = password, email = 'ada@example.com'): Promise<void> {
  await page.goto('/sign-in')
  await page.getByRole('textbox', { name: 'Email' }).fill(email)
  await page.getByRole('textbox', { name: 'Password' }).fill(secret)
  await submit(page, 'Sign in')
}

const path = (page: Page) => new URL(page.url()).pathname
const devices = (page: Page) => page.getByRole('listitem').getByRole('heading', { level: 2 }).allTextContents()

test('signing out a device on the page of another one really ends it', async () => {
  const computer = await openBrowser()
  const phone = await openBrowser({ userAgent: iPhone, viewport: { width: 390, height: 844 } })
  await signIn(computer.page)
  await signIn(phone.page)
  await computer.page.reload()
  expect((await devices(computer.page)).map((name) => name.replace(/\s+/g, ' ').trim())).toEqual([
    'Chrome on Linux This device',
    'Safari on iPhone',
  ])
  await submit(computer.page, 'Sign out Safari on iPhone')
  expect(await computer.page.getByRole('status').textContent()).toBe('Safari on iPhone is signed out.')
  await phone.page.getByRole('link', { name: 'Password', exact: true }).click()
  await phone.page.waitForURL('**/sign-in')
  // The device that did it is none the worse.
  await computer.page.reload()
  expect([path(computer.page), await devices(computer.page)]).toEqual(['/', [expect.stringContaining('This device')]])
  expect([...computer.problems, ...phone.problems]).toEqual([])
})

test('a change of password ends the others, and the old password', async () => {
  // No other test signs in as Grace, so her new password disturbs none.
  const [email, wanted] = ['grace@example.com', 'correct horse battery staple']
  const here = await openBrowser()
  const other = await openBrowser({ userAgent: iPhone }, (text) => text.includes('422'))
  await signIn(here.page, password, email)
  await signIn(other.page, password, email)
  await here.page.goto('/password')
  await here.page.getByLabel('Current password').fill(password)
  await here.page.getByLabel('New password').fill(wanted)
  await submit(here.page, 'Change password')
  expect(await here.page.getByRole('status').textContent()).toBe(
    'Your password is changed. 1 other device was signed out.',
  )
  expect(await devices(here.page)).toHaveLength(1)
  await other.page.reload()
  expect(path(other.page)).toBe('/sign-in')
  await signIn(other.page, password, email)
  expect(await other.page.getByRole('alert').textContent()).toBe('That email and password do not go together.')
  await signIn(other.page, wanted, email)
  expect(path(other.page)).toBe('/')
  expect([...here.problems, ...other.problems]).toEqual([])
})

test('signs out everywhere else', async () => {
  const all = [await openBrowser(), await openBrowser(), await openBrowser()]
  for (const { page } of all) await signIn(page)
  const here = all[2]!.page
  await submit(here, 'Sign out everywhere else')
  expect(await here.getByRole('status').textContent()).toContain('2 other devices were signed out.')
  for (const { page } of all) await page.goto('/')
  expect(all.map(({ page }) => path(page))).toEqual(['/sign-in', '/sign-in', '/'])
  expect(all.flatMap(({ problems }) => problems)).toEqual([])
})

test('the way back after signing out shows nothing that was on the page', async () => {
  const { page } = await openBrowser()
  await signIn(page)
  await submit(page, 'Sign out')
  await page.goBack()
  expect(path(page)).toBe('/sign-in')
})

test('everything can be done from the keyboard', async () => {
  const { page, problems } = await openBrowser()
  const other = await openBrowser({ userAgent: iPhone })
  await signIn(other.page)
  const focused = () => page.evaluate<string>('document.activeElement.textContent.replace(/\\s+/g, " ").trim()')
  /** Tabs to it, as often as it takes; the focus has to be seen at every stop. */
  const tabTo = async (name: string) => {
    for (let presses = 0; presses < 15; presses++) {
      await page.keyboard.press('Tab')
      const { style, width } = await page.evaluate<{ style: string; width: string }>(
        '(({ outlineStyle, outlineWidth }) => ({ style: outlineStyle, width: outlineWidth }))(getComputedStyle(document.activeElement))',
      )
      expect([style, width]).toEqual(['solid', '3px'])
      if ((await focused()) === name) return
    }
    throw new Error(`the keyboard does not reach "${name}"`)
  }
  await page.goto('/sign-in')
  await tabTo('Skip to the content')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await page.keyboard.type('ada@example.com')
  await page.keyboard.press('Tab')
  await page.keyboard.type(password)
  await page.keyboard.press('Tab')
  await page.keyboard.press('Space')
  expect(await page.getByRole('checkbox', { name: 'Keep me signed in' }).isChecked()).toBe(true)
  await tabTo('Sign in')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/')
  await tabTo('Sign out Safari on iPhone')
  await page.keyboard.press('Enter')
  await page.getByText('Safari on iPhone is signed out.').waitFor()
  await tabTo('Password')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/password')
  await tabTo('Sign out')
  await page.keyboard.press('Space')
  await page.getByText('You are signed out on this device.').waitFor()
  expect(problems).toEqual([])
})

test('a field that was filled in wrongly says so to a screen reader', async () => {
  const { page } = await openBrowser()
  await signIn(page)
  await page.goto('/password')
  await page.getByLabel('Current password').fill('guess')
  await page.getByLabel('New password').fill('correct horse battery staple')
  await submit(page, 'Change password')
  const field = page.getByLabel('Current password')
  expect(await field.getAttribute('aria-invalid')).toBe('true')
  const description = await field.getAttribute('aria-describedby')
  expect(await page.locator(`#${description ?? ''}`).textContent()).toBe('That is not your current password.')
  expect(await page.evaluate('document.activeElement.id')).toBe('current')
})

test('nothing is wider than the window, on a phone or a desktop', async () => {
  const { page } = await openBrowser({
    extraHTTPHeaders: { 'x-forwarded-for': '2001:db8:85a3:1234:5678:8a2e:0370:7334' },
  })
  await signIn(page)
  const tooWide = []
  for (const url of ['/', '/password', '/nowhere']) {
    await page.goto(url)
    for (const width of [320, 390, 768, 1024, 1440]) {
      await page.setViewportSize({ width, height: 800 })
      const content = await page.evaluate<number>('document.documentElement.scrollWidth')
      if (content > width) tooWide.push(`${url} at ${width}: ${content}`)
    }
  }
  expect(tooWide).toEqual([])
})

test('the end of a session has its day, and the time on the clock of the reader', async () => {
  const { page } = await openBrowser({ timezoneId: 'Asia/Kolkata' })
  await signIn(page)
  const until = page.locator('time[data-instant]')
  const end = new Date((await until.getAttribute('datetime')) ?? '')
  const time = end.toLocaleTimeString('en-GB', { timeZone: 'Asia/Kolkata', hour: '2-digit', minute: '2-digit' })
  expect(await until.textContent()).toMatch(new RegExp(`^[A-Z][a-z]{2},? \\d{1,2} [A-Z][a-z]+, ${time}$`))
})

test.each(['light', 'dark'] as const)('twelve equal devices can be read and distinguished, %s', async (colorScheme) => {
  for (let count = 0; count < 12; count += 1) {
    const visitor = new Visitor(example.url, { 'user-agent': iPhone })
    await visitor.open('/sign-in')
    await visitor.send('/sign-in', { email: 'ada@example.com', password })
  }
  const { page } = await openBrowser({ colorScheme, viewport: { width: 360, height: 800 } })
  await signIn(page)
  expect(await devices(page)).toHaveLength(5)
  const found = await findViolations(page)
  await page.getByText(/Show \d+ more devices/).click()
  expect((await devices(page)).length).toBeGreaterThanOrEqual(13)
  expect(await page.getByRole('button', { name: 'Sign out Safari on iPhone, last active just now' }).count()).toBe(12)
  found.push(...(await findViolations(page)))
  await page.setViewportSize({ width: 1280, height: 800 })
  found.push(...(await findViolations(page)))
  expect(found).toEqual([])
  await submit(page, 'Sign out everywhere else')
})
