import assert from 'node:assert/strict'
import { gunzipSync } from 'node:zlib'
import { WebSocket } from 'ws'
import { fetchRaw, parseResponse, type RawResponse, RawClient, valuesOf } from '../support/raw-client'

/** What is tried on each runtime, over HTTP. A case fails by throwing; what it returns must be the same on all runtimes. */
export interface Case {
  readonly name: string
  readonly run: (ports: Readonly<Record<string, number>>) => Promise<unknown>
}

/** One browser at one app. */
class Browser {
  cookie: string | undefined
  readonly port: number

  constructor(port: number) {
    this.port = port
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<RawResponse> {
    const cookie = this.cookie
    const response = await fetchRaw(this.port, path, {
      method,
      headers: { ...(cookie !== undefined && { Cookie: cookie }), ...headers },
    })
    const [given] = valuesOf(response, 'set-cookie')
    const pair = given?.split(';')[0]
    if (pair !== undefined) this.cookie = pair.endsWith('=') ? undefined : pair
    return response
  }

  async json(path: string): Promise<any> {
    const { status, body } = await this.get(path)
    assert.equal(status, 200, body)
    return JSON.parse(body)
  }

  /** Makes the store slow or fail, turns the clock, or sets all back. */
  async set(query = ''): Promise<{ calls: string[]; size: number }> {
    return JSON.parse((await fetchRaw(this.port, `/test/reset?${query}`)).body)
  }

  async calls(): Promise<string[]> {
    return (JSON.parse((await fetchRaw(this.port, '/test/calls')).body) as { calls: string[] }).calls
  }
}

const delays = ['', 'delay=5']

/** A case with a store that replies at once, and one that replies later. */
const onBoth =
  (run: (browser: Browser) => Promise<unknown>) =>
  async (browser: Browser): Promise<unknown> => {
    const results: unknown[] = []
    for (const delay of delays) {
      await browser.set(delay)
      browser.cookie = undefined
      results.push(await run(browser))
    }
    await browser.set()
    return results
  }

/** All that a client may rely on of a response; no ids, no dates. */
function shown(response: RawResponse): unknown {
  const { status, body, whole, trailers } = response
  return {
    status,
    body: body.length > 200 ? body.length : body,
    whole,
    trailers: trailers.trim(),
    contentType: valuesOf(response, 'content-type'),
    cookies: valuesOf(response, 'set-cookie').map((one) => one.replace(/=[^;]+/, '=…')),
    cacheControl: valuesOf(response, 'cache-control'),
  }
}

const cookieOf = (response: RawResponse): string[] => valuesOf(response, 'set-cookie')

/** What an app does with its response, and what is stored after it. */
const stored = (path: string): ((browser: Browser) => Promise<unknown>) =>
  onBoth(async (browser) => {
    const response = await browser.get(path)
    assert.ok(response.whole)
    return [shown(response), await browser.json('/get')]
  })

/** The change cannot be stored: a whole 503 of the app, no cookie; and no trace of it later. */
const refused = (path: string, fault: string): ((browser: Browser) => Promise<unknown>) => {
  return async (browser) => {
    await browser.get('/set?kept=yes')
    const { cookie } = browser
    await browser.set(`fault=${fault.replace(' ', '%20')}`)
    const response = await browser.get(path)
    await browser.set()
    assert.deepEqual([response.status, response.whole], [503, true])
    assert.deepEqual(cookieOf(response), [])
    assert.equal(browser.cookie, cookie)
    assert.deepEqual(await browser.json('/get'), { kept: 'yes' })
    return response.body
  }
}

const onEachServer: Readonly<Record<string, (browser: Browser) => Promise<unknown>>> = {
  'no cookie, and no call of the store, where the session is not used': async (browser) => {
    await browser.set()
    const response = await browser.get('/quiet')
    assert.deepEqual([cookieOf(response), await browser.calls()], [[], []])
    return shown(response)
  },
  'a value is there in the next request': onBoth(async (browser) => {
    const first = await browser.get('/set?a=1&b=2')
    assert.match(cookieOf(first)[0] ?? '', /^sid=[\w-]{43,}; Max-Age=86400; Path=\/; HttpOnly; SameSite=Lax$/)
    return [shown(first), await browser.json('/get')]
  }),
  'it is stored before the response leaves': async (browser) => {
    await browser.set('delay=20')
    await browser.get('/set?a=1')
    const calls = await browser.calls()
    await browser.set()
    assert.deepEqual(calls, ['insert', 'insert done'])
    return calls
  },
  'parallel writes of one session are all kept': onBoth(async (browser) => {
    await browser.get('/set?a=1')
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        fetchRaw(browser.port, `/set?key${index}=${index}`, { headers: { Cookie: browser.cookie ?? '' } }),
      ),
    )
    const kept = Object.keys(await browser.json('/get')).length
    assert.equal(kept, 21)
    return kept
  }),
  'a value that is changed in place is stored': onBoth(async (browser) => {
    await browser.get('/push?item=one')
    await browser.get('/push?item=two')
    return browser.json('/get')
  }),
  'a value is removed': onBoth(async (browser) => {
    await browser.get('/set?a=1&b=2')
    await browser.get('/unset')
    return browser.json('/get')
  }),
  'a redirect': stored('/redirect'),
  'a stream': stored('/stream'),
  'writeHead with a message and repeated headers': stored('/headers'),
  flushHeaders: stored('/flushed'),
  pipe: stored('/piped'),
  'a body of a megabyte': stored('/large'),
  '304': stored('/unchanged'),
  '204': stored('/empty'),
  trailers: stored('/trailers'),
  HEAD: onBoth(async (browser) => {
    const response = await browser.get('/set?a=1', {}, 'HEAD')
    assert.equal(response.body, '')
    return [response.status, await browser.json('/get')]
  }),
  'a posted body': onBoth(async (browser) => {
    const client = await RawClient.open(browser.port)
    client.send('POST /echo HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 11\r\n\r\nhello world')
    return shown(parseResponse(await client.untilClosed()))
  }),
  'two requests on one connection': onBoth(async (browser) => {
    await browser.get('/set?a=1')
    const client = await RawClient.open(browser.port)
    const headers = { Cookie: browser.cookie ?? '' }
    client.get('/count', headers)
    await client.until((received) => /\r\n\r\n1$|\r\n1\r\n1\r\n0\r\n\r\n$/.test(received))
    client.get('/count', { ...headers, Connection: 'close' })
    return parseResponse(
      (await client.untilClosed()).replace(/^[^]*?(?=HTTP\/1\.1[^]*HTTP|HTTP\/1\.1(?![^]*HTTP))/, ''),
    ).status
  }),
  'a flash message is there once': onBoth(async (browser) => {
    await browser.get('/flash')
    return [await browser.json('/message'), await browser.json('/message')]
  }),
  'destroy ends the session and clears the cookie': onBoth(async (browser) => {
    await browser.get('/set?a=1')
    const { cookie } = browser
    const response = await browser.get('/destroy')
    assert.equal(browser.cookie, undefined)
    browser.cookie = cookie
    return [shown(response), await browser.json('/get')]
  }),
  'login replaces the id and keeps the values': onBoth(async (browser) => {
    await browser.get('/set?a=cart')
    const before = browser.cookie
    await browser.get('/login')
    assert.notEqual(browser.cookie, before)
    const during = await browser.json('/who')
    browser.cookie = before
    return [during, await browser.json('/who')]
  }),
  'logout ends the session for requests that come later': onBoth(async (browser) => {
    await browser.get('/login')
    const during = browser.cookie
    await browser.get('/logout')
    browser.cookie = during
    return browser.json('/who')
  }),
  'the sessions of a user are listed': async (browser) => {
    await browser.set()
    const other = new Browser(browser.port)
    await other.get('/login')
    const before = await other.json('/devices')
    await browser.get('/login')
    const now = await browser.json('/devices')
    await browser.get('/logout')
    await other.get('/logout')
    return Number(now) - Number(before)
  },
  'a failing insert gives 503': async (browser) => {
    await browser.set('fault=insert%20throws')
    const response = await browser.get('/set?a=1')
    await browser.set()
    assert.deepEqual([response.status, cookieOf(response)], [503, []])
    return shown(response)
  },
  'a failing change gives 503 and keeps what was': refused('/set?a=1', 'change rejects'),
  'a change that throws gives 503': refused('/set?a=1', 'change throws'),
  'a store that hangs gives 503': refused('/set?a=1', 'change hangs'),
  'a failing change in a stream gives 503 in its place': refused('/stream', 'change rejects'),
  'a failing change with flushHeaders gives 503 in its place': refused('/flushed', 'change rejects'),
  'a failing change in a redirect gives 503 in its place': refused('/redirect', 'change rejects'),
  'a failing change in a pipe gives 503 in its place': refused('/piped', 'change rejects'),
  'a logout that is not stored gives 503': refused('/destroy', 'delete rejects'),
  'a failing load gives 503': refused('/get', 'load rejects'),
  'an error of the app is shown, and what it had set is stored': stored('/fails'),
  'a value that JSON cannot carry is refused': async (browser) => shown(await browser.get('/refused')),
  'a property of req.session is refused': async (browser) => shown(await browser.get('/misused')),
  'a response that is held looks as if it was sent': async (browser) => {
    await browser.set('delay=10')
    await browser.get('/ended')
    await browser.set()
    return browser.json('/seen')
  },
  'a session that is ended in a request without a response is ended when the client leaves': async (browser) => {
    await browser.set()
    await browser.get('/set?a=1')
    const client = await RawClient.open(browser.port)
    client.get('/abandoned', { Cookie: browser.cookie ?? '' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    client.close()
    for (let i = 0; i < 100 && !(await browser.calls()).includes('delete done'); i++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return browser.json('/get')
  },
}

const others: readonly Case[] = [
  {
    name: 'a signed cookie is verified',
    async run(ports) {
      const browser = new Browser(ports['signed'] ?? 0)
      await browser.get('/set?a=1')
      const good = browser.cookie ?? ''
      assert.match(good, /^sid=s%3A/)
      const result = [await browser.json('/get')]
      browser.cookie = good.slice(0, -1) + (good.endsWith('A') ? 'B' : 'A')
      return [...result, await browser.json('/get')]
    },
  },
  {
    name: 'an id is renewed, the one before works for the overlap',
    async run(ports) {
      const browser = new Browser(ports['renewing'] ?? 0)
      await browser.get('/set?a=1')
      const first = browser.cookie
      await browser.set('seconds=61')
      const renewed = await browser.get('/get')
      assert.notEqual(browser.cookie, first)
      const second = browser.cookie
      const read = async (cookie: string | undefined): Promise<unknown> => {
        browser.cookie = cookie
        return browser.json('/get')
      }
      const during = [await read(second), await read(first)]
      await browser.set('seconds=31')
      return [shown(renewed), during, await read(second), await read(first)]
    },
  },
  {
    name: 'a session ends when it was not used',
    async run(ports) {
      const browser = new Browser(ports['renewing'] ?? 0)
      await browser.get('/set?a=1')
      await browser.set('seconds=601')
      return browser.json('/get')
    },
  },
  {
    name: 'a stream through compression, with flushHeaders',
    async run(ports) {
      const browser = new Browser(ports['compressed'] ?? 0)
      const bodies: string[] = []
      for (const delay of delays) {
        await browser.set(delay)
        const response = await browser.get('/flushed', { 'Accept-Encoding': 'gzip' })
        assert.deepEqual(valuesOf(response, 'content-encoding'), ['gzip'])
        bodies.push(gunzipSync(Buffer.from(response.body, 'latin1')).toString())
      }
      return bodies
    },
  },
  {
    name: 'a failing change behind compression gives 503 that is not compressed by half',
    async run(ports) {
      const browser = new Browser(ports['compressed'] ?? 0)
      await browser.set('fault=insert%20rejects')
      const response = await browser.get('/flushed', { 'Accept-Encoding': 'gzip' })
      await browser.set()
      assert.equal(response.status, 503)
      const isGzip = valuesOf(response, 'content-encoding').includes('gzip')
      return isGzip ? gunzipSync(Buffer.from(response.body, 'latin1')).toString() : response.body
    },
  },
  ...['no error handler', 'late error handler'].map((name) => ({
    name: `a failing change with ${name} gives 503`,
    async run(ports: Readonly<Record<string, number>>) {
      const browser = new Browser(ports[name] ?? 0)
      await browser.set('fault=insert%20rejects')
      const response = await browser.get('/set?a=1')
      await browser.set()
      assert.deepEqual([response.status, cookieOf(response)], [503, []])
      return response.body
    },
  })),
  {
    name: 'a WebSocket finds its session',
    async run(ports) {
      const browser = new Browser(ports['sockets'] ?? 0)
      await browser.get('/set?a=1')
      const ask = (cookie: string): Promise<unknown> =>
        new Promise((resolve, reject) => {
          const socket = new WebSocket(`ws://127.0.0.1:${browser.port}`, { headers: { cookie } })
          socket.once('error', reject)
          socket.once('message', (data: Buffer) => {
            socket.terminate()
            resolve(JSON.parse(data.toString()))
          })
        })
      return [await ask(browser.cookie ?? ''), await ask('')]
    },
  },
  {
    name: 'holdfast/express-session: properties, regenerate, destroy',
    async run(ports) {
      const browser = new Browser(ports['express-session'] ?? 0)
      const views = [await browser.json('/views'), await browser.json('/views')]
      const before = browser.cookie
      const fresh = await browser.json('/regenerate')
      assert.notEqual(browser.cookie, before)
      views.push(await browser.json('/views'))
      await browser.json('/destroy')
      browser.cookie = before
      return [views, fresh, await browser.json('/views')]
    },
  },
]

export const cases: readonly Case[] = [
  ...['Express 5', 'Express 4', 'node:http'].flatMap((server) =>
    Object.entries(onEachServer).map(([name, run]) => ({
      name: `${server}: ${name}`,
      run: (ports: Readonly<Record<string, number>>) => run(new Browser(ports[server] ?? 0)),
    })),
  ),
  ...others,
]
