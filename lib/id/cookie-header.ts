/** More cookies of one name than this are noise, or an attack; the rest is not looked at. */
const mostValues = 32

/**
 * The values that a `Cookie` header has for a name, in their order (RFC 6265 section 5.4). The header is bytes from an
 * enemy: it is walked once, nothing in it throws, and nothing is built for cookies of other names.
 */
export function readCookieValues(header: unknown, name: string): string[] {
  const values: string[] = []
  if (typeof header !== 'string' || !header.includes(name)) return values
  let equals = -1
  for (let start = 0; start < header.length && values.length < mostValues;) {
    if (equals < start) equals = header.indexOf('=', start)
    if (equals === -1) break
    let end = header.indexOf(';', start)
    if (end === -1) end = header.length
    if (equals < end && isName(header, start, equals, name)) {
      const value = readValue(header.slice(equals + 1, end))
      if (value !== undefined) values.push(value)
    }
    start = end + 1
  }
  return values
}

function isName(header: string, start: number, end: number, name: string): boolean {
  let from = start
  let to = end
  while (from < to && isBlank(header.charCodeAt(from))) from++
  while (to > from && isBlank(header.charCodeAt(to - 1))) to--
  return to - from === name.length && header.startsWith(name, from)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function readValue(raw: string): string | undefined {
  let value = raw.trim()
  if (value.length >= 2 && value.startsWith('"') && value.endsWith('"')) value = value.slice(1, -1)
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}
