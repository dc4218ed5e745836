import { sign } from 'cookie-signature'
import { cookieValues } from '../../../lib/id/cookie-header'
import { signId } from '../../../lib/id/cookie-signature'
import { type CookieSettings, SessionCookie } from '../../../lib/id/session-cookie'
import { mintId } from '../../../lib/id/session-id'

const settings: CookieSettings = {
  name: undefined,
  path: '/',
  domain: undefined,
  secure: 'auto',
  httpOnly: true,
  sameSite: 'lax',
  partitioned: false,
  priority: undefined,
  persistent: true,
}

describe('reading the header', () => {
  test.each<[unknown, string[]]>([
    ['sid=a', ['a']],
    ['x=1; sid=a; y=2', ['a']],
    ['sid=a; sid=b;sid=c', ['a', 'b', 'c']],
    ['  sid = a ;', ['a']],
    ['\tsid\t=\ta', ['a']],
    ['sid="a"', ['"a"']],
    ['sid=\u00a0a\u00a0', ['\u00a0a\u00a0']],
    ['sid= \t a \t ;', ['a']],
    ['sid=   ', ['']],
    ['sid="', ['"']],
    ['sid=', ['']],
    ['sid', []],
    ['sid; sid=a', ['a']],
    ['xsid=a; sidx=b; SID=c', []],
    ['sid=a=b=c', ['a=b=c']],
    ['sid=%41', ['%41']],
    ['sid=%4; sid=%zz; sid=ok', ['%4', '%zz', 'ok']],
    ['=sid=a', []],
    [';;;;=;sid=a', ['a']],
    ['', []],
    [undefined, []],
    [['sid=a'], []],
    [42, []],
  ])('%p', (header, values) => {
    expect(cookieValues(header, 'sid')).toEqual(values)
  })

  test('a header of any bytes is read without an exception', () => {
    let seed = 20261121
    const random = (): number => (seed = (seed * 1103515245 + 12345) % 2147483648)
    for (let i = 0; i < 3000; i++) {
      const header = Array.from({ length: random() % 60 }, () => 'sid=;% "\\,\u0000\u00ff1a'[random() % 16]).join('')
      for (const value of cookieValues(header, 'sid')) expect(typeof value).toBe('string')
    }
  })
})

describe('the name and the attributes', () => {
  test.each<[Partial<CookieSettings>, boolean, string]>([
    [{}, true, '__Host-sid=ID; Max-Age=9; Path=/; HttpOnly; Secure; SameSite=Lax'],
    [{}, false, 'sid=ID; Max-Age=9; Path=/; HttpOnly; SameSite=Lax'],
    [{ secure: true }, false, '__Host-sid=ID; Max-Age=9; Path=/; HttpOnly; Secure; SameSite=Lax'],
    [{ secure: false }, true, 'sid=ID; Max-Age=9; Path=/; HttpOnly; SameSite=Lax'],
    [
      { domain: 'example.com' },
      true,
      '__Secure-sid=ID; Max-Age=9; Domain=example.com; Path=/; HttpOnly; Secure; SameSite=Lax',
    ],
    [{ path: '/app' }, true, '__Secure-sid=ID; Max-Age=9; Path=/app; HttpOnly; Secure; SameSite=Lax'],
    [{ name: 'mine', sameSite: 'strict', httpOnly: false }, false, 'mine=ID; Max-Age=9; Path=/; SameSite=Strict'],
    [
      { secure: true, sameSite: 'none', partitioned: true, priority: 'high' },
      true,
      '__Host-sid=ID; Max-Age=9; Path=/; HttpOnly; Secure; Partitioned; Priority=High; SameSite=None',
    ],
  ])('%p over %p', (changed, secure, expected) => {
    const cookie = new SessionCookie({ ...settings, ...changed }, [])
    expect(cookie.write('ID', secure, 9)).toBe(expected)
    const cleared = cookie.clear(secure)
    expect(cleared).toContain('Expires=Thu, 01 Jan 1970 00:00:00 GMT')
    for (const attribute of expected.split('; ').filter((part) => !/^Max-Age|ID/.test(part))) {
      expect(cleared).toContain(attribute)
    }
    expect(cleared).toContain('Max-Age=0')
  })

  test('a cookie for the browser session has no Max-Age', () => {
    expect(new SessionCookie(settings, []).write('ID', true, undefined)).not.toMatch(/Max-Age|Expires/)
  })
})

