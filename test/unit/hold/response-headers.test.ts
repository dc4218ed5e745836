import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import {
  absorbWriteHead,
  addSessionCookies,
  setSessionCookie,
  varyOnCookie,
  withdrawResponse,
} from '../../../lib/hold/response-headers'

const newResponse = (): ServerResponse => new ServerResponse(new IncomingMessage(new Socket()))

/** What Socket.IO gives to middlewares, with a place for headers. */
function newStub(): { headers: Record<string, unknown>; res: ServerResponse } {
  const headers: Record<string, unknown> = {}
  const res = {
    setHeader: (name: string, value: unknown) => void (headers[name.toLowerCase()] = value),
    getHeader: (name: string) => headers[name.toLowerCase()],
  }
  return { headers, res: res as unknown as ServerResponse }
}

describe('addSessionCookies', () => {
  test('adds to what is there, whatever form that has', () => {
    for (const [before, after] of [
      [undefined, ['sid=1']],
      ['a=1', ['a=1', 'sid=1']],
      [
        ['a=1', 'b=2'],
        ['a=1', 'b=2', 'sid=1'],
      ],
      [7, ['7', 'sid=1']],
    ] as const) {
      const res = newResponse()
      if (before !== undefined) res.setHeader('set-cookie', before)
      addSessionCookies(res, ['sid=1'], 'private')
      expect(res.getHeader('Set-Cookie')).toEqual(after)
    }
  })

  test('does not change an array that is the app’s own', () => {
    const own = ['a=1']
    const res = newResponse()
    res.setHeader('Set-Cookie', own)
    addSessionCookies(res, ['sid=1', 'sid=2'], 'private')
    expect(own).toEqual(['a=1'])
    expect(res.getHeader('Set-Cookie')).toEqual(['a=1', 'sid=2'])
  })

  test('reads a Cache-Control that was given in parts', () => {
    const res = newResponse()
    res.setHeader('Cache-Control', ['public', 'max-age=5'])
    addSessionCookies(res, ['sid=1'], 'private')
    expect(res.getHeader('Cache-Control')).toBe('private, max-age=5')
  })

  test('serves a stub of a response, too', () => {
    const { res, headers } = newStub()
    addSessionCookies(res, ['sid=1'], 'private')
    expect(headers).toEqual({ 'set-cookie': ['sid=1'], 'cache-control': 'private' })
  })
})

test('a response has one cookie of the name', () => {
  const deletion = 'sid=; Max-Age=0'
  for (const [before, given, after] of [
    [['a=1', 'sid=old', 'sid2=x'], ['sid=new'], ['a=1', 'sid2=x', 'sid=old']],
    [['sid=one', 'a=1', 'sid=two'], ['sid=new'], ['a=1', 'sid=two']],
    [['sid=old', 'a=1'], [deletion], ['a=1', 'sid=old']],
    [[deletion, 'a=1'], ['sid=new'], ['a=1', 'sid=new']],
    [[deletion], [deletion], [deletion]],
    [['sid=old', deletion], ['sid=new', 'sid=newer'], ['sid=old']],
    [['a=1'], [], ['a=1']],
  ] as const) {
    const res = newResponse()
    res.setHeader('Set-Cookie', before)
    addSessionCookies(res, given, 'no-store')
    expect(res.getHeader('Set-Cookie')).toEqual(after)
  }
  const res = newResponse()
  res.setHeader('Set-Cookie', ['sid=old', 'a=1'])
  setSessionCookie(res, deletion, 'no-store')
  expect(res.getHeader('Set-Cookie')).toEqual(['a=1', deletion])
})

test.each([
  [undefined, 'Cookie'],
  ['', 'Cookie'],
  ['Accept-Encoding', 'Accept-Encoding, Cookie'],
  ['Accept, Origin', 'Accept, Origin, Cookie'],
  [['Accept', 'Origin'], 'Accept,Origin, Cookie'.replace(',', ', ')],
  ['cookie', 'cookie'],
  ['Accept, COOKIE', 'Accept, COOKIE'],
  ['*', '*'],
  ['Accept, *', 'Accept, *'],
  ['Cookie2', 'Cookie2, Cookie'],
])('Vary %j becomes %j', (before, after) => {
  const res = newResponse()
  if (before !== undefined) res.setHeader('Vary', before)
  varyOnCookie(res)
  expect(res.getHeader('Vary')).toBe(after)
})

