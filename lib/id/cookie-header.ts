const none: readonly string[] = []

/**
 * The values that a `Cookie` header has for a name, in their order (RFC 6265 section 5.4), without the spaces and tabs
 * around them and otherwise as the client sent them: not percent-decoded, quotes not removed (section 4.1.1 has both as
 * part of the value). A client can send any bytes: the header is read once, nothing here throws, and no string is built for
 * a cookie of another name.
 */
export function cookieValues(header: unknown, name: string): readonly string[] {
  if (typeof header !== 'string' || !header.includes(name)) return none
  let values: string[] | undefined
  let equals = -1
  for (let start = 0; start < header.length;) {
    if (equals < start) equals = header.indexOf('=', start)
    if (equals === -1) break
    let end = header.indexOf(';', start)
    if (end === -1) end = header.length
    if (equals < end && isName(header, start, equals, name)) {
      const value = trimmed(header, equals + 1, end)
      // A list of the one: an empty one that grows takes room for seventeen.
      if (values === undefined) values = [value]
      else values.push(value)
    }
    start = end + 1
  }
  return values ?? none
}

function isName(header: string, start: number, end: number, name: string): boolean {
  const from = skipBlanks(header, start, end)
  const to = skipBlanksBack(header, from, end)
  return to - from === name.length && header.startsWith(name, from)
}

function trimmed(header: string, start: number, end: number): string {
  const from = skipBlanks(header, start, end)
  return header.slice(from, skipBlanksBack(header, from, end))
}

function skipBlanks(header: string, from: number, end: number): number {
  while (from < end && isBlank(header.charCodeAt(from))) from++
  return from
}

function skipBlanksBack(header: string, start: number, to: number): number {
  while (to > start && isBlank(header.charCodeAt(to - 1))) to--
  return to
}

/** Optional white space of RFC 9110 section 5.6.3; `String.trim` would take a no-break space off as well. */
function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
