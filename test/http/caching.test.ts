import { logout, type SessionOptions } from '../../lib'
import type { Session } from '../../lib/session/session'
import { startApp, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import { serverKinds, type TestResponse } from '../support/server-kinds'
import { fetchRaw, type RawResponse, valuesOf } from '../support/raw-client'

afterEach(stopApps)

/** Every way to give a response headers of its own. */
const ways: Record<string, (res: TestResponse, headers: Record<string, string | string[]>) => void> = {
  setHeader(res, headers) {
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
    res.end('x')
  },
  'writeHead with an object': (res, headers) => res.writeHead(200, headers).end('x'),
  'writeHead with a message and an object': (res, headers) => res.writeHead(200, 'Fine', headers).end('x'),
  'writeHead with a flat array': (res, headers) => res.writeHead(200, flat(headers).flat()).end('x'),
  'writeHead with pairs': (res, headers) => res.writeHead(200, flat(headers) as never).end('x'),
  'writeHead over setHeader'(res, headers) {
    res.setHeader('cache-control', 'public, max-age=1')
    res.writeHead(200, headers).end('x')
  },
  'setHeader, then flushHeaders'(res, headers) {
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
    res.flushHeaders()
    res.end('x')
  },
}

function flat(headers: Record<string, string | string[]>): string[][] {
  return Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]))
}

async function responseOf(
  way: (typeof ways)[string] | undefined,
  headers: Record<string, string | string[]>,
  delay: number | undefined,
  options: Pick<SessionOptions, 'cacheControl' | 'vary'> = {},
  act: (session: Session) => unknown = (session) => session.set('n', 1),
): Promise<RawResponse> {
  const store = new ControlledStore()
  store.delay = delay
  const { port } = await startApp({
    store,
    ...options,
    handler(req, res) {
      act(req.session)
      way?.(res, headers)
    },
  })
  return fetchRaw(port)
}

const directives: readonly (readonly [before: string | undefined, noStore: string, isPrivate: string])[] = [
  [undefined, 'no-store', 'private'],
  ['public', 'no-store', 'private'],
  ['public, max-age=60', 'no-store', 'private, max-age=60'],
  ['max-age=60', 'no-store', 'private, max-age=60'],
  ['s-maxage=60, max-age=5', 'no-store', 'private, max-age=5'],
  ['PUBLIC , S-MaxAge=60', 'no-store', 'private'],
  ['no-cache', 'no-store, no-cache', 'private, no-cache'],
  ['must-revalidate, proxy-revalidate', 'no-store, must-revalidate', 'private, must-revalidate'],
  ['private', 'no-store', 'private'],
  ['private, max-age=60', 'no-store', 'private, max-age=60'],
  ['max-age=60, private, public, s-maxage=60', 'no-store', 'private, max-age=60'],
  [
    'max-age=1, immutable, stale-while-revalidate=5, no-transform',
    'no-store, no-transform',
    'private, max-age=1, immutable, stale-while-revalidate=5, no-transform',
  ],
  ['no-store', 'no-store', 'no-store'],
  ['no-cache, no-store, must-revalidate', 'no-cache, no-store, must-revalidate', 'no-cache, no-store, must-revalidate'],
  // Caches that know the status code disregard no-store beside it.
  ['must-understand, no-store, max-age=5', 'no-store', 'no-store, must-understand, max-age=5'],
  // A list of fields: the rest of the response could still be kept.
  ['private="set-cookie, x-a", max-age=60', 'no-store', 'private, max-age=60'],
  ['no-cache="set-cookie, x-a", public', 'no-store, no-cache="set-cookie, x-a"', 'private, no-cache="set-cookie, x-a"'],
  ['', 'no-store', 'private'],
]