test('with cacheControl false the headers for caches stay as they are', () => {
  const res = newResponse()
  res.setHeader('Cache-Control', 'public')
  res.setHeader('CDN-Cache-Control', 'max-age=5')
  addSessionCookies(res, ['sid=1'], false)
  expect(res.getHeaders()).toEqual({
    'cache-control': 'public',
    'cdn-cache-control': 'max-age=5',
    'set-cookie': ['sid=1'],
  })
})

describe('absorbWriteHead', () => {
  test.each([
    ['a status alone', [204], [204], {}],
    ['a message', [200, 'Fine'], [200, 'Fine'], {}],
    ['an object', [200, { A: '1', b: ['2', '3'] }], [200], { a: '1', b: ['2', '3'] }],
    ['an object after nothing', [200, undefined, { A: '1' }], [200], { a: '1' }],
    ['a message and an object', [200, 'Fine', { A: '1' }], [200, 'Fine'], { a: '1' }],
    ['a flat array with repeats', [200, ['A', '1', 'B', '2', 'a', '3']], [200], { a: ['1', '3'], b: '2' }],
    [
      'pairs',
      [
        200,
        [
          ['A', '1'],
          ['A', ['2', '3']],
        ],
      ],
      [200],
      { a: ['1', '2', '3'] },
    ],
    ['an empty array', [200, []], [200], {}],
    ['null', [200, null], [200], {}],
    ['nameless headers, which Node leaves out', [200, { '': 'x', A: '1' }], [200], { a: '1' }],
  ] as const)('%s', (_name, args, rest, headers) => {
    const res = newResponse()
    expect(absorbWriteHead(res, args)).toEqual(rest)
    expect({ ...res.getHeaders() }).toEqual(headers)
  })

  test('what is in the call replaces what was set before', () => {
    const res = newResponse()
    res.setHeader('A', 'set')
    res.setHeader('B', 'set')
    absorbWriteHead(res, [200, ['a', '1', 'A', '2']])
    expect({ ...res.getHeaders() }).toEqual({ a: ['1', '2'], b: 'set' })
  })
})

describe('withdrawResponse', () => {
  test('removes the headers that describe the response, and leaves those that belong to the site', () => {
    const res = newResponse()
    const site = {
      'x-powered-by': 'x',
      'x-frame-options': 'DENY',
      'content-security-policy': 'x',
      'content-security-policy-report-only': 'x',
      vary: 'Cookie',
      'set-cookie': ['a=1'],
      date: 'today',
    }
    const describing = [
      'Content-Type',
      'content-length',
      'Content-Encoding',
      'Content-Disposition',
      'Content-Language',
      'ETag',
      'Last-Modified',
      'Cache-Control',
      'CDN-Cache-Control',
      'Surrogate-Control',
      'Surrogate-Key',
      'Expires',
      'Pragma',
      'Age',
      'Location',
      'Refresh',
      'Link',
      'Accept-Ranges',
      'Transfer-Encoding',
      'Trailer',
      'Retry-After',
      'Clear-Site-Data',
    ]
    for (const [name, value] of Object.entries(site)) res.setHeader(name, value)
    for (const name of describing) res.setHeader(name, '1')
    res.statusCode = 301
    res.statusMessage = 'Gone for good'
    withdrawResponse(res, ['a=1'])
    expect(res.statusCode).toBe(200)
    expect(res.statusMessage).toBeUndefined()
    expect({ ...res.getHeaders() }).toEqual(site)
  })

  test('leaves a stub of a response in peace', () => {
    expect(() => withdrawResponse({} as never, [])).not.toThrow()
  })
})
