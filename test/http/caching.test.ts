import { serve, serverKinds, stopServers, type TestResponse } from '../support/http-servers'
import { FaultyStore } from '../support/faulty-store'
import { fetchRaw, type RawAnswer, valuesOf } from '../support/raw-client'

afterEach(stopServers)

/** Every way to give an answer headers of its own. */
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

async function answerOf(
  way: (typeof ways)[string] | undefined,
  headers: Record<string, string | string[]>,
  delay: number | undefined,
  touch = true,
): Promise<RawAnswer> {
  const store = new FaultyStore()
  store.delay = delay
  const { port } = await serve({
    store,
    handler(req, res) {
      if (touch) req.session.set('n', 1)
      way?.(res, headers)
    },
  })
  return fetchRaw(port)
}

const directives: readonly (readonly [before: string | undefined, after: string])[] = [
  [undefined, 'private'],
  ['public', 'private'],
  ['public, max-age=60', 'private, max-age=60'],
  ['max-age=60', 'private, max-age=60'],
  ['s-maxage=60, max-age=5', 'private, max-age=5'],
  ['PUBLIC , S-MaxAge=60', 'private'],
  ['no-cache', 'private, no-cache'],
  ['must-revalidate, proxy-revalidate', 'private, must-revalidate'],
  ['private', 'private'],
  ['private, max-age=60', 'private, max-age=60'],
  ['max-age=60, private, public, s-maxage=60', 'private, max-age=60'],
  ['no-store', 'no-store'],
  ['no-cache, no-store, must-revalidate', 'no-cache, no-store, must-revalidate'],
  // A list of fields: the rest of the answer could still be kept.
  ['private="set-cookie, x-a", max-age=60', 'private, max-age=60'],
  ['no-cache="set-cookie, x-a", public', 'private, no-cache="set-cookie, x-a"'],
  ['', 'private'],
]

describe.each([
  ['a store that answers later', 0],
  ['a store that answers at once', undefined],
])('%s', (_store, delay) => {
  describe.each(Object.entries(ways))('an answer with the session cookie is for no shared cache: %s', (name, way) => {
    test.each(directives)('%j becomes %j', async (before, after) => {
      // Nothing said over something said is what was said.
      if (before === undefined && name === 'writeHead over setHeader') return
      const answer = await answerOf(
        way,
        before === undefined ? { 'X-A': '1' } : { 'Cache-Control': before, 'X-A': '1' },
        delay,
      )
      expect(valuesOf(answer, 'Cache-Control')).toEqual([after])
      expect(valuesOf(answer, 'X-A')).toEqual(['1'])
      expect(valuesOf(answer, 'Set-Cookie')).toEqual([expect.stringMatching(/^sid=/)])
    })

    test('other cookies stay as they were, in their order, in front', async () => {
      const answer = await answerOf(way, { 'Set-Cookie': ['a=1; Path=/', 'sid2=x', 'b=2'] }, delay)
      expect(valuesOf(answer, 'Set-Cookie')).toEqual(['a=1; Path=/', 'sid2=x', 'b=2', expect.stringMatching(/^sid=/)])
      const single = await answerOf(way, { 'Set-Cookie': 'a=1, with a comma' }, delay)
      expect(valuesOf(single, 'Set-Cookie')).toEqual(['a=1, with a comma', expect.stringMatching(/^sid=/)])
    })

    test('leave that was given to some shared cache alone is taken back', async () => {
      const answer = await answerOf(
        way,
        {
          'CDN-Cache-Control': 'max-age=60',
          'Surrogate-Control': 'max-age=60',
          'Cloudflare-CDN-Cache-Control': 'max-age=1',
        },
        delay,
      )
      expect(answer.headers.filter(([header]) => /cdn|surrogate/i.test(header))).toEqual([])
    })
  })
})

test('an answer without the session cookie keeps its headers as they are', async () => {
  for (const way of Object.values(ways)) {
    const answer = await answerOf(
      way,
      { 'Cache-Control': 'public, s-maxage=60', 'CDN-Cache-Control': 'max-age=60', 'Set-Cookie': 'a=1' },
      0,
      false,
    )
    expect(valuesOf(answer, 'Cache-Control')).toEqual(['public, s-maxage=60'])
    expect(valuesOf(answer, 'CDN-Cache-Control')).toEqual(['max-age=60'])
    expect(valuesOf(answer, 'Set-Cookie')).toEqual(['a=1'])
  }
})

test.each(serverKinds)('an answer that clears the cookie is for no shared cache either: $name', async (kind) => {
  const { port } = await serve({
    kind,
    handler(req, res) {
      req.session.destroy()
      res.setHeader('Cache-Control', 'public, max-age=60')
      res.end('bye')
    },
  })
  const answer = await fetchRaw(port, '/', { headers: { Cookie: 'sid=whatever' } })
  expect(valuesOf(answer, 'Cache-Control')).toEqual(['private, max-age=60'])
  expect(valuesOf(answer, 'Set-Cookie')).toEqual([expect.stringMatching(/^sid=; .*Expires=Thu, 01 Jan 1970/)])
})
