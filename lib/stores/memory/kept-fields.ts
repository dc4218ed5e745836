import type { FieldChanges } from '../../session/record'

/** The fields of a session, in the order of their names. */
export interface KeptFields {
  readonly names: readonly string[]
  readonly texts: readonly string[]
}

/** A change of more fields finds each of them in a table. */
const mostInPlace = 8

/** A map of its own. */
export function mapOf({ names, texts }: KeptFields): Map<string, string> {
  const fields = new Map<string, string>()
  for (let place = 0; place < names.length; place++) fields.set(names[place] ?? '', texts[place] ?? '')
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
  for (let place = 0; place < fields.names.length; place++) {
    const name = fields.names[place] ?? ''
    const old = fields.texts[place] ?? ''
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
  return { fields: { names, texts }, growth }
}

/** As `changeFields` where all names are known, and undefined where they are not. */
function replaceTexts(
  { names, texts }: KeptFields,
  set: ReadonlyMap<string, string>,
): { fields: KeptFields; growth: number } | undefined {
  const next = texts.slice()
  let growth = 0
  for (const [name, text] of set) {
    const place = names.indexOf(name)
    if (place === -1) return undefined
    growth += bytesOfText(text) - bytesOfText(next[place])
    next[place] = text
  }
  return { fields: { names, texts: next }, growth }
}

export function bytesOfText(text: string | undefined): number {
  return text === undefined ? 0 : Buffer.byteLength(text)
}
