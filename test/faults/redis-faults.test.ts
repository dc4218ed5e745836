import { AppProcess } from '../support/app-process'
import { cookieOf } from '../support/http-client'
import { RedisServer } from '../support/redis-server'
import { TcpProxy } from '../support/tcp-proxy'

/*
 * Two processes of one app on one Redis. The first reaches it through a line that the test slows down, cuts or lets hang;
 * the second directly. README's table "When Redis fails" says the same in words.
 */

let server: RedisServer
let proxy: TcpProxy
let admin: Awaited<ReturnType<RedisServer['connect']>>
let one: AppProcess
let other: AppProcess

beforeAll(async () => {
  server = await RedisServer.start()
  proxy = await TcpProxy.start(server.port)
  admin = await server.connect()
  ;[one, other] = await Promise.all([AppProcess.start(proxy.port, { storeTimeout: 1 }), AppProcess.start(server.port)])
})
afterEach(async () => {
  proxy.mend()
  await wellAgain()
})
afterAll(async () => {
  await Promise.all([one.stop(), other.stop()])
  admin.destroy()
  await proxy.stop()
  await server.stop()
})

const valuesOf = (body: string): unknown => (JSON.parse(body) as { values: unknown }).values
const visitor = async (): Promise<string> => cookieOf(await other.get('/set/cart/7'))
const refused = { status: 503, cookies: [], body: expect.stringMatching(/STORE_(UNAVAILABLE|TIMEOUT)/) as string }
const isSave = (words: readonly string[]): boolean => words[0]?.toUpperCase().startsWith('EVAL') ?? false

/** The next requests are well, in both processes; a client library takes a moment to find its server again. */
async function wellAgain(): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const response = await one.get('/set/well/1')
    if (response.status === 200) {
      expect(valuesOf((await other.get('/get', cookieOf(response))).body)).toEqual({ well: '1' })
      return
    }
    if (attempt === 50) throw new Error(`not well again: ${response.body}`)
    await new Promise((resolve) => setTimeout(resolve, 40))
  }
}

test('slow: 20 redirects, each followed on the other process, 20 writes seen', async () => {
  const cookie = await visitor()
  proxy.delay = 30
  let seen = 0
  for (let value = 1; value <= 20; value++) {
    const response = await one.get(`/redirect/${value}`, cookie)
    expect(response.status).toBe(302)
    const { body } = await other.get(response.headers.location ?? '', cookie)
    expect(valuesOf(body)).toEqual({ cart: '7', value: String(value) })
    seen++
  }
  expect(seen).toBe(20)
})

test('slow: 10 streams, the other process asked at their first bytes, 10 writes seen', async () => {
  const cookie = await visitor()
  proxy.delay = 30
  for (let value = 1; value <= 10; value++) {
    await one.firstBytes(`/stream/${value}`, cookie)
    expect(valuesOf((await other.get('/get', cookie)).body)).toEqual({ cart: '7', value: String(value) })
  }
})

test('50 parallel requests on two processes set 50 keys, and keep 50', async () => {
  const cookie = await visitor()
  const keys = Array.from({ length: 50 }, (_, n) => `k${n}`)
  await Promise.all(keys.map((key, n) => (n % 2 === 0 ? one : other).get(`/set/${key}/x`, cookie)))
  const expected = { cart: '7', ...Object.fromEntries(keys.map((key) => [key, 'x'])) }
  expect(valuesOf((await other.get('/get', cookie)).body)).toEqual(expected)
})

describe('cut', () => {
  test('on load: 503, and not taken for a stranger', async () => {
    const cookie = await visitor()
    proxy.fate = () => 'lose'
    expect(await one.get('/get', cookie)).toMatchObject(refused)
  })

  test('between load and save: 503, no cookie, nothing kept of it', async () => {
    const cookie = await visitor()
    proxy.fate = (words) => (isSave(words) ? 'lose' : 'pass')
    expect(await one.get('/set/color/red', cookie)).toMatchObject(refused)
    expect(valuesOf((await other.get('/get', cookie)).body)).toEqual({ cart: '7' })
  })

  test('during the save: 503, no cookie, and the change is there whole', async () => {
    const cookie = await visitor()
    proxy.fate = (words) => (isSave(words) ? 'cut' : 'pass')
    expect(await one.get('/set/color/red', cookie)).toMatchObject(refused)
    expect(valuesOf((await other.get('/get', cookie)).body)).toEqual({ cart: '7', color: 'red' })
  })

  test('and away for longer: 503 within the time limit, well when it is back', async () => {
    const cookie = await visitor()
    proxy.cut()
    expect(await one.get('/get', cookie)).toMatchObject(refused)
    expect(await one.get('/set/color/red')).toMatchObject(refused)
    // Who has no cookie and leaves nothing needs no store.
    expect(await one.get('/get')).toMatchObject({ status: 200, cookies: [] })
  })
})

