import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { findViolations } from '../support/axe'
import { launchBrowser, openPage } from '../support/browser'
import { type RunningExample, startExample } from '../support/example'

let example: RunningExample
let api: string
let browser: Browser
let contexts: BrowserContext[] = []

beforeAll(async () => {
  const app = startExample(['npx', 'tsx', 'examples/spa/app.ts'], { API_PORT: '0' })
  ;[example, browser] = await Promise.all([app, launchBrowser()])
  api = /^The API is on (\S+)$/m.exec(example.output())?.[1] ?? ''
})

afterAll(() => Promise.all([browser.close(), example.stop()]))

afterEach(async () => {
  await Promise.all(contexts.map((context) => context.close()))
  contexts = []
})

/** The browser reports each 401 and 422 on the console, and each call that a test lets fail. */
const isExpected = (text: string): boolean => /status of (401|422|503)|ERR_FAILED|ERR_CONNECTION/.test(text)

async function openBrowser(options: BrowserContextOptions = {}): Promise<{ page: Page; problems: string[] }> {
  const context = await browser.newContext({ baseURL: example.url, ...options })
  contexts.push(context)
  return openPage(context, isExpected)
}

async function signIn(page: Page, name: string, password = 'hold fast'): Promise<void> {
  await page.goto('/')
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor()
const status = (page: Page, text: string) => page.getByRole('status').getByText(text).waitFor()
const focused = (page: Page) => page.evaluate('document.activeElement.id')

async function addNote(page: Page, text: string): Promise<void> {
  await page.getByLabel('New note').fill(text)
  await page.getByRole('button', { name: 'Add' }).click()
}

test('a person signs in, adds and removes a note, reloads, and signs out', async () => {
  const { page, problems } = await openBrowser()
  await signIn(page, 'Ada', 'guess')
  await page.getByRole('alert').getByText('not right').waitFor()
  expect([await page.getByLabel('Name').inputValue(), await focused(page)]).toEqual(['Ada', 'password'])
  await page.getByLabel('Password').fill('hold fast')
  await page.keyboard.press('Enter')
  await heading(page, 'Your notes')
  await addNote(page, '<b>milk</b>')
  await page.getByRole('listitem').getByText('<b>milk</b>', { exact: true }).first().waitFor()
  await page.reload()
  await page.getByRole('button', { name: 'Remove <b>milk</b>' }).click()
  await status(page, 'The note is removed.')
  expect([await page.getByRole('listitem').count(), await focused(page)]).toEqual([0, 'text'])
  await page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await heading(page, 'Sign in')
  await page.reload()
  await heading(page, 'Sign in')
  expect(await page.getByRole('status').isVisible()).toBe(false)
  expect(problems).toEqual([])
})

test('a session that ended elsewhere brings the form back, and what was typed is still there after it', async () => {
  const [here, there] = [await openBrowser(), await openBrowser()]
  await signIn(here.page, 'Grace')
  await signIn(there.page, 'Grace')
  await heading(there.page, 'Your notes')
  await heading(here.page, 'Your notes')
  await here.page.getByRole('button', { name: 'Sign out everywhere else' }).click()
  await status(here.page, 'Signed out in 1 other place.')

  await addNote(there.page, 'a long thought')
  await status(there.page, 'Your session has ended.')
  expect(await focused(there.page)).toBe('name')
  await there.page.getByLabel('Name').fill('Grace')
  await there.page.getByLabel('Password').fill('hold fast')
  await there.page.keyboard.press('Enter')
  await heading(there.page, 'Your notes')
  expect(await there.page.getByLabel('New note').inputValue()).toBe('a long thought')
  expect([...here.problems, ...there.problems]).toEqual([])
})

test('another user who signs in on the page does not find what the one before had typed', async () => {
  const { page } = await openBrowser()
  await signIn(page, 'Mary')
  await heading(page, 'Your notes')
  await page.getByLabel('New note').fill('a secret of Mary')
  await contexts[0]!.clearCookies()
  await page.getByRole('button', { name: 'Add' }).click()
  await heading(page, 'Sign in')
  await page.getByLabel('Name').fill('Eve')
  await page.getByLabel('Password').fill('hold fast')
  await page.keyboard.press('Enter')
  await heading(page, 'Your notes')
  expect(await page.getByLabel('New note').inputValue()).toBe('')
})

test.each(['a 503', 'no response'])('the page says that nothing was changed when there is %s', async (kind) => {
  const { page } = await openBrowser()
  await signIn(page, 'Linus')
  await heading(page, 'Your notes')
  await page.route(`${api}/notes`, (route) =>
    kind === 'a 503'
      ? route.fulfill({
          status: 503,
          json: {},
          headers: { 'Access-Control-Allow-Origin': example.url, 'Access-Control-Allow-Credentials': 'true' },
        })
      : route.abort(),
  )
  await addNote(page, 'kept')
  await status(page, 'Nothing was changed')
  expect([
    await page.getByLabel('New note').inputValue(),
    await page.getByRole('heading', { level: 1 }).textContent(),
  ]).toEqual(['kept', 'Your notes'])
  await page.unroute(`${api}/notes`)
  await page.getByRole('button', { name: 'Add' }).click()
  await status(page, 'The note is added.')
})

test('a page of another origin can neither read from the API nor change anything', async () => {
  const { page } = await openBrowser()
  await signIn(page, 'Ken')
  await heading(page, 'Your notes')
  // Another port of the same host: the same site, so that the browser does send the cookie.
  const stranger = await contexts[0]!.newPage()
  await stranger.goto(`${api}/`)
  await stranger.route('http://localhost:1/', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<p>hello</p>' }),
  )
  await stranger.goto('http://localhost:1/')
  const attempts = await stranger.evaluate<string[]>(`Promise.all([
    fetch('${api}/notes', { credentials: 'include' }),
    fetch('${api}/notes', { method: 'POST', credentials: 'include', mode: 'no-cors', body: 'text=planted' }),
    fetch('${api}/session', { method: 'DELETE', credentials: 'include' }),
  ].map((sent) => sent.then(({ type }) => type, () => 'refused')))`)
  expect(attempts).toEqual(['refused', 'refused', 'refused'])
  await page.reload()
  await heading(page, 'Your notes')
  expect(await page.getByRole('listitem').count()).toBe(0)
})

test('everything can be done from the keyboard, and the focus is always seen', async () => {
  const { page, problems } = await openBrowser()
  await page.goto('/')
  await heading(page, 'Sign in')
  const tab = async () => {
    await page.keyboard.press('Tab')
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
  }
  await tab()
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
  await page.keyboard.press('Enter')
  await tab()
  await page.keyboard.type('Tab Ada')
  await tab()
  await page.keyboard.type('hold fast')
  await page.keyboard.press('Enter')
  await heading(page, 'Your notes')
  await tab()
  await page.keyboard.type('by keyboard')
  await page.keyboard.press('Enter')
  await status(page, 'The note is added.')
  await tab()
  await tab()
  expect(await page.evaluate('document.activeElement.textContent')).toBe('Remove by keyboard')
  await page.keyboard.press('Space')
  await status(page, 'The note is removed.')
  await page.getByRole('button', { name: 'Sign out', exact: true }).focus()
  await page.keyboard.press('Enter')
  await heading(page, 'Sign in')
  expect(problems).toEqual([])
})

test.each(['light', 'dark'] as const)('axe finds nothing on a phone or a desktop, %s', async (colorScheme) => {
  for (const width of [360, 1280]) {
    const { page } = await openBrowser({ colorScheme, viewport: { width, height: 800 } })
    const found: string[] = []
    await page.goto('/')
    await heading(page, 'Sign in')
    found.push(...(await findViolations(page)))
    await signIn(page, `Axe ${colorScheme} ${width}`, 'guess')
    await page.getByRole('alert').getByText('not right').waitFor()
    found.push(...(await findViolations(page)))
    await page.getByLabel('Password').fill('hold fast')
    await page.keyboard.press('Enter')
    await heading(page, 'Your notes')
    found.push(...(await findViolations(page)))
    await addNote(page, 'W'.repeat(300))
    await status(page, 'The note is added.')
    await page.getByRole('listitem').waitFor()
    found.push(...(await findViolations(page)))
    await page.goto('/nowhere')
    found.push(...(await findViolations(page)))
    expect(found).toEqual([])
  }
})
