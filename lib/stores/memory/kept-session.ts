import type { SessionRecord, StoredSession } from '../../session/record'
import type { HeapItem } from './deadline-heap'
import { bytesOfText, type KeptFields, packFields, unpackFields } from './kept-fields'

/** Bytes that a session takes beside its texts, by measurement: its objects, and its places in the tables. */
const overhead = 400

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
 * are packed (kept-fields.ts), and replaced as a whole; the context is JSON; instants are seconds from the creation, because
 * V8 keeps small whole numbers in place and gives every other number 16 bytes of its own.
 */
export class KeptSession implements HeapItem {
  readonly handle: string
  context: string | undefined
  bytes: number
  place = -1
  subject: string | undefined
  #names: KeptFields['names']
  #texts: KeptFields['texts']
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
    this.context = contextText(record)
    this.#take(record)
    this.bytes = overhead + bytesOfText(this.context)
    for (const [name, text] of fields) this.bytes += bytesOfText(name) + bytesOfText(text)
    const { names, texts } = packFields([...fields.keys()], [...fields.values()])
    this.#names = names
    this.#texts = texts
  }

  get fields(): KeptFields {
    return { names: this.#names, texts: this.#texts }
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
    return { record: this.toRecord(), fields: unpackFields(this.#names, this.#texts) }
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

  replace(record: SessionRecord, { names, texts }: KeptFields, context: string | undefined): void {
    this.#take(record)
    this.#names = names
    this.#texts = texts
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

const scratch = Buffer.alloc(16)

/** A text of its own. V8 makes the handle that is cut out of an id a view of that id, which would keep the id, a secret, in
 * memory for as long as the session. */
function copyText(handle: string): string {
  if (handle.length !== scratch.length) return handle
  scratch.write(handle, 'latin1')
  const copy = scratch.toString('latin1')
  return copy === handle ? copy : handle
}