test('a hang is cut at storeTimeout: 503', async () => {
  const cookie = await visitor()
  proxy.fate = () => 'hang'
  const started = Date.now()
  expect(await one.get('/get', cookie)).toMatchObject({ ...refused, body: expect.stringContaining('STORE_TIMEOUT') })
  expect(Date.now() - started).toBeGreaterThan(900)
  proxy.cut()
})

test('scripts that were flushed are sent again, and the request succeeds', async () => {
  const cookie = await visitor()
  await admin.scriptFlush()
  expect(await one.get('/set/color/red', cookie)).toMatchObject({ status: 200 })
  expect(valuesOf((await other.get('/get', cookie)).body)).toEqual({ cart: '7', color: 'red' })
})

test('clients that Redis has thrown out come back: 200 or 503, never a stranger', async () => {
  const cookie = await visitor()
  await admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
  const response = await one.get('/get', cookie)
  if (response.status === 200) expect(valuesOf(response.body)).toEqual({ cart: '7' })
  else expect(response).toMatchObject(refused)
})

test('emptied: sessions are absent; a request in flight writes nothing and gets no cookie', async () => {
  const cookie = await visitor()
  let flushed: Promise<unknown> | undefined
  proxy.delay = 40
  proxy.fate = (words) => {
    if (words[0] === 'HGETALL') {
      setTimeout(() => {
        flushed = admin.flushAll()
      }, 15)
    }
    return 'pass'
  }
  expect(await one.get('/set/color/red', cookie)).toMatchObject({ status: 200, cookies: [] })
  expect(flushed).toBeDefined()
  await flushed
  expect(valuesOf((await other.get('/get', cookie)).body)).toEqual({})
  expect(await admin.dbSize()).toBe(0)
})

test('out of memory: reading goes on, a change is 503 and leaves no trace', async () => {
  const cookie = await visitor()
  await admin.configSet('maxmemory', '1')
  try {
    expect(valuesOf((await one.get('/get', cookie)).body)).toEqual({ cart: '7' })
    expect(await one.get('/set/color/red', cookie)).toMatchObject(refused)
    expect(await one.get('/login/bob', cookie)).toMatchObject(refused)
    // To end a session takes no memory: signing out works.
    expect(await one.get('/logout', cookie)).toMatchObject({ status: 200, cookies: ['sid='] })
  } finally {
    await admin.configSet('maxmemory', '0')
  }
  expect(valuesOf((await other.get('/get', cookie)).body)).toEqual({})
})

test('a server that became a read-only replica: reading goes on, a change is 503', async () => {
  const cookie = await visitor()
  await admin.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
  try {
    expect(valuesOf((await one.get('/get', cookie)).body)).toEqual({ cart: '7' })
    expect(await one.get('/set/color/red', cookie)).toMatchObject(refused)
  } finally {
    await admin.sendCommand(['REPLICAOF', 'NO', 'ONE'])
  }
  expect(valuesOf((await other.get('/get', cookie)).body)).toEqual({ cart: '7' })
})

test('corrupt and foreign records are no session, and never a 500', async () => {
  for (const spoil of [
    (key: string) => admin.hSet(key, 'm', 'nonsense'),
    (key: string) => admin.hDel(key, 'm'),
    (key: string) => admin.hSet(key, 'm', ''),
    (key: string) => admin.set(key, 'text'),
    async (key: string) => (await admin.del(key), admin.lPush(key, 'list')),
  ]) {
    const cookie = await visitor()
    await spoil(`sess:${cookie.slice(4, 20)}`)
    expect(await one.get('/get', cookie)).toMatchObject({ status: 200, cookies: [] })
    const response = await one.get('/set/color/red', cookie)
    expect([response.status, valuesOf((await other.get('/get', cookieOf(response))).body)]).toEqual([
      200,
      { color: 'red' },
    ])
  }
})

// The last one: it takes what all others have stored with it.
test('restarted empty: sessions are absent, and the same processes go on', async () => {
  const cookie = await visitor()
  await server.restart()
  await wellAgain()
  expect(valuesOf((await one.get('/get', cookie)).body)).toEqual({})
})
