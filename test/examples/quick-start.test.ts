import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { runExample, type RunningExample, startExample, Visitor } from '../support/example'

let example: RunningExample

beforeAll(async () => {
  example = await startExample(['npm', 'start'])
}, 60_000)

afterAll(() => example.stop())

const password = 'hold fast'

test('says in one line where it listens', () => {
  const lines = example
    .output()
    .split('\n')
    .filter((line) => line !== '' && !/^(>|npm)/.test(line))
  expect(lines).toEqual([`Listening on ${example.url}`])
})

test('the count of a visitor is kept through signing in, and ends with signing out', async () => {
  const visitor = new Visitor(example.url)
  await visitor.open('/')
  await visitor.send('/count')
  await visitor.send('/count')
  expect(visitor.text).toContain('data-testid="count">2<')
  const before = new Map(visitor.cookies)
  await visitor.send('/sign-in', { name: 'Ada', password })
  expect(visitor.text).toContain('Welcome, Ada.')
  expect(visitor.text).toContain('data-testid="count">2<')
  expect(visitor.cookies.get('sid')).not.toBe(before.get('sid'))
  expect(await visitor.open('/')).not.toContain('Welcome, Ada.')
  await visitor.send('/sign-out')
  expect(visitor.text).toContain('You are signed out.')
  expect(visitor.text).toContain('data-testid="count">0<')
})

test('a wrong password, or an empty name, is refused', async () => {
  const visitor = new Visitor(example.url)
  await visitor.open('/')
  expect(await visitor.send('/sign-in', { name: 'Ada', password: 'guess' })).toContain('That is not the demo password.')
  expect(await visitor.send('/sign-in', { name: ' ', password })).toContain('Tell us a name')
  expect(visitor.text).toContain('nobody yet')
})

test('the sign-in form keeps the name, and marks the field that is wrong, when a sign-in fails', async () => {
  const visitor = new Visitor(example.url)
  await visitor.open('/')
  await visitor.send('/sign-in', { name: 'Ada', password: 'guess' })
  expect(visitor.status).toBe(422)
  expect(visitor.text).toMatch(/id="name"[^>]*value="Ada"/)
  expect(visitor.text).toMatch(/id="password"[^>]*aria-invalid="true"/)
  expect(visitor.text).not.toMatch(/id="name"[^>]*aria-invalid/)
  expect(visitor.text).not.toContain('guess')
  await visitor.send('/sign-in', { name: ' ', password })
  expect(visitor.text).toMatch(/id="name"[^>]*aria-invalid="true"/)
})

test('the account page sends a visitor to the sign-in form, and shows a user the account', async () => {
  const visitor = new Visitor(example.url)
  await visitor.open('/account')
  expect([visitor.path, visitor.text]).toEqual(['/#sign-in', expect.stringContaining('action="/sign-in"')])
  await visitor.send('/sign-in', { name: 'Ada', password })
  expect(await visitor.open('/account')).toContain('You are Ada')
})

test('the page says which store keeps the session', async () => {
  expect(await new Visitor(example.url).open('/')).toContain('MemoryStore')
})

test('a path that does not exist gets a page that leads back', async () => {
  const visitor = new Visitor(example.url)
  await visitor.open('/nowhere')
  expect([visitor.status, visitor.text]).toEqual([404, expect.stringMatching(/<h1>There is no such page[^]*href="\/"/)])
})

test('what people type is text, not markup', async () => {
  const visitor = new Visitor(example.url)
  await visitor.open('/')
  const markup = `"><script>alert('&')</script>`
  const page =
    (await visitor.send('/sign-in', { name: markup, password })) + (await visitor.send('/flash', { message: markup }))
  expect(page).not.toContain('<script')
  expect(page).toContain('&#34;&#62;&#60;script&#62;alert(&#39;&#38;&#39;)&#60;/script&#62;')
})

test('a form that another site made is refused', async () => {
  const visitor = new Visitor(example.url)
  await visitor.open('/')
  await visitor.send('/count', { csrfToken: '' })
  expect([visitor.status, visitor.text]).toEqual([403, expect.stringContaining('This form has expired')])
  expect(await visitor.open('/')).toContain('data-testid="count">0<')
  const stranger = new Visitor(example.url)
  await stranger.send('/sign-in', { name: 'Ada', password })
  expect([stranger.status, stranger.cookies.size]).toEqual([403, 0])
})

test('the page allows no scripts and is kept by no cache', async () => {
  const { headers } = await fetch(example.url)
  expect(headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(headers.get('cache-control')).toBe('no-store')
  for (const path of ['/base.css', '/quick-start.css', '/icon.svg']) {
    const asset = await fetch(example.url + path)
    expect([asset.status, asset.headers.getSetCookie()]).toEqual([200, []])
  }
})

test('a port that is in use, or is none, gives one clear line', async () => {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const start = ['npx', 'tsx', 'examples/quick-start/app.ts']
  const [taken, none] = await Promise.all([
    runExample(start, { PORT: String(port) }),
    runExample(start, { PORT: 'abc' }),
  ])
  server.close()
  expect([taken.code, taken.output.trim().split('\n').at(-1)]).toEqual([
    1,
    expect.stringMatching(`^Port ${port} is in use: stop what uses it`),
  ])
  expect([none.code, none.output]).toEqual([1, expect.stringContaining("PORT is 'abc'")])
})
