import { sign } from 'cookie-signature'
import { readCookieValues } from '../../../lib/id/cookie-header'
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
    ['sid="a"', ['a']],
    ['sid="', ['"']],
    ['sid=', ['']],
    ['sid', []],
    ['sid; sid=a', ['a']],
    ['xsid=a; sidx=b; SID=c', []],
    ['sid=a=b=c', ['a=b=c']],
    ['sid=%41', ['A']],
    ['sid=%4; sid=%zz; sid=%C3%28; sid=ok', ['ok']],
    ['=sid=a', []],
    [';;;;=;sid=a', ['a']],
    ['', []],
    [undefined, []],
    [['sid=a'], []],
    [42, []],
  ])('%p', (header, values) => {
    expect(readCookieValues(header, 'sid')).toEqual(values)
  })

  test('a flood of cookies of the name is cut off', () => {
    expect(readCookieValues('sid=x;'.repeat(10_000), 'sid')).toHaveLength(32)
  })

  test('any bytes are a header', () => {
    let seed = 20261121
    const random = (): number => (seed = (seed * 1103515245 + 12345) % 2147483648)
    for (let i = 0; i < 3000; i++) {
      const header = Array.from({ length: random() % 60 }, () => 'sid=;% "\\,\u0000\u00ff1a'[random() % 16]).join('')
      for (const value of readCookieValues(header, 'sid')) expect(typeof value).toBe('string')
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
  const id = mintId(24)
  const header = (...values: string[]): string => values.map((value) => `sid=${value}`).join('; ')

  test('malformed ones are passed over, repeats are one, and at most 8 are looked at', () => {
    const cookie = new SessionCookie(settings, [])
    expect(cookie.read(undefined, false)).toEqual({ presented: false, ids: [] })
    expect(cookie.read(header('x', ''), false)).toEqual({ presented: true, ids: [] })
    expect(cookie.read(header('x', id, id), false)).toEqual({ presented: true, ids: [id] })
    const many = Array.from({ length: 20 }, () => mintId(24))
    expect(cookie.read(header(...many), false).ids).toEqual(many.slice(0, 8))
  })

  test('over TLS only the prefixed name counts', () => {
    const cookie = new SessionCookie(settings, [])
    expect(cookie.read(`sid=${id}; __Host-sid=${id}`, true).ids).toEqual([id])
    expect(cookie.read(`sid=${id}`, true)).toEqual({ presented: false, ids: [] })
    expect(cookie.read(`__Host-sid=${id}`, false)).toEqual({ presented: false, ids: [] })
  })

  test('with secrets only signed ones: the first signs, all verify', () => {
    const [old, current] = ['an old secret of some length', 'the current one, longer still']
    const cookie = new SessionCookie(settings, [current, old])
    const written = decodeURIComponent(cookie.write(id, false, 1).split(';')[0]?.slice(4) ?? '')
    expect(written).toBe(`s:${sign(id, current)}`)
    expect(cookie.read(header(encodeURIComponent(written)), false).ids).toEqual([id])
    expect(cookie.read(header(`s:${sign(id, old)}`), false).ids).toEqual([id])
    for (const bad of [
      id,
      `s:${id}`,
      `s:${id}.`,
      `s:${sign(id, 'another')}`,
      `s:${sign('short', current)}`,
      's:.',
      's:',
      sign(id, current),
    ]) {
      expect(cookie.read(header(bad), false).ids).toEqual([])
    }
    expect(new SessionCookie(settings, []).read(header(`s:${sign(id, current)}`), false).ids).toEqual([])
  })
})
