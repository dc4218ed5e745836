import type { FieldChanges, SessionRecord, StoredSession } from '../../session/record'
import type { HeapItem } from './deadline-heap'

/** Bytes that a session takes beside its texts, by measurement: its objects, and its places in the tables. */
const overhead = 400

/** Names of fields, of which the sessions of an app share a few; more than these are not shared. */
const sharedNames = new Map<string, string>()
const mostSharedNames = 1000

/** Parts of a record that most sessions do not have. */
interface RareParts {
  readonly previous: readonly string[] | undefined
  readonly previousUntil: number | undefined
  readonly pending: readonly string[] | undefined
  readonly idleUntil: number | undefined
}

const noRareParts: RareParts = {
  previous: undefined,
  previousUntil: undefined,
  pending: undefined,
  idleUntil: undefined,
}

/**
 * A session as `MemoryStore` keeps it: few objects, because each costs heap and work for the garbage collector. The fields
 * are an array of name, text, name, text, which is replaced and never changed; the context is JSON; instants are seconds
 * from the creation, because V8 keeps small whole numbers in place and gives every other number 16 bytes of its own.
 */
export class KeptSession implements HeapItem {
  readonly handle: string
  fields: readonly string[]
  context: string | undefined
  bytes: number
  place = -1
  subject: string | undefined
  #hash = ''
  #epoch = 0
  #base = 0
  #created = 0
  #issued = 0
  #accessed = 0
  #expires = 0
  #rare = noRareParts

  constructor(handle: string, { record, fields }: StoredSession) {
    this.handle = copyText(handle)
    this.subject = record.subject
    this.context = contextText(record)
    this.#take(record)
    const list: string[] = []
    this.bytes = overhead + bytesOfText(this.context)
    for (const [name, text] of fields) {
      list.push(sharedName(name), text)
      this.bytes += bytesOfText(name) + bytesOfText(text)
    }
    this.fields = list.slice()
  }

  get createdAt(): number {
    return this.#base + this.#created
  }

  get accessedAt(): number {
    return this.#base + this.#accessed
  }

  get idleUntil(): number | undefined {
    return this.#rare.idleUntil
  }

  get expiresAt(): number {
    return this.#base + this.#expires
  }

  /** Copies, so that what the caller does to them changes nothing here. */
  toStored(): StoredSession {
    const { fields } = this
    const map = new Map<string, string>()
    for (let i = 0; i < fields.length; i += 2) map.set(fields[i] ?? '', fields[i + 1] ?? '')
    return { record: this.toRecord(), fields: map }
  }

  toRecord(): SessionRecord {
    const { context } = this
    return this.recordWith(context === undefined ? undefined : (JSON.parse(context) as SessionRecord['context']))
  }

  recordWith(context: SessionRecord['context']): SessionRecord {
    const { previous, previousUntil, pending, idleUntil } = this.#rare
    return {
      hash: this.#hash,
      previous,
      previousUntil,
      pending,
      epoch: this.#epoch,
      subject: this.subject,
      context,
      createdAt: this.createdAt,
      issuedAt: this.#base + this.#issued,
      accessedAt: this.accessedAt,
      idleUntil,
      expiresAt: this.expiresAt,
    }
  }

  #take(record: SessionRecord): void {
    const { createdAt, issuedAt, accessedAt, expiresAt, previous, previousUntil, pending, idleUntil } = record
    const isExact =
      isSumExact(createdAt, issuedAt) && isSumExact(createdAt, accessedAt) && isSumExact(createdAt, expiresAt)
    const base = isExact ? createdAt : 0
    this.subject = record.subject
    this.#hash = record.hash
    this.#epoch = record.epoch
    this.#base = base
    this.#created = compact(createdAt - base)
    this.#issued = compact(issuedAt - base)
    this.#accessed = compact(accessedAt - base)
    this.#expires = compact(expiresAt - base)
    const isRare =
      previousUntil !== undefined || pending !== undefined || idleUntil !== undefined || previous !== undefined
    this.#rare = isRare ? { previous, previousUntil, pending, idleUntil } : noRareParts
  }

  replace(record: SessionRecord, fields: readonly string[], context: string | undefined): void {
    this.#take(record)
    this.fields = fields
    this.context = context
  }
}

/** Whether an instant comes back from its distance to the base. */
function isSumExact(base: number, at: number): boolean {
  return base + (at - base) === at
}

/** The same number, which V8 keeps in place where it is whole and small. */
function compact(value: number): number {
  const whole = value | 0
  return whole === value ? whole : value
}

/** JSON of the context of a record or a change, if it has one. */
export function contextText({ context }: Pick<SessionRecord, 'context'>): string | undefined {
  return context === undefined ? undefined : JSON.stringify(context)
}

export function bytesOfText(text: string | undefined): number {
  return text === undefined ? 0 : Buffer.byteLength(text)
}

/** The fields after a change, and by how many bytes they have grown. */
export function changeFields(
  fields: readonly string[],
  changes: FieldChanges | undefined,
): { fields: readonly string[]; growth: number } {
  if (changes === undefined || changes.set.size + changes.remove.length === 0) return { fields, growth: 0 }
  const { set, remove } = changes
  // A copy is as long as it has to be; an array that grew has room for more.
  const next = remove.length === 0 ? fields.slice() : without(fields, new Set(remove))
  let growth = remove.length === 0 ? 0 : bytesOfAll(next) - bytesOfAll(fields)
  let replaced = 0
  for (let i = 0; i < next.length; i += 2) {
    const text = set.get(next[i] ?? '')
    if (text === undefined) continue
    growth += bytesOfText(text) - bytesOfText(next[i + 1])
    next[i + 1] = text
    replaced++
  }
  if (replaced === set.size) return { fields: next, growth }
  const known = new Set(next.filter((_, place) => place % 2 === 0))
  for (const [name, text] of set) {
    if (known.has(name)) continue
    next.push(sharedName(name), text)
    growth += bytesOfText(name) + bytesOfText(text)
  }
  return { fields: next.slice(), growth }
}

function without(fields: readonly string[], removed: ReadonlySet<string>): string[] {
  return fields.filter((_, place) => !removed.has(fields[place - (place % 2)] ?? '')).slice()
}

function bytesOfAll(texts: readonly string[]): number {
  return texts.reduce((bytes, text) => bytes + bytesOfText(text), 0)
}

function sharedName(name: string): string {
  const shared = sharedNames.get(name)
  if (shared !== undefined || sharedNames.size >= mostSharedNames || name.length > 64) return shared ?? name
  sharedNames.set(name, name)
  return name
}

const scratch = Buffer.alloc(16)

/** A text of its own. V8 makes the handle that is cut out of an id a view of that id, which would keep the id, a secret, in
 * memory for as long as the session. */
function copyText(handle: string): string {
  if (handle.length !== scratch.length) return handle
  scratch.write(handle, 'latin1')
  const copy = scratch.toString('latin1')
  return copy === handle ? copy : handle
}
