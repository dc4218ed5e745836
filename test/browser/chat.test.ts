import type { Browser, BrowserContext, Page } from 'playwright-core'
import { findViolations } from '../support/axe'
import { launchBrowser, openPage, submit } from '../support/browser'
import { type RunningExample, startExample } from '../support/example'
import { RedisServer } from '../support/redis-server'

const command = ['npx', 'tsx', 'examples/chat/app.ts']
let redis: RedisServer
let browser: Browser
let alone: RunningExample
let pair: readonly RunningExample[]

beforeAll(async () => {
  redis = await RedisServer.start()
  const env = { REDIS_URL: redis.url }
  const [launched, first, ...others] = await Promise.all([
    launchBrowser(),
    startExample(command),
    startExample(command, env),
    startExample(command, env),
  ])
  browser = launched
  alone = first
  pair = others
})
afterAll(async () => {
  await browser.close()
  await Promise.all([alone, ...pair].map((example) => example.stop()))
  await redis.stop()
})

/** The socket of a page that is signed out is closed, and the browser says so on the console. */
const isExpected = (text: string): boolean => text.includes('WebSocket')

async function signIn(context: BrowserContext, url: string, name: string): Promise<Page> {
  const { page } = await openPage(context, isExpected)
  await page.goto(url)
  await page.getByLabel('Your name').fill(name)
  await submit(page, 'Sign in')
  return page
}

const shownName = (page: Page) => page.locator('[data-name]')

async function exchangeMessages(urls: readonly string[]): Promise<void> {
  const context = await browser.newContext()
  const [here = '', there = ''] = urls
  const one = await signIn(context, here, 'Ada')
  const { page: other, problems } = await openPage(context, isExpected)
  await other.goto(there)
  await shownName(other).getByText('Ada', { exact: true }).waitFor()

  await one.getByRole('textbox', { name: 'Message' }).fill('<b>hello</b>')
  await one.getByRole('button', { name: 'Send' }).click()
  await other.getByText('<b>hello</b>').waitFor()
  expect(await other.locator('[data-empty]').isVisible()).toBe(false)
  expect(await other.locator('.chat-message-own time').textContent()).toMatch(/\d:\d\d/)

  await one.getByLabel('Your name').fill('Countess')
  await one.getByRole('button', { name: 'Change' }).click()
  await shownName(other).getByText('Countess', { exact: true }).waitFor()
  await other.reload()
  expect(await shownName(other).textContent()).toBe('Countess')

  await submit(one, 'Sign out')
  await other.locator('body[data-closed="4401"]').waitFor()
  expect(await other.getByRole('status').textContent()).toContain('signed out')
  expect(await other.getByRole('button', { name: 'Sign out' }).count()).toBe(0)
  await submit(other, 'Reload')
  expect(await other.getByRole('heading', { level: 1 }).textContent()).toBe('Come in')
  expect(problems).toEqual([])
  await context.close()
}

test('two tabs of one process: a new name is seen, and a sign-out closes the other socket', () =>
  exchangeMessages([alone.url, alone.url]))

test('the same with each tab on a process of its own', () => exchangeMessages(pair.map(({ url }) => url)))

test('a sign-out leaves other users signed in, and a socket without a session is closed with 4401', async () => {
  const [ada, grace] = await Promise.all([browser.newContext(), browser.newContext()])
  const [one, other] = [await signIn(ada, alone.url, 'Ada'), await signIn(grace, alone.url, 'Grace')]
  await submit(one, 'Sign out')
  await other.getByRole('textbox', { name: 'Message' }).fill('still here')
  await other.getByRole('button', { name: 'Send' }).click()
  await other.getByText('still here').waitFor()
  expect(await other.locator('.chat-message-own').count()).toBe(1)
  expect(await other.locator('body').getAttribute('data-closed')).toBeNull()
  const code = await one.evaluate(
    'new Promise((resolve) => new WebSocket(`ws://${location.host}/`).addEventListener("close", ({ code }) => resolve(code)))',
  )
  expect(code).toBe(4401)
  await Promise.all([ada.close(), grace.close()])
})

test.each(['light', 'dark'] as const)('fits a phone, %s', async (colorScheme) => {
  const context = await browser.newContext({ viewport: { width: 360, height: 720 }, colorScheme })
  const page = await signIn(context, alone.url, 'Ada')
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
  await context.close()
})

