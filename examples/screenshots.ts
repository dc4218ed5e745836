// Takes the pictures in README: npx tsx examples/screenshots.ts
import { once } from 'node:events'
import { mkdirSync, statSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { SessionManager } from 'holdfast'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { launchBrowser, submit } from '../test/support/browser'
import { Visitor } from '../test/support/example'
import { createApp as createDevices, createSessions } from './devices/app'
import { demo } from './devices/pages'
import { createApp as createQuickStart, demoPassword } from './quick-start/app'

const folder = join(__dirname, '../docs/screenshots')
const largest = 150_000

const minute = 60
const hour = 3600
const day = 86_400

/** The time in the pictures, so that they change only when the pages do. */
const present = Date.UTC(2026, 4, 14, 9, 41) / 1000

const phone = {
  ip: '198.51.100.23',
  agent:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Mobile/15E148 Safari/604.1',
}
const laptop = {
  ip: '203.0.113.84',
  agent:
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36',
}
const office = {
  ip: '192.0.2.17',
  agent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0',
}
const tablet = {
  ip: '2001:db8::7334',
  agent:
    'Mozilla/5.0 (Linux; Android 15; SM-X910) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36',
}

async function main(): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const browser = await launchBrowser()
  try {
    await takeQuickStart(browser)
    await takeDevices(browser, 'devices-light.png', laptop, [phone, office, tablet], {
      colorScheme: 'light',
      viewport: { width: 1180, height: 780 },
    })
    await takeDevices(browser, 'devices-dark-phone.png', phone, [laptop, office], {
      colorScheme: 'dark',
      viewport: { width: 390, height: 844 },
      deviceScaleFactor: 1.5,
    })
  } finally {
    await browser.close()
  }
}

async function takeQuickStart(browser: Browser): Promise<void> {
  const { url, server } = await serve(createQuickStart(new SessionManager({ clock: () => present })))
  const context = await browser.newContext({
    colorScheme: 'light',
    viewport: { width: 1180, height: 700 },
    deviceScaleFactor: 1.25,
  })
  const page = await context.newPage()
  await page.goto(url)
  for (let count = 0; count < 3; count++) await submit(page, 'Count one more')
  await page.getByRole('textbox', { name: 'Name' }).fill('Ada')
  await page.getByRole('textbox', { name: 'Password' }).fill(demoPassword)
  await page.keyboard.press('Enter')
  await page.getByText('Welcome, Ada.').waitFor()
  await take(page, 'quick-start.png')
  server.close()
}

interface Client {
  readonly ip: string
  readonly agent: string
}

async function takeDevices(
  browser: Browser,
  file: string,
  current: Client,
  others: readonly Client[],
  options: BrowserContextOptions,
): Promise<void> {
  let now = present
  const clock = () => now
  const { url, server } = await serve(createDevices(createSessions({ clock }), clock))
  const lastActive = [12 * minute, 3 * hour, 2 * day]
  for (const [index, client] of others.entries()) {
    const visitor = new Visitor(url, { 'user-agent': client.agent, 'x-forwarded-for': client.ip })
    now = present - (4 * index + 3) * day
    await visitor.open('/sign-in')
    await visitor.send('/sign-in', { ...demo, keep: 'yes' })
    now = present - (lastActive[index] ?? day)
    await visitor.open('/')
  }
  const context = await browser.newContext({
    ...options,
    userAgent: current.agent,
    extraHTTPHeaders: { 'x-forwarded-for': current.ip },
  })
  const page = await context.newPage()
  now = present - 20 * minute
  await page.goto(`${url}/sign-in`)
  await page.getByRole('textbox', { name: 'Email' }).fill(demo.email)
  await page.getByRole('textbox', { name: 'Password' }).fill(demo.password)
  await page.getByRole('checkbox', { name: 'Keep me signed in' }).check()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: /signed in/ }).waitFor()
  now = present
  await page.reload()
  await take(page, file)
  server.close()
}

async function serve(app: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(app).listen(0)
  await once(server, 'listening')
  return { server, url: `http://localhost:${(server.address() as AddressInfo).port}` }
}

async function take(page: Page, file: string): Promise<void> {
  const path = join(folder, file)
  await page.screenshot({ path, fullPage: true, caret: 'hide' })
  await page.context().close()
  const { size } = statSync(path)
  console.log(`${file}: ${Math.round(size / 1000)} kB`)
  if (size > largest) throw new Error(`${file} is too large for a README`)
}

main().catch((error: unknown) => {
  console.error(error)
  process.exit(1)
})
