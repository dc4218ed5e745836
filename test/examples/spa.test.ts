import { type RunningExample, startExample } from '../support/example'

const otherOrigin = 'https://evil.example'
let example: RunningExample
let api: string

beforeAll(async () => {
  example = await startExample(['npx', 'tsx', 'examples/spa/app.ts'], { API_PORT: '0' })
  api = /^The API is on (\S+)$/m.exec(example.output())?.[1] ?? ''
}, 60_000)

afterAll(() => example.stop())

interface Call {
  readonly cookie?: string
  readonly origin?: string | undefined
  readonly body?: object
}

async function call(method: string, path: string, { cookie = '', origin = example.url, body }: Call = {}) {
  const headers = { origin, ...(cookie && { cookie }), ...(body && { 'content-type': 'application/json' }) }
  const response = await fetch(api + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: (response.headers.get('content-type') ?? '').includes('json') ? (JSON.parse(text) as unknown) : text,
    cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? '',
  }
}

const signIn = async (name = 'Ada') =>
  (await call('POST', '/session', { body: { name, password: 'hold fast' } })).cookie

test('the page may send the cookie and read the responses, and another origin may not', async () => {
  const { headers } = await call('GET', '/me')
  expect([headers.get('access-control-allow-origin'), headers.get('access-control-allow-credentials')]).toEqual([
    example.url,
    'true',
  ])
  expect(headers.get('vary')).toContain('Origin')
  const other = await call('GET', '/me', { origin: otherOrigin })
  expect([...other.headers.keys()].filter((name) => name.startsWith('access-control-allow'))).toEqual([])
})

test('a preflight request is allowed for the page, asks for no session, and sets no cookie', async () => {
  const allowed = await call('OPTIONS', '/notes')
  expect([allowed.status, allowed.cookie]).toEqual([204, ''])
  expect(allowed.headers.get('access-control-allow-headers')).toBe('Content-Type')
  const other = await call('OPTIONS', '/notes', { origin: otherOrigin })
  expect(other.headers.get('access-control-allow-origin')).toBeNull()
})

test('a request that changes something is refused when it comes from another origin or from none', async () => {
  const cookie = await signIn()
  for (const origin of [otherOrigin, 'null', api, '']) {
    const refused = await call('POST', '/notes', { cookie, origin, body: { text: 'planted' } })
    expect([origin, refused.status, refused.body]).toEqual([origin, 403, { error: 'OTHER_ORIGIN' }])
    const signedIn = await call('POST', '/session', { origin, body: { name: 'Eve', password: 'hold fast' } })
    expect([signedIn.status, signedIn.cookie]).toEqual([403, ''])
  }
  expect((await call('GET', '/notes', { cookie })).body).toEqual([])
})

test('notes are 401 without a login, and belong to their user with one', async () => {
  for (const [method, path] of [
    ['GET', '/me'],
    ['GET', '/notes'],
    ['POST', '/notes'],
    ['DELETE', '/other-sessions'],
  ] as const) {
    const { status, body } = await call(method, path)
    expect([path, status, body]).toEqual([path, 401, { error: 'LOGIN_REQUIRED' }])
  }
  const [grace, linus] = [await signIn('Grace'), await signIn('Linus')]
  const added = await call('POST', '/notes', { cookie: grace, body: { text: ' milk ' } })
  expect([added.status, added.body]).toEqual([201, { id: expect.any(String), text: 'milk' }])
  expect((await call('GET', '/notes', { cookie: linus })).body).toEqual([])
  const { id } = added.body as { id: string }
  await call('DELETE', `/notes/${id}`, { cookie: linus })
  expect((await call('GET', '/notes', { cookie: grace })).body).toHaveLength(1)
  expect((await call('DELETE', `/notes/${id}`, { cookie: grace })).status).toBe(204)
  expect((await call('GET', '/notes', { cookie: grace })).body).toEqual([])
})

test('a wrong password is 422, so that 401 means the end of a session and nothing else', async () => {
  const { status, body, cookie } = await call('POST', '/session', { body: { name: 'Ada', password: 'guess' } })
  expect([status, body, cookie]).toEqual([422, { error: 'WRONG_NAME_OR_PASSWORD' }, ''])
})

test('a sign-out ends the session, also when it is sent twice', async () => {
  const cookie = await signIn()
  expect((await call('DELETE', '/session', { cookie })).status).toBe(204)
  expect((await call('GET', '/me', { cookie })).status).toBe(401)
  expect((await call('DELETE', '/session', { cookie })).status).toBe(204)
})

test('"sign out everywhere else" ends the other sessions of the user, and leaves this one', async () => {
  const [here, there, other] = [await signIn('Mary'), await signIn('Mary'), await signIn('Ken')]
  expect((await call('DELETE', '/other-sessions', { cookie: here })).body).toEqual({ ended: 1 })
  const statuses = [here, there, other].map(async (cookie) => (await call('GET', '/me', { cookie })).status)
  expect(await Promise.all(statuses)).toEqual([200, 401, 200])
})

test('the cookie is for the API alone to read, and no cache keeps a response', async () => {
  const response = await fetch(`${api}/session`, {
    method: 'POST',
    headers: { origin: example.url, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Ada', password: 'hold fast' }),
  })
  expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(/^sid=.*; HttpOnly; SameSite=Lax$/)])
  expect((await call('GET', '/me')).headers.get('cache-control')).toBe('no-store')
})

test('the root of the API says what there is to try', async () => {
  expect((await call('GET', '/')).body).toContain('README')
})

test('the page allows scripts of its own and calls of the API alone, and has no session', async () => {
  const response = await fetch(example.url)
  const policy = response.headers.get('content-security-policy')
  expect(policy).toMatch(new RegExp(`connect-src ${api}(;|$)`))
  expect(policy).toContain("script-src 'self'")
  expect(response.headers.getSetCookie()).toEqual([])
  expect((await fetch(`${example.url}/nowhere`)).status).toBe(404)
})