test('a message of another user names its sender, and is not shown as the own', async () => {
  const [ada, grace] = await Promise.all([browser.newContext(), browser.newContext()])
  const [one, other] = [await signIn(ada, alone.url, 'Ada'), await signIn(grace, alone.url, 'Grace')]
  await other.locator('[data-send]:enabled').waitFor()
  await one.getByRole('textbox', { name: 'Message' }).fill('good morning')
  await one.getByRole('button', { name: 'Send' }).click()
  await other.getByText('good morning').waitFor()
  expect(await other.locator('.chat-message-own').count()).toBe(0)
  expect(await other.locator('.chat-message strong').textContent()).toBe('Ada')
  expect(await one.locator('.chat-message-own strong').textContent()).toBe('You')
  await Promise.all([ada.close(), grace.close()])
})

test('the chat is ready to write in, says that it is empty, and has messages that the keyboard can scroll', async () => {
  const context = await browser.newContext()
  const page = await signIn(context, alone.url, 'Ada')
  expect(await page.evaluate('document.activeElement.id')).toBe('say')
  expect(await page.getByText('No messages yet.').isVisible()).toBe(true)
  expect(await page.getByRole('log', { name: 'Messages' }).getAttribute('tabindex')).toBe('0')
  await context.close()
})

test('everything can be done from the keyboard, and the focus is always seen', async () => {
  const context = await browser.newContext()
  const { page, problems } = await openPage(context, isExpected)
  const isFocusSeen = () => page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
  const tabTo = async (label: string, key = 'Tab') => {
    for (let presses = 0; presses < 8; presses += 1) {
      await page.keyboard.press(key)
      expect(await isFocusSeen()).toBe('solid')
      const name = await page.evaluate<string>(
        '(({ ariaLabel, labels, textContent }) => ariaLabel ?? labels?.[0]?.textContent ?? textContent)(document.activeElement)',
      )
      if (name.trim() === label) return
    }
    throw new Error(`the keyboard does not reach "${label}"`)
  }
  await page.goto(alone.url)
  await page.keyboard.type('Ada')
  await page.keyboard.press('Enter')
  await page.locator('[data-send]:enabled').waitFor()
  await page.keyboard.type('by keyboard')
  await page.keyboard.press('Enter')
  await page.locator('.chat-message-own').getByText('by keyboard').waitFor()
  await tabTo('Send')
  await tabTo('Your name')
  await page.keyboard.press('Control+A')
  await page.keyboard.type('Countess')
  await page.keyboard.press('Enter')
  await page.getByText('You are Countess now.').waitFor()
  await tabTo('Messages', 'Shift+Tab')
  await tabTo('Sign out', 'Shift+Tab')
  await page.keyboard.press('Enter')
  await page.getByText('You are signed out.').waitFor()
  expect(problems).toEqual([])
  await context.close()
})

test.each([
  [1013, ''],
  [1001, ''],
  [4401, 'replaced'],
])('the page connects again by itself when its socket is closed with %i %s', async (code, reason) => {
  const context = await browser.newContext()
  let sockets = 0
  await context.routeWebSocket(/.*/, async (route) => {
    sockets += 1
    if (sockets === 1) await route.close({ code, reason })
    else route.connectToServer()
  })
  const page = await signIn(context, alone.url, 'Ada')
  await page.getByRole('textbox', { name: 'Message' }).fill('kept while away')
  await page.getByText('Connected again.').waitFor()
  await page.getByRole('button', { name: 'Send' }).click()
  await page.locator('.chat-message-own').getByText('kept while away').waitFor()
  expect([sockets, await page.locator('body').getAttribute('data-closed')]).toEqual([2, null])
  await context.close()
})

test.each(['light', 'dark'] as const)('axe finds nothing on a phone or a desktop, %s', async (colorScheme) => {
  for (const width of [360, 1280]) {
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme })
    const page = await signIn(context, alone.url, 'Ada')
    await page.locator('[data-send]:enabled').waitFor()
    const found = [await findViolations(page)]
    for (let line = 0; line < 12; line += 1) {
      await page.getByRole('textbox', { name: 'Message' }).fill(`line ${line}`)
      await page.getByRole('button', { name: 'Send' }).click()
    }
    await page.getByText('line 11').waitFor()
    found.push(await findViolations(page))
    await context.clearCookies()
    await page.goto(`${alone.url}/nowhere`)
    found.push(await findViolations(page))
    expect(found).toEqual([[], [], []])
    await context.close()
  }
})