describe('ids in the header', () => {
  const id = 'AbCd'.repeat(12)
  const header = (...values: string[]): string => values.map((value) => `sid=${value}`).join('; ')

  test('malformed ones are ignored, and repeats are one', () => {
    const cookie = new SessionCookie(settings, [])
    expect(cookie.read(undefined, false)).toEqual({ hasCookie: false, ids: [] })
    expect(cookie.read(header('x'), false)).toStrictEqual({ hasCookie: true, ids: [] })
    expect(cookie.read(header(id), false)).toEqual({ hasCookie: true, ids: [id] })
    expect(cookie.read(header('x', ''), false)).toEqual({ hasCookie: true, ids: [] })
    expect(cookie.read(header('x', id, id), false)).toEqual({ hasCookie: true, ids: [id] })
  })

  test('of more than three distinct ids the first and the last two count, however many malformed ones there are', () => {
    const cookie = new SessionCookie(settings, [])
    const many = Array.from({ length: 20 }, () => mintId(24))
    const garbage = Array.from({ length: 200 }, () => 'x')
    for (const count of [1, 2, 3]) expect(cookie.read(header(...many.slice(0, count)), false).ids).toHaveLength(count)
    for (const values of [many, [...garbage, ...many, ...garbage], many.flatMap((one) => [one, one])]) {
      expect(cookie.read(header(...values), false).ids).toEqual([many[0], many[18], many[19]])
    }
  })

  test.each<[string, (text: string) => string]>([
    ['percent-encoded', (text) => `%${text.charCodeAt(0).toString(16)}${text.slice(1)}`],
    ['quoted', (text) => `"${text}"`],
    ['padded with a no-break space', (text) => `\u00a0${text}`],
    ['followed by a no-break space', (text) => `${text}\u00a0`],
    ['padded with base64 padding', (text) => `${text}=`],
    ['with percent-encoded white space', (text) => `%20${text}`],
    ['with a vertical tab', (text) => `${text}\v`],
  ])('an alias of an id is no id: %s', (_alias, alias) => {
    const secret = 'a secret of some length'
    expect(new SessionCookie(settings, []).read(header(alias(id)), false).ids).toEqual([])
    const signed = new SessionCookie(settings, [secret])
    expect(signed.read(header(alias(signId(id, secret))), false).ids).toEqual([])
  })

  test('over TLS only the prefixed name counts', () => {
    const cookie = new SessionCookie(settings, [])
    expect(cookie.read(`sid=${id}; __Host-sid=${id}`, true).ids).toEqual([id])
    expect(cookie.read(`sid=${id}`, true)).toEqual({ hasCookie: false, ids: [] })
    expect(cookie.read(`__Host-sid=${id}`, false)).toEqual({ hasCookie: false, ids: [] })
  })

  test('with secrets only signed ones: the first signs, all verify', () => {
    const [old, current] = ['an old secret of some length', 'the current one, longer still']
    const cookie = new SessionCookie(settings, [current, old])
    const value = cookie.write(id, false, 1).split(';')[0]?.slice(4) ?? ''
    expect(value).toBe(signId(id, current))
    expect(decodeURIComponent(value)).toBe(`s:${sign(id, current)}`)
    expect(cookie.read(header(value), false).ids).toEqual([id])
    expect(cookie.read(header(signId(id, old)), false).ids).toEqual([id])
    for (const bad of [
      id,
      `s%3A${id}`,
      `s%3A${id}.`,
      signId(id, 'another'),
      signId('short', current),
      's%3A.',
      's%3A',
      's:.',
      's:',
      value.slice(4),
    ]) {
      expect(cookie.read(header(bad), false).ids).toEqual([])
    }
    expect(new SessionCookie(settings, []).read(header(value), false).ids).toEqual([])
  })

  test('a signed id has one spelling', () => {
    const secret = 'a secret of some length'
    const cookie = new SessionCookie(settings, [secret])
    // One whose signature has both characters that are percent-encoded.
    let signed = id
    while (!/%2B.*%2F|%2F.*%2B/.test(signId(signed, secret))) signed = mintId(24)
    const value = signId(signed, secret)
    expect(cookie.read(header(value), false).ids).toEqual([signed])
    for (const alias of [
      decodeURIComponent(value),
      value.replace('s%3A', 's:'),
      value.replace('s%3A', 's%3a'),
      value.replaceAll('%2B', '+'),
      value.replaceAll('%2F', '/'),
      value.replaceAll('%2B', '%2b'),
      value.replaceAll('%2F', '%2f'),
      value.replaceAll('%2B', '-').replaceAll('%2F', '_'),
      value.replace('.', '%2E'),
      `${value}%3D`,
      `${value}=`,
    ]) {
      expect(alias).not.toBe(value)
      expect(cookie.read(header(alias), false).ids).toEqual([])
    }
  })
})
