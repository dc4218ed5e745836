import { join } from 'node:path'
import { type RunningExample, startExample, Visitor } from '../support/example'
import { RedisServer } from '../support/redis-server'

const command = ['npx', 'tsx', 'examples/devices/app.ts']
/** Sign-ins in these tests cost no time. */
const cheap = { NODE_OPTIONS: `--require ${join(__dirname, '../support/cheap-scrypt.cjs')}` }
const password = 'analytical engine'
const ada = { email: 'ada@example.com', password }
const grace = { email: 'grace@example.com', password }

const firefox = { 'user-agent': 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:150.0) Gecko/20100101 Firefox/150.0' }
const iPhone = {
  'user-agent':
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Mobile/15E148 Safari/604.1',
}

describe.each(['memory', 'redis'])('on %s', (kind) => {
  let redis: RedisServer | undefined
  let processes: RunningExample[]

  /** Of one process, or of two that share a Redis: a device asks the first, the next device the other one. */
  let turn = 0
  let visitors: Visitor[] = []
  const device = (headers: Record<string, string> = {}) => {
    const visitor = new Visitor(processes[turn++ % processes.length]!.url, headers)
    visitors.push(visitor)
    return visitor
  }

  beforeAll(async () => {
    if (kind === 'redis') redis = await RedisServer.start()
    const starts = redis === undefined ? 1 : 2
    processes = await Promise.all(
      Array.from({ length: starts }, () => startExample(command, { ...cheap, REDIS_URL: redis?.url })),
    )
  }, 60_000)

  afterAll(async () => {
    await Promise.all(processes.map((running) => running.stop()))
    await redis?.stop()
  })

  afterEach(async () => {
    for (const visitor of visitors) {
      await visitor.open('/')
      if (visitor.path === '/') await visitor.send('/sign-out')
    }
    visitors = []
  })

  async function signedIn(
    account: { email: string; password: string },
    headers: Record<string, string> = {},
  ): Promise<Visitor> {
    const visitor = device(headers)
    await visitor.open('/sign-in')
    await visitor.send('/sign-in', account)
    expect([visitor.status, visitor.path]).toEqual([200, '/'])
    return visitor
  }

  test('shows each device by a name that its owner knows, and gives away nothing that opens a session', async () => {
    const computer = await signedIn(ada, firefox)
    const phone = await signedIn(ada, { ...iPhone, 'x-forwarded-for': '198.51.100.23' })
    const names = [...phone.text.matchAll(/class="device-name">([^<]+?) </g)].map((match) => match[1])
    expect(names).toEqual(['Safari on iPhone', 'Firefox on Windows'])
    expect(phone.text).toMatch(/Safari on iPhone <span class="badge">This device/)
    expect(phone.text).toContain('<dd>198.51.100.23</dd>')
    expect(await computer.open('/')).toMatch(/Firefox on Windows <span class="badge">This device/)
    for (const visitor of [computer, phone]) {
      const secret = visitor.cookies.get('sid')!.slice(16)
      expect(secret).toHaveLength(32)
      expect(phone.text).not.toContain(secret)
    }
  })

  test('a device that is signed out from another one is signed out', async () => {
    const computer = await signedIn(ada, firefox)
    const phone = await signedIn(ada, iPhone)
    await phone.send(actionFor(phone, 'Firefox on Windows'))
    expect(phone.text).toContain('Firefox on Windows is signed out.')
    await computer.open('/')
    expect(computer.path).toBe('/sign-in')
    await phone.open('/')
    expect(phone.path).toBe('/')
  })

  test('this device has one button to sign out, at the top of the page', async () => {
    const phone = await signedIn(ada, iPhone)
    expect(phone.text.match(/>\s*Sign out\b/g)).toHaveLength(1)
    expect(phone.text).not.toMatch(/action="\/devices\//)
  })

  test('a device that sends its own handle is signed out', async () => {
    const computer = await signedIn(ada, firefox)
    const phone = await signedIn(ada, iPhone)
    await computer.open('/')
    await phone.send(actionFor(computer, 'Safari on iPhone'))
    expect([phone.path, phone.text]).toEqual([
      '/sign-in',
      expect.stringContaining('You are signed out on this device.'),
    ])
  })

  test("the handle of another user's session ends nothing", async () => {
    const hers = await signedIn(ada, firefox)
    const stranger = await signedIn(grace, iPhone)
    expect(stranger.text).not.toContain('Firefox on Windows')
    const others = await signedIn(ada)
    await stranger.send(actionFor(others, 'Firefox on Windows'))
    await hers.open('/')
    expect(hers.path).toBe('/')
  })

  test('signs out everywhere else', async () => {
    const others = [await signedIn(ada), await signedIn(ada)]
    const here = await signedIn(ada)
    await here.send('/sign-out-others')
    expect(here.text).toContain('2 other devices were signed out. You are still signed in here.')
    expect(here.text).not.toContain('/sign-out-others')
    for (const other of others) {
      await other.open('/')
      expect(other.path).toBe('/sign-in')
    }
  })

  // The rest has nothing to do with where sessions are kept.
  if (kind === 'redis') return

  test('is kept signed in for 30 days if asked to, for half a day otherwise', async () => {
    const { url } = processes[0]!
    const maxAges = []
    for (const keep of [{}, { keep: 'yes' }]) {
      const page = await fetch(`${url}/sign-in`)
      const cookie = page.headers.getSetCookie()[0]!.split(';')[0]!
      const csrfToken = /name="csrfToken" value="(\w+)"/.exec(await page.text())![1]!
      const body = new URLSearchParams({ ...ada, ...keep, csrfToken })
      const response = await fetch(`${url}/sign-in`, { method: 'POST', headers: { cookie }, body, redirect: 'manual' })
      maxAges.push(/Max-Age=(\d+)/.exec(response.headers.getSetCookie()[0]!)![1])
    }
    expect(maxAges).toEqual(['43200', '2592000'])
  })

  test('does not say which of email and password was wrong', async () => {
    const visitor = device()
    await visitor.open('/sign-in')
    const wrongPassword = await visitor.send('/sign-in', { ...ada, password: 'guess' })
    expect(visitor.status).toBe(422)
    const unknownAddress = await visitor.send('/sign-in', { email: 'ada@example.org', password })
    expect(unknownAddress.replace('ada@example.org', 'ada@example.com')).toBe(wrongPassword)
    expect(wrongPassword).not.toContain('guess')
  })

  test('every form needs the token of its page', async () => {
    await signedIn(ada, firefox)
    const visitor = await signedIn(ada)
    for (const path of [
      '/sign-out',
      '/sign-out-others',
      '/password',
      '/sign-in',
      actionFor(visitor, 'Firefox on Windows'),
    ]) {
      await visitor.send(path, { csrfToken: 'f'.repeat(64) })
      expect([path, visitor.status]).toEqual([path, 403])
    }
    await visitor.open('/')
    expect(visitor.path).toBe('/')
  })

  test('what a client says of itself is text, not markup', async () => {
    const markup = `"><script>alert(1)</script>`
    const visitor = await signedIn(ada, { 'x-forwarded-for': markup, 'user-agent': markup })
    // The page's own script is the only one.
    expect(visitor.text.match(/<script[^>]*>/g)).toEqual(['<script src="/local-times.js" defer>'])
    expect(visitor.text).toContain('&#34;&#62;&#60;script&#62;alert(1)')
    await visitor.send('/devices/__proto__/sign-out')
    expect([visitor.status, visitor.text]).toEqual([200, expect.stringContaining('That device is signed out.')])
  })

  test('a stranger is sent to the sign-in page, from everywhere', async () => {
    for (const path of ['/', '/password']) {
      const visitor = device()
      await visitor.open(path)
      expect(visitor.path).toBe('/sign-in')
    }
    const visitor = device()
    await visitor.open('/nowhere')
    expect(visitor.status).toBe(404)
  })
})

test('a change of password ends the other devices, and gives this one a new cookie', async () => {
  const example = await startExample(command, { ...cheap, REDIS_URL: undefined })
  const signIn = async (secret: string) => {
    const visitor = new Visitor(example.url)
    await visitor.open('/sign-in')
    await visitor.send('/sign-in', { ...ada, password: secret })
    return visitor
  }
  const other = await signIn(password)
  const here = await signIn(password)
  const wanted = 'correct horse battery staple'
  for (const [fields, problem] of [
    [{ current: 'guess', wanted }, 'That is not your current password.'],
    [{ current: password, wanted: 'x'.repeat(14) }, 'That is too short.'],
    [{ current: password, wanted: password }, 'That is the password you have now.'],
  ] as const) {
    await here.open('/password')
    await here.send('/password', fields)
    expect([here.status, here.text]).toEqual([422, expect.stringContaining(problem)])
  }
  const before = here.cookies.get('sid')
  await here.open('/password')
  await here.send('/password', { current: password, wanted })
  expect(here.text).toContain('Your password is changed. 1 other device was signed out.')
  expect(here.cookies.get('sid')).not.toBe(before)
  await other.open('/')
  expect(other.path).toBe('/sign-in')
  expect([(await signIn(password)).status, (await signIn(wanted)).status]).toEqual([422, 200])
  await example.stop()
}, 60_000)

/** Where the "Sign out" button beside a device leads. */
function actionFor(visitor: Visitor, name: string): string {
  const item = visitor.text.split('<li class="device"').find((part) => part.includes(`class="device-name">${name} `))
  const action = item === undefined ? undefined : /action="([^"]+)"/.exec(item)?.[1]
  if (action === undefined) throw new Error(`${name} is not in the list`)
  return action
}
