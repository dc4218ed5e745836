import { maxHeaderSize } from 'node:http'
import { sessionMiddleware } from '../../lib'
import { passTurns, startApp, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { serverKinds } from '../support/server-kinds'
import { fetchRaw, parseResponse, RawClient } from '../support/raw-client'

afterEach(async () => {
  jest.restoreAllMocks()
  await stopApps()
})

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const dead = (n: number): string => `sid=${String(n).padStart(16, 'A')}${'A'.repeat(32)}`

/** mulberry32: the same numbers for the same seed. */
function newRandom(): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

async function start(
  kind = serverKinds[3],
  secret?: string,
  storeTimeout = 5,
): Promise<{ port: number; store: ControlledStore; id: string; other: string; cookie: string }> {
  const store = new ControlledStore()
  store.delay = undefined
  const { port, sessions } = await startApp({
    ...(kind !== undefined && { kind }),
    ...(secret !== undefined && { secret }),
    store,
    storeTimeout,
    handler(req, res) {
      if (req.url === '/set') req.session.set('user', 'ada')
      res.end(String(req.session.get('user') ?? 'nobody'))
    },
  })
  const cookie = (await fetchRaw(port, '/set')).headers.find(([name]) => name === 'Set-Cookie')?.[1].split(';')[0] ?? ''
  const [id, other] = [await sessions.create({ user: 'ada' }), await sessions.create({ user: 'bob' })]
  store.log.length = 0
  return { port, store, id, other, cookie }
}

describe.each(serverKinds)('whatever is in the Cookie header, the request has a session or none: $name', (kind) => {
  test.each([
    ['nothing', ''],
    ['blanks', ' \t '],
    ['no name', '=x'],
    ['only signs', ';;;;====;=;='],
    ['a name alone', 'sid'],
    ['no value', 'sid='],
    ['bad escapes', 'sid=%; sid=%E0%A4%A; sid=%zz; sid=%00'],
    ['escaped zeroes', `sid=${'%00'.repeat(48)}`],
    ['quotes that do not end', 'sid="abc'],
    ['another case of the name', 'SID=abc; Sid=abc'],
    ['names of Object', '__proto__=1; constructor=1; sid=__proto__; toString=1'],
    ['bytes that are no ASCII', `sid=${String.fromCharCode(...Array.from({ length: 128 }, (_, i) => 128 + i))}`],
    ['signed rubbish', 's:sid=s:a.b; sid=s:; sid=s:.; sid=s%3A'],
    ['an id that is too long', `sid=${'A'.repeat(4000)}`],
    ['a handle without a secret', `sid=${'A'.repeat(16)}`],
    ['another alphabet', `sid=${'+/'.repeat(24)}`],
    ['objects of cookie-parser', 'sid=j:{"__proto__":{"x":1}}'],
  ])('%s', async (_name, header) => {
    for (const secret of [undefined, 'a secret of a length that will do']) {
      const { port, store } = await start(kind, secret)
      expect(await fetchRaw(port, '/', { headers: { Cookie: header } })).toMatchObject({
        status: 200,
        body: 'nobody',
        whole: true,
      })
      expect(store.memory.size).toBe(3)
      expect(store.calls).toEqual([])
    }
  })
})

test('the middleware ignores invalid ids, and opens no session when a request names two live ones', async () => {
  const { port, store, id, other } = await start()
  const live = `sid=${id}`
  const forged = `sid=${id.slice(0, -1)}${id.endsWith('A') ? 'Q' : 'A'}`
  for (const [header, body] of [
    [`${dead(1)}; ${live}`, 'ada'],
    [`${live}; ${dead(1)}`, 'ada'],
    [`${live}; ${live}`, 'ada'],
    [`${dead(1)}; x=${live}; ${live}; y=1`, 'ada'],
    [`${forged}; ${live}`, 'ada'],
    [forged, 'nobody'],
    [`${live}; sid=${other}`, 'nobody'],
    [`sid=${other}; ${dead(1)}; ${live}`, 'nobody'],
    [`sid="${id}"`, 'nobody'],
    [`sid=${id.replace(/^./, (char) => `%${char.charCodeAt(0).toString(16)}`)}`, 'nobody'],
    [`sid=\u00a0${id}`, 'nobody'],
    [`  sid\t= ${id}  `, 'ada'],
    [`xsid=${other}; sid=${id}`, 'ada'],
    [`sid =${id.slice(0, 5)}; sid=${id}`, 'ada'],
    [`a="; sid=${id}`, 'ada'],
  ] as const) {
    expect([header.replaceAll(id, 'ID'), (await fetchRaw(port, '/', { headers: { Cookie: header } })).body]).toEqual([
      header.replaceAll(id, 'ID'),
      body,
    ])
  }
  expect(store.memory.size).toBe(3)
})

test('of many cookies of our name at most three reach the store, and a live one in front or behind is served', async () => {
  const { port, store, id } = await start()
  const many = Array.from({ length: 100 }, (_, n) => dead(n))
  expect(await fetchRaw(port, '/', { headers: { Cookie: many.join('; ') } })).toMatchObject({
    status: 200,
    body: 'nobody',
  })
  expect(store.calls).toHaveLength(3)
  for (const header of [
    [`sid=${id}`, ...many],
    [...many, `sid=${id}`],
    [...many, `sid=${id}`, dead(101)],
    [...Array.from({ length: 300 }, () => 'sid=%'), `sid=${id}`, ...Array.from({ length: 300 }, () => 'sid=%')],
  ]) {
    store.log.length = 0
    expect((await fetchRaw(port, '/', { headers: { Cookie: header.join('; ') } })).body).toBe('ada')
    expect(store.calls.length).toBeLessThanOrEqual(3)
  }
})

test('several ids are loaded at once, under one deadline', async () => {
  const { port, store } = await start(serverKinds[3], undefined, 0.05)
  store.hold('load')
  const loads = [1, 2, 3].map(() => store.asked('load'))
  const response = fetchRaw(port, '/', { headers: { Cookie: `${dead(1)}; ${dead(2)}; ${dead(3)}` } })
  await Promise.all(loads)
  expect(store.log).toEqual(['load', 'load', 'load'])
  // Nothing is released, so the deadline is what ends the request.
  expect(await response).toMatchObject({ status: 503, body: 'sorry: STORE_TIMEOUT' })
})

test('a store that fails for one id of several is 503, and the other replies are ignored', async () => {
  const { port, store, id } = await start()
  const load = store.load.bind(store)
  let calls = 0
  jest.spyOn(store, 'load').mockImplementation((...args) => {
    if (++calls === 2) throw new Error('the second')
    return calls === 3 ? Promise.reject(new Error('the third')) : load(...args)
  })
  const header = `sid=${id}; ${dead(2)}; ${dead(3)}`
  expect(await fetchRaw(port, '/', { headers: { Cookie: header } })).toMatchObject({ status: 503 })
})

test('with a secret, unsigned and wrongly signed ones do not reach the store at all', async () => {
  const { port, store, id, cookie } = await start(serverKinds[3], 'a secret of a length that will do')
  const decoded = decodeURIComponent(cookie)
  for (const header of [
    `sid=${id}`,
    `sid=s:${id}`,
    `sid=s%3A${id}.`,
    `${cookie}x`,
    cookie.slice(0, -1),
    cookie.replace('sid=s%3A', 'sid='),
    decoded,
  ]) {
    expect((await fetchRaw(port, '/', { headers: { Cookie: header } })).body).toBe('nobody')
  }
  expect(store.calls).toEqual([])
  const flood = Array.from({ length: 100 }, (_, n) => dead(n)).join('; ')
  expect((await fetchRaw(port, '/', { headers: { Cookie: `${flood}; ${cookie}; ${flood}` } })).body).toBe('ada')
  expect(store.calls).toEqual(['load'])
})

test('several Cookie headers are one', async () => {
  const { port, id } = await start()
  const client = await RawClient.open(port)
  client.send(
    `GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nCookie: a=1\r\nCookie: sid=${id}\r\ncookie: b=2\r\n\r\n`,
  )
  expect(parseResponse(await client.untilClosed()).body).toBe('ada')
})

test(`random bytes (SEED=${seed})`, async () => {
  const { port, store, id } = await start()
  const random = newRandom()
  const parts: (() => string)[] = [
    () => 'sid',
    () => '=',
    () => ';',
    () => '; ',
    () => '%',
    () => '"',
    () => `sid=${id}`,
    () => `sid=${id.slice(0, random(id.length))}`,
    () => dead(random(1000)),
    () => 's:',
    () => `%${random(256).toString(16)}`,
    () => ' '.repeat(random(40)),
    () => 'A'.repeat(random(400)),
    // What Node's parser lets through: anything but control characters.
    () =>
      String.fromCharCode(
        ...Array.from({ length: random(30) }, () => [9, 32 + random(95), 128 + random(128)][random(3)] ?? 32),
      ),
  ]
  const client = await RawClient.open(port)
  for (let round = 0; round < 1500; round++) {
    const header = Array.from({ length: random(30) }, () => parts[random(parts.length)]?.() ?? '').join('')
    const before = client.received.length
    client.get('/', { Cookie: header })
    await client.until((received) => /\r\n\r\n(ada|nobody)$/.test(received.slice(before)))
    expect(client.received.slice(before)).toMatch(/^HTTP\/1.1 200 OK\r\n/)
  }
  client.close()
  expect(store.memory.size).toBe(3)
  expect(store.calls.every((call) => call === 'load')).toBe(true)
})

/** Shapes that make a careless parser go over the same bytes again and again. */
const shapes: Record<string, (size: number) => string> = {
  'thousands of pairs': (size) => 'a=b; '.repeat(size / 5),
  'thousands of our name': (size) => 'sid=x;'.repeat(size / 6),
  'semicolons only': (size) => ';'.repeat(size),
  'equals signs only': (size) => '='.repeat(size),
  'our name without a value': (size) => 'sid;'.repeat(size / 4),
  'our name without an end': (size) => 'sid'.repeat(size / 3),
  'blanks before the name': (size) => `${' '.repeat(size)}sid=x`,
  'blanks after the name': (size) => `sid${' '.repeat(size)}=x`,
  'blanks around every name': (size) => ' \t sid \t \t; '.repeat(size / 13),
  'one huge value': (size) => `sid=${'A'.repeat(size)}`,
  'one huge value of escapes': (size) => `sid=${'%41'.repeat(size / 3)}`,
  'one huge value of bad escapes': (size) => `sid=${'%E0%A4'.repeat(size / 6)}`,
  'short values that do not decode': (size) => 'sid=%;'.repeat(size / 6),
  'escaped ids': (size) => `sid=${'%41'.repeat(48)};`.repeat(size / 149),
  'an equals sign at the very end': (size) => `${'sid;'.repeat(size / 4)}sid=x`,
  quotes: (size) => `sid=${'"'.repeat(size)}`,
}

test.each(Object.entries(shapes))('megabytes are read once, and not again and again: %s', (_name, shape) => {
  // With quadratic work one of these would take hours, and the test run out of time.
  const middleware = sessionMiddleware({ store: new ControlledStore() })
  const next = jest.fn()
  const req: any = { headers: { cookie: shape(6_000_000) } }
  middleware(req, {} as never, next)
  expect(next.mock.calls).toEqual([[]])
  expect(req.session.size).toBe(0)
})

test.each(Object.entries(shapes))('as large as Node lets them in: %s', async (_name, shape) => {
  const { port, store } = await start()
  const response = await fetchRaw(port, '/', { headers: { Cookie: shape(maxHeaderSize - 200) } })
  expect(response).toMatchObject({ status: 200, body: 'nobody' })
  expect(store.calls).toEqual([])
})

test('a flood of strangers, and of made-up ids, makes the store no larger', async () => {
  const { port, store } = await start()
  await Promise.all(
    Array.from({ length: 300 }, (_, n) => fetchRaw(port, '/', { headers: n % 2 === 0 ? {} : { Cookie: dead(n) } })),
  )
  await passTurns(1)
  expect(store.memory.size).toBe(3)
})
