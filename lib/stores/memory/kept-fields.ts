import type { FieldChanges } from '../../session/record'

/**
 * The fields of a session as `MemoryStore` keeps them: two objects at most, and most sessions share the first one. Never
 * changed, only replaced.
 */
export interface KeptFields {
  readonly names: readonly string[]
  /** In the order of the names: small ones as one text, with a line break between each two. */
  readonly texts: string | readonly string[]
}

/** Lists of names, of which the sessions of an app have a few; more than these are not shared. */
const sharedNames = new Map<string, readonly string[]>()
const mostShared = 1000
/** Characters of all names together. */
const longestShared = 500

/** Characters of all texts together: longer ones are kept one by one, so that a read copies none. */
const longestPacked = 300
const separator = '\n'

/** A change of more fields finds each of them in a table. */
const mostInPlace = 8

export function packFields(names: readonly string[], texts: readonly string[]): KeptFields {
  return { names: shareNames(names), texts: packTexts(texts) }
}

/** A map of its own. */
export function unpackFields(names: readonly string[], texts: KeptFields['texts']): Map<string, string> {
  const fields = new Map<string, string>()
  const last = names.length - 1
  if (typeof texts !== 'string') {
    for (let place = 0; place <= last; place++) fields.set(names[place] ?? '', texts[place] ?? '')
    return fields
  }
  let from = 0
  for (let place = 0; place <= last; place++) {
    const end = place === last ? texts.length : texts.indexOf(separator, from)
    fields.set(names[place] ?? '', texts.slice(from, end))
    from = end + 1
  }
  return fields
}

/** The fields after a change, and by how many bytes they have grown. */
export function changeFields(
  fields: KeptFields,
  changes: FieldChanges | undefined,
): { fields: KeptFields; growth: number } {
  if (changes === undefined || changes.set.size + changes.remove.length === 0) return { fields, growth: 0 }
  const { set, remove } = changes
  if (remove.length === 0 && set.size <= mostInPlace) {
    const replaced = replaceTexts(fields, set)
    if (replaced !== undefined) return replaced
  }
  const removed = remove.length === 0 ? undefined : new Set(remove)
  const names: string[] = []
  const texts: string[] = []
  let growth = 0
  let replaced = 0
  const before = unpackTexts(fields.names, fields.texts)
  for (let place = 0; place < fields.names.length; place++) {
    const name = fields.names[place] ?? ''
    const old = before[place] ?? ''
    const text = set.get(name)
    if (text === undefined && removed?.has(name) === true) {
      growth -= bytesOfText(name) + bytesOfText(old)
      continue
    }
    if (text !== undefined) {
      replaced++
      growth += bytesOfText(text) - bytesOfText(old)
    }
    names.push(name)
    texts.push(text ?? old)
  }
  if (replaced < set.size) {
    const known = new Set(fields.names)
    for (const [name, text] of set) {
      if (known.has(name)) continue
      names.push(name)
      texts.push(text)
      growth += bytesOfText(name) + bytesOfText(text)
    }
  }
  return { fields: packFields(names, texts), growth }
}

/** As `changeFields` where all names are known, and undefined where they are not. */
function replaceTexts(
  { names, texts }: KeptFields,
  set: ReadonlyMap<string, string>,
): { fields: KeptFields; growth: number } | undefined {
  const next = unpackTexts(names, texts)
  let growth = 0
  for (const [name, text] of set) {
    const place = names.indexOf(name)
    if (place === -1) return undefined
    growth += bytesOfText(text) - bytesOfText(next[place])
    next[place] = text
  }
  return { fields: { names, texts: packTexts(next) }, growth }
}

export function bytesOfText(text: string | undefined): number {
  return text === undefined ? 0 : Buffer.byteLength(text)
}

/** The same list for the same names, or else a copy, which is as long as it has to be. */
function shareNames(names: readonly string[]): readonly string[] {
  const key = names.join(separator)
  const shared = sharedNames.get(key)
  // No name in a shared list has a line break: names that have one make the key of a longer list.
  if (shared?.length === names.length) return shared
  const copy = names.slice()
  const isShared = shared === undefined && sharedNames.size < mostShared && key.length <= longestShared
  if (isShared && !names.some((name) => name.includes(separator))) sharedNames.set(key, copy)
  return copy
}

function packTexts(texts: readonly string[]): string | readonly string[] {
  let length = 0
  for (const text of texts) {
    length += text.length
    if (length > longestPacked || text.includes(separator)) return texts.slice()
  }
  return texts.join(separator)
}

/** A list of its own. Not by `split`, which takes twice as long over two. */
function unpackTexts({ length }: readonly string[], texts: KeptFields['texts']): string[] {
  if (typeof texts !== 'string') return texts.slice()
  const list: string[] = []
  let from = 0
  for (let place = 1; place < length; place++) {
    const end = texts.indexOf(separator, from)
    list.push(texts.slice(from, end))
    from = end + 1
  }
  if (length > 0) list.push(texts.slice(from))
  return list
}
