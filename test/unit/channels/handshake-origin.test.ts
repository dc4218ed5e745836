import type { IncomingMessage } from 'node:http'
import { type AllowedOrigins, isOriginAllowed, isSecureHandshake } from '../../../lib/channels/handshake-origin'

function request(headers: Record<string, string | undefined>, more: object = {}): IncomingMessage {
  return { headers, socket: {}, ...more } as unknown as IncomingMessage
}

const tls = { socket: { encrypted: true } }

describe('without a list, a handshake is accepted only from a page of its host', () => {
  test.each<[string, string | undefined, string | undefined, boolean, object]>([
    ['the same host', 'https://app.example.com', 'app.example.com', true, {}],
    ['the same host and port', 'http://localhost:3000', 'localhost:3000', true, {}],
    ['the same host in capitals', 'https://APP.example.com', 'app.EXAMPLE.com', true, {}],
    ['a default port that the host spells out', 'https://app.example.com', 'app.example.com:443', true, {}],
    ['an address', 'http://[::1]:3000', '[::1]:3000', true, {}],
    ['another port', 'http://localhost:3001', 'localhost:3000', false, {}],
    ['a default port of another scheme', 'https://app.example.com', 'app.example.com:80', false, {}],
    ['another host', 'https://evil.example', 'app.example.com', false, {}],
    ['a neighbouring subdomain', 'https://blog.example.com', 'app.example.com', false, {}],
    ['a host that merely ends the same', 'https://evilapp.example.com', 'app.example.com', false, {}],
    ['a host that merely begins the same', 'https://app.example.com.evil.example', 'app.example.com', false, {}],
    ['a host in the user part', 'https://app.example.com@evil.example', 'app.example.com', false, {}],
    ['a sandboxed page', 'null', 'app.example.com', false, {}],
    ['an extension', 'chrome-extension://app.example.com', 'app.example.com', false, {}],
    ['an empty one', '', 'app.example.com', false, {}],
    ['garbage', 'app.example.com', 'app.example.com', false, {}],
    ['a path', 'https://app.example.com/page', 'app.example.com', false, {}],
    ['no host at all', 'https://app.example.com', undefined, false, {}],
    ['a host that is none', 'https://app.example.com', 'a b', false, {}],
    ['no origin: no browser', undefined, 'app.example.com', true, {}],
    ['a page that came without TLS to a host that has it', 'http://app.example.com', 'app.example.com', false, tls],
    ['a page that came over TLS', 'https://app.example.com', 'app.example.com', true, tls],
  ])('%s', (_name, origin, host, allowed, more) => {
    expect(
      isOriginAllowed(
        request({ ...(origin !== undefined && { origin }), ...(host !== undefined && { host }) }, more),
        undefined,
      ),
    ).toBe(allowed)
  })

  test.each<[string, string, string, boolean]>([
    ['a page that came without TLS', 'http://app.example.com', 'https', false],
    ['a page that came without TLS, through two proxies', 'http://app.example.com', 'HTTPS, http', false],
    ['a page that came over TLS', 'https://app.example.com', 'https', true],
    ['a page that came without TLS where the proxy has none', 'http://app.example.com', 'http', true],
  ])('behind a proxy that ends TLS: %s', (_name, origin, proto, allowed) => {
    const req = request({ origin, host: 'app.example.com', 'x-forwarded-proto': proto })
    expect(isOriginAllowed(req, undefined)).toBe(allowed)
  })
})

describe('with a list, a handshake is accepted only from an origin on it', () => {
  const list = ['https://app.example.com', 'http://localhost:3000/', 'https://other.example:443']
  test.each<[string, string | undefined, boolean]>([
    ['one of them', 'https://app.example.com', true],
    ['one that the list has with a slash', 'http://localhost:3000', true],
    ['one that the list has with its port', 'https://other.example', true],
    ['another scheme', 'http://app.example.com', false],
    ['the host, which is not on it', 'https://host.example', false],
    ['a sandboxed page', 'null', false],
    ['no origin', undefined, false],
  ])('%s', (_name, origin, allowed) => {
    expect(isOriginAllowed(request({ host: 'host.example', ...(origin !== undefined && { origin }) }), list)).toBe(
      allowed,
    )
  })

  test.each<[string, string | undefined, boolean]>([
    ['no origin', undefined, true],
    ['one of them', 'https://app.example.com', true],
    ['another', 'https://host.example', false],
    ['a header that spells the word', 'no-origin', false],
  ])("a list with 'no-origin': %s", (_name, origin, allowed) => {
    const req = request({ host: 'host.example', ...(origin !== undefined && { origin }) })
    expect(isOriginAllowed(req, ['https://app.example.com', 'no-origin'])).toBe(allowed)
  })

  test('an empty list lets no page in', () => {
    expect(isOriginAllowed(request({ host: 'a.example', origin: 'https://a.example' }), [])).toBe(false)
    expect(isOriginAllowed(request({ host: 'a.example' }), [])).toBe(false)
  })
})

test("a function decides by the origin as it was sent, and by 'no-origin' where none was", () => {
  const asked: unknown[] = []
  const decide: AllowedOrigins = (origin, req) => {
    asked.push([origin, req.headers.host])
    return origin === 'null' || origin === 'no-origin'
  }
  expect(isOriginAllowed(request({ origin: 'null', host: 'a' }), decide)).toBe(true)
  expect(isOriginAllowed(request({ origin: 'https://a', host: 'a' }), decide)).toBe(false)
  expect(isOriginAllowed(request({ host: 'a' }), decide)).toBe(true)
  expect(isOriginAllowed(request({ host: 'a' }), (origin) => origin.endsWith('.example'))).toBe(false)
  expect(asked).toEqual([
    ['null', 'a'],
    ['https://a', 'a'],
    ['no-origin', 'a'],
  ])
})

describe('whether the client came over TLS', () => {
  test.each<[string, Record<string, string>, object, boolean]>([
    ['nothing says so', { origin: 'http://a.example' }, {}, false],
    ['the socket says so', {}, tls, true],
    ['the page says so: a proxy ends TLS', { origin: 'https://a.example' }, {}, true],
    ['a proxy says so', { 'x-forwarded-proto': 'https' }, {}, true],
    ['the app says no', { origin: 'https://a.example' }, { secure: false }, false],
    ['the app says yes', {}, { secure: true }, true],
  ])('%s', (_name, headers, more, secure) => {
    expect(isSecureHandshake(request(headers, more))).toBe(secure)
  })
})
