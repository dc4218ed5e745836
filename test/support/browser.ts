import { execFileSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const elsewhere = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** For a test machine: no sandbox (tests may run as root), and nothing that asks the network for anything of its own. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const howToInstall =
  'no Chromium was found: install it (Debian, Ubuntu: apt-get install chromium; macOS: brew install --cask chromium), or set CHROMIUM to its path'

/** Chromium from the machine, headless. Close it after the tests. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium(), headless: true, args })
}

/** Path of a Chromium or Chrome: `CHROMIUM` names one, otherwise the first on the path, otherwise it is installed where
 * that is possible. Throws with one line that says how to get one. */
export function findChromium(): string {
  const named = process.env['CHROMIUM']
  if (named !== undefined && named !== '') {
    if (isExecutable(named)) return named
    throw new Error(`CHROMIUM is ${named}, and there is no program of that name`)
  }
  return installed() ?? install()
}

function installed(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin'].filter((folder) => folder !== '')
  return [...names.flatMap((name) => folders.map((folder) => join(folder, name))), ...elsewhere].find(isExecutable)
}

function install(): string {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) throw new Error(howToInstall)
  const apt = (...words: string[]) =>
    execFileSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...words], { stdio: 'pipe' })
  try {
    apt('update')
    apt('install', '-y', '--no-install-recommends', 'chromium')
  } catch {
    throw new Error(howToInstall)
  }
  const path = installed()
  if (path === undefined) throw new Error(howToInstall)
  return path
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A page, and everything that went wrong in it. A test ends with `expect(problems).toEqual([])`. */
export interface WatchedPage {
  readonly page: Page
  /** Uncaught errors, messages on the console (a violated content security policy is one), requests that failed. */
  readonly problems: string[]
}

/**
 * Opens a page and watches it.
 *
 * @param isExpected Names the problems that the test is about: `(text) => text.includes('401')`.
 */
export async function openPage(
  context: BrowserContext,
  isExpected: (text: string) => boolean = () => false,
): Promise<WatchedPage> {
  const page = await context.newPage()
  const problems: string[] = []
  const note = (text: string) => {
    if (!isExpected(text)) problems.push(text)
  }
  page.on('pageerror', (error) => note(`uncaught: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') note(`${message.type()}: ${message.text()}`)
  })
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? ''
    // Going on to the next page while an image is still loading is no failure.
    if (reason !== 'net::ERR_ABORTED') note(`failed: ${request.method()} ${request.url()} ${reason}`)
  })
  return { page, problems }
}

/** Presses a button that sends a form, and waits for the page that comes in response. */
export async function submit(page: Page, button: string): Promise<void> {
  const loaded = page.waitForEvent('load')
  await page.getByRole('button', { name: button, exact: true }).click()
  await loaded
}
