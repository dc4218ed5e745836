import type { IncomingMessage } from 'node:http'
import { claimsForwardedTls } from '../../../lib/base/request'

const request = (headers: object): IncomingMessage => ({ headers }) as unknown as IncomingMessage

test.each([
  ['x-forwarded-proto', 'https'],
  ['x-forwarded-proto', 'HTTPS, http'],
  ['forwarded', 'for=192.0.2.60;proto=https;by=203.0.113.43'],
  ['forwarded', 'Proto="https"'],
  ['forwarded', 'for="[2001:db8::1]"; proto=HTTPS, for=10.0.0.1; proto=http'],
  ['x-forwarded-protocol', 'https'],
  ['x-forwarded-scheme', 'https'],
  ['x-forwarded-ssl', 'on'],
  ['x-scheme', 'https'],
  ['x-url-scheme', 'https'],
  ['front-end-https', 'On'],
  ['cf-visitor', '{"scheme":"https"}'],
  ['cloudfront-forwarded-proto', 'https'],
  ['x-appengine-https', 'on'],
])('a request claims TLS with %s: %s', (name, value) => {
  expect(claimsForwardedTls(request({ [name]: value }))).toBe(true)
})

test.each([
  ['x-forwarded-proto', 'http'],
  ['x-forwarded-proto', 'http, https'],
  ['x-forwarded-proto', ''],
  ['x-forwarded-proto', ['https']],
  ['forwarded', 'for=192.0.2.60;proto=http'],
  ['forwarded', 'for=192.0.2.60;proto=http, for=10.0.0.1;proto=https'],
  ['forwarded', 'for=https'],
  ['x-forwarded-ssl', 'off'],
  ['cf-visitor', '{"scheme":"http"}'],
  ['x-forwarded-host', 'https'],
])('a request does not claim TLS with %s: %j', (name, value) => {
  expect(claimsForwardedTls(request({ [name]: value }))).toBe(false)
})

test('a stub of a request without headers claims nothing', () => {
  expect(claimsForwardedTls({} as unknown as IncomingMessage)).toBe(false)
})
