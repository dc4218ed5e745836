import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type expressSession from 'express-session'
import type * as app from '../../examples/passport/app'
import { client } from '../../examples/passport/provider'
import { type RunningExample, startExample, Visitor } from '../support/example'

let example: RunningExample
let provider: string

beforeAll(async () => {
  example = await startExample(['npx', 'tsx', 'examples/passport/app.ts'], { PROVIDER_PORT: '0' })
  provider = /^The provider is on (\S+)$/m.exec(example.output())?.[1] ?? ''
}, 60_000)

afterAll(() => example.stop())

async function signedIn(url = example.url, headers = {}): Promise<Visitor> {
  const visitor = new Visitor(url, headers)
  await visitor.open('/')
  await visitor.send('/sign-in', { name: 'ada', password: 'hold fast' })
  expect(visitor.text).toContain('Your devices, ada')
  return visitor
}

const actions = ({ text }: Visitor) => [...text.matchAll(/action="(\/devices\/[^"]+)"/g)].map(([, path = '']) => path)

/** Leaves for the provider, chooses a person there, and comes back: the address that leads back to the app. */
async function chooseAtProvider(visitor: Visitor, person: string): Promise<URL> {
  const leaving = await visitor.redirect('/sign-in/provider')
  expect(leaving.origin).toBe(provider)
  const page = await (await fetch(leaving)).text()
  const field = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? ''
  const body = new URLSearchParams({ state: field('state'), code_challenge: field('code_challenge'), person })
  const response = await fetch(`${provider}/authorize`, { method: 'POST', body, redirect: 'manual' })
  return new URL(response.headers.get('location') ?? '')
}

test('passport signs in with a new id, and refuses a wrong password', async () => {
  const visitor = new Visitor(example.url)
  await visitor.open('/')
  const before = visitor.cookies.get('connect.sid')
  await visitor.send('/sign-in', { name: 'ada', password: 'guess' })
  expect(visitor.text).toContain('That did not match.')
  await visitor.send('/sign-in', { name: 'ada', password: 'hold fast' })
  expect(visitor.text).toContain('Your devices, ada')
  expect(visitor.cookies.get('connect.sid')).not.toBe(before)
  await visitor.send('/sign-out')
  expect(visitor.text).toContain('Sign in')
  expect(visitor.text).not.toContain('Your devices')
})

test('the list names the device of each login', async () => {
  const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0'
  const visitor = await signedIn(example.url, { 'user-agent': firefox })
  expect(visitor.text).toContain('<h2>Firefox on Linux</h2>')
  await visitor.send('/sign-out-everywhere')
})

test('a device that another one signs out is signed out, and no other', async () => {
  const first = await signedIn()
  const own = actions(first)
  const second = await signedIn()
  expect([own.length, actions(second).length]).toEqual([1, 2])
  await second.send(own[0]!)
  expect(actions(second)).toHaveLength(1)
  expect(await first.open('/')).not.toContain('Your devices')
  expect(await second.open('/')).toContain('Your devices')
})

test('"sign out everywhere" ends every session of the user, and none of another user', async () => {
  const [first, second, grace] = [await signedIn(), await signedIn(), new Visitor(example.url)]
  const back = await chooseAtProvider(grace, 'grace')
  await grace.open(back.pathname + back.search)
  await second.send('/sign-out-everywhere')
  expect([second.path, await first.open('/'), await grace.open('/')]).toEqual([
    '/sign-in',
    expect.not.stringContaining('Your devices'),
    expect.stringContaining('Your devices, Grace Hopper'),
  ])
})

test('a form without its token is refused', async () => {
  const visitor = await signedIn()
  await visitor.send('/sign-out', { csrfToken: '' })
  expect(visitor.status).toBe(403)
  expect(await visitor.open('/')).toContain('Your devices')
})

test('a person signs in at the provider, with a new id, and is listed as its own user', async () => {
  const visitor = new Visitor(example.url)
  const back = await chooseAtProvider(visitor, 'alan')
  expect(back.origin).toBe(example.url)
  const before = visitor.cookies.get('connect.sid')
  await visitor.open(back.pathname + back.search)
  expect(visitor.text).toContain('Your devices, Alan Turing')
  expect(actions(visitor)).toHaveLength(1)
  expect(visitor.cookies.get('connect.sid')).not.toBe(before)
})

test('a sign-in at the provider fails when it is cancelled, when its state is of another session, and the second time', async () => {
  const visitor = new Visitor(example.url)
  const cancelled = await chooseAtProvider(visitor, '')
  expect(await visitor.open(cancelled.pathname + cancelled.search)).toContain('Harbour ID did not sign you in.')
  const back = await chooseAtProvider(new Visitor(example.url), 'grace')
  await chooseAtProvider(visitor, 'grace')
  expect(await visitor.open(back.pathname + back.search)).toContain('Harbour ID did not sign you in.')
  const own = await chooseAtProvider(visitor, 'grace')
  await visitor.open(own.pathname + own.search)
  expect(visitor.text).toContain('Your devices, Grace Hopper')
  expect(await new Visitor(example.url).open(own.pathname + own.search)).not.toContain('Your devices')
})

test('the provider redirects to no other address, and gives no token without the verifier', async () => {
  const query = new URLSearchParams({ client_id: client.id, response_type: 'code', code_challenge_method: 'S256' })
  query.set('redirect_uri', 'https://evil.example/')
  expect((await fetch(`${provider}/authorize?${query.toString()}`)).status).toBe(400)
  const back = await chooseAtProvider(new Visitor(example.url), 'grace')
  const body = new URLSearchParams({
    client_id: client.id,
    client_secret: client.secret,
    code: back.searchParams.get('code') ?? '',
    code_verifier: 'guessed',
  })
  expect((await fetch(`${provider}/token`, { method: 'POST', body })).status).toBe(400)
  expect((await fetch(`${provider}/me`)).status).toBe(401)
})

describe('with express-session in the place of holdfast/express-session', () => {
  let server: Server
  let url: string

  beforeAll(async () => {
    jest.doMock('holdfast/express-session', () => {
      const original = jest.requireActual<typeof expressSession>('express-session')
      // What was added to the options came after the switch.
      return ({ store: _store, subject: _subject, context: _context, ...options }: any) => original(options)
    })
    const { createApp } = jest.requireActual<typeof app>('../../examples/passport/app')
    server = createServer(createApp(provider)).listen(0)
    url = `http://localhost:${(server.address() as AddressInfo).port}`
  })

  afterAll(() => {
    server.close()
    jest.dontMock('holdfast/express-session')
  })

  test('the same code signs in and out', async () => {
    const visitor = await signedIn(url)
    expect(actions(visitor)).toEqual([])
    await visitor.send('/sign-out')
    expect(visitor.path).toBe('/sign-in')
    expect(await visitor.open('/')).not.toContain('Your devices')
  })
})