describe.each([
  ['a store that replies later', 0],
  ['a store that replies at once', undefined],
])('%s', (_store, delay) => {
  describe.each(Object.entries(ways))('a response with the session cookie is for no shared cache: %s', (name, way) => {
    test.each(
      directives.flatMap(([before, noStore, isPrivate]) => [
        [before, 'no-store', noStore] as const,
        [before, 'private', isPrivate] as const,
      ]),
    )('%j becomes, with the option %s, %j', async (before, cacheControl, after) => {
      // Nothing said over something said is what was said.
      if (before === undefined && name === 'writeHead over setHeader') return
      const response = await responseOf(
        way,
        before === undefined ? { 'X-A': '1' } : { 'Cache-Control': before, 'X-A': '1' },
        delay,
        cacheControl === 'no-store' ? {} : { cacheControl },
      )
      expect(valuesOf(response, 'Cache-Control')).toEqual([after])
      expect(valuesOf(response, 'X-A')).toEqual(['1'])
      expect(valuesOf(response, 'Set-Cookie')).toEqual([expect.stringMatching(/^sid=/)])
    })

    test('other cookies stay as they were, in their order, in front', async () => {
      const response = await responseOf(way, { 'Set-Cookie': ['a=1; Path=/', 'sid2=x', 'b=2'] }, delay)
      expect(valuesOf(response, 'Set-Cookie')).toEqual(['a=1; Path=/', 'sid2=x', 'b=2', expect.stringMatching(/^sid=/)])
      const single = await responseOf(way, { 'Set-Cookie': 'a=1, with a comma' }, delay)
      expect(valuesOf(single, 'Set-Cookie')).toEqual(['a=1, with a comma', expect.stringMatching(/^sid=/)])
    })

    test('permissions in the headers of single shared caches are removed', async () => {
      const response = await responseOf(
        way,
        {
          'CDN-Cache-Control': 'max-age=60',
          'Surrogate-Control': 'max-age=60',
          'Cloudflare-CDN-Cache-Control': 'max-age=1',
          'Netlify-CDN-Cache-Control': 'max-age=1',
          'Akamai-Cache-Control': 'max-age=1',
          'Azure-CDN-Cache-Control': 'max-age=1',
          'Fastly-Surrogate-Control': 'max-age=1',
          'Edge-Control': 'max-age=1',
          'X-LiteSpeed-Cache-Control': 'max-age=1',
          'X-Accel-Expires': '60',
          'X-Accel-Buffering': 'no',
          'Surrogate-Key': 'k',
          'X-Cache-Controlled': '1',
        },
        delay,
      )
      expect(
        response.headers
          .map(([header]) => header)
          .filter((header) => /cdn|control|surrogate|accel/i.test(header))
          .sort(),
      ).toEqual(['Cache-Control', 'Surrogate-Key', 'X-Accel-Buffering', 'X-Cache-Controlled'])
    })

    test('with cacheControl: false the headers for caches stay as the app set them', async () => {
      const headers = { 'Cache-Control': 'public, s-maxage=60', 'CDN-Cache-Control': 'max-age=60' }
      const response = await responseOf(way, headers, delay, { cacheControl: false })
      expect(valuesOf(response, 'Cache-Control')).toEqual(['public, s-maxage=60'])
      expect(valuesOf(response, 'CDN-Cache-Control')).toEqual(['max-age=60'])
      expect(valuesOf(response, 'Set-Cookie')).toEqual([expect.stringMatching(/^sid=/)])
    })

    test.each<[string, (session: Session) => unknown]>([
      ['get', (session) => session.get('n')],
      ['has', (session) => session.has('n')],
      ['data', (session) => session.data],
      ['size', (session) => session.size],
      ['subject', (session) => session.subject],
      ['get and set', (session) => session.set('n', Number(session.get('n') ?? 0) + 1)],
      [
        'destroy after get',
        (session) => {
          session.get('n')
          session.destroy()
        },
      ],
    ])('a response after %s says Vary: Cookie, beside what it says', async (_read, read) => {
      for (const [before, after] of [
        [undefined, ['Cookie']],
        ['Accept-Encoding', ['Accept-Encoding, Cookie']],
        ['*', ['*']],
        ['Accept, cookie', ['Accept, cookie']],
      ] as const) {
        const headers = { 'X-A': '1', 'Set-Cookie': ['a=1', 'b=2'], ...(before !== undefined && { Vary: before }) }
        const response = await responseOf(way, headers, delay, {}, read)
        expect(valuesOf(response, 'Vary')).toEqual(after)
        expect(valuesOf(response, 'Set-Cookie').slice(0, 2)).toEqual(['a=1', 'b=2'])
        expect(valuesOf(response, 'X-A')).toEqual(['1'])
        const without = await responseOf(way, headers, delay, { vary: false }, read)
        expect(valuesOf(without, 'Vary')).toEqual(before === undefined ? [] : [before])
      }
    })

    test.each<[string, (session: Session) => unknown]>([
      ['nothing', () => undefined],
      ['set', (session) => session.set('n', 1)],
      ['unset', (session) => session.unset('n')],
      ['handle', (session) => session.handle],
    ])('a response after %s alone says nothing of the cookie', async (_act, act) => {
      const response = await responseOf(way, { Vary: 'Accept' }, delay, {}, act)
      expect(valuesOf(response, 'Vary')).toEqual(['Accept'])
    })
  })
})

test('a response without the session cookie keeps its headers as they are', async () => {
  for (const way of Object.values(ways)) {
    const response = await responseOf(
      way,
      { 'Cache-Control': 'public, s-maxage=60', 'CDN-Cache-Control': 'max-age=60', 'Set-Cookie': 'a=1' },
      0,
      {},
      () => undefined,
    )
    expect(valuesOf(response, 'Cache-Control')).toEqual(['public, s-maxage=60'])
    expect(valuesOf(response, 'CDN-Cache-Control')).toEqual(['max-age=60'])
    expect(valuesOf(response, 'Set-Cookie')).toEqual(['a=1'])
  }
})

test.each(serverKinds)('a response that clears the cookie is for no shared cache either: $name', async (kind) => {
  const { port } = await startApp({
    kind,
    handler(req, res) {
      req.session.destroy()
      res.setHeader('Cache-Control', 'public, max-age=60')
      res.end('bye')
    },
  })
  const response = await fetchRaw(port, '/', { headers: { Cookie: 'sid=whatever' } })
  expect(valuesOf(response, 'Cache-Control')).toEqual(['no-store'])
  expect(valuesOf(response, 'Set-Cookie')).toEqual([expect.stringMatching(/^sid=; .*Expires=Thu, 01 Jan 1970/)])
})

test.each(serverKinds)(
  'a stream, a HEAD and a 304 of a session that was read say Vary: Cookie: $name',
  async (kind) => {
    const { port } = await startApp({
      kind,
      handler(req, res) {
        req.session.get('n')
        if (req.url === '/304') {
          res.writeHead(304)
          res.end()
          return
        }
        res.write('a')
        setImmediate(() => res.end('b'))
      },
    })
    for (const [path, method] of [
      ['/', 'GET'],
      ['/', 'HEAD'],
      ['/304', 'GET'],
    ] as const) {
      const response = await fetchRaw(port, path, { method })
      expect([path, method, valuesOf(response, 'Vary')]).toEqual([path, method, ['Cookie']])
    }
  },
)

test('a session that is read after logout, or that ended the one before, still says Vary: Cookie', async () => {
  const { port } = await startApp({
    handler(req, res) {
      req.session.get('n')
      logout(req)
      res.end('x')
    },
  })
  expect(valuesOf(await fetchRaw(port), 'Vary')).toEqual(['Cookie'])
})
