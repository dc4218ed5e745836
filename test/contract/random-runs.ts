import { isLive, retainUntil } from '../../lib/session/lifetime'
import type { ChangeResult, FieldChanges, RecordChange, SessionRecord, StoredSession } from '../../lib/session/record'
import { changeRecord, isRenewed } from '../../lib/session/record'
import type { DeleteConditions, DeleteResult, SessionStore } from '../../lib/session/store'
import { at, newHandle, newHash, recordWith } from './samples'

/** What a store must be, in the plainest way: no deadlines of its own, no index, nothing clever. */
class Model {
  readonly #sessions = new Map<string, StoredSession>()

  load(handle: string, now: number): StoredSession | undefined {
    const session = this.#sessions.get(handle)
    return session !== undefined && now < retainUntil(session.record) ? session : undefined
  }

  insert(handle: string, session: StoredSession): void {
    this.#sessions.set(handle, session)
  }

  change(handle: string, change: RecordChange, now: number): ChangeResult {
    const session = this.#live(handle, now)
    const record = session && changeRecord(session.record, change)
    if (session === undefined || record === undefined) return 'gone'
    this.#sessions.set(handle, { record, fields: changed(session.fields, change.fields) })
    return isRenewed(session.record, change) ? 'renewed' : 'stored'
  }

  delete(handle: string, now: number, { subject, createdAt, hash }: DeleteConditions = {}): DeleteResult {
    const session = this.load(handle, now)
    if (session === undefined) return 'absent'
    const { record } = session
    const isLiveNow = isLive(record, now)
    const asked: [unknown, unknown][] = [
      [subject, record.subject],
      [createdAt, record.createdAt],
      [hash, record.hash],
    ]
    if (asked.some(([wanted, is]) => wanted !== undefined && wanted !== is)) return isLiveNow ? 'refused' : 'absent'
    this.#sessions.delete(handle)
    return isLiveNow ? 'ended' : 'absent'
  }

  list(subject: string, now: number): Map<string, SessionRecord> {
    const live = [...this.#sessions].filter(([handle]) => this.#live(handle, now)?.record.subject === subject)
    return new Map(live.map(([handle, session]) => [handle, session.record]))
  }

  deleteAll(subject: string, now: number, except?: string): number {
    const handles = [...this.#sessions.keys()].filter((handle) => handle !== except)
    return handles.filter((handle) => this.delete(handle, now, { subject }) === 'ended').length
  }

  changeAll(subject: string, fields: FieldChanges, now: number): number {
    const handles = [...this.list(subject, now).keys()]
    return handles.filter((handle) => this.change(handle, { fields }, now) === 'stored').length
  }

  #live(handle: string, now: number): StoredSession | undefined {
    const session = this.#sessions.get(handle)
    return session !== undefined && isLive(session.record, now) ? session : undefined
  }
}

function changed(fields: ReadonlyMap<string, string>, changes: FieldChanges | undefined): ReadonlyMap<string, string> {
  const kept = [...fields].filter(([name]) => changes?.remove.includes(name) !== true)
  return new Map([...kept, ...(changes?.set ?? [])])
}

/** Mulberry32: small, and the same on every machine for the same seed. */
class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  roll(sides: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * sides)
  }

  pick<T>(of: readonly T[]): T {
    return of[this.roll(of.length)] as T
  }

  maybe<T>(value: () => T): T | undefined {
    return this.roll(2) === 0 ? value() : undefined
  }
}

const names = ['v:a', 'v:b', 'f:a', 'v:__proto__', 'v:']
const steps = 150

/** One run: random calls to a store and to the model, which must give equal results. Times of calls never go back. */
async function run(store: SessionStore, listing: boolean, seed: number): Promise<void> {
  const dice = new Dice(seed)
  const model = new Model()
  const handles: string[] = [newHandle()]
  const hashes: string[] = [newHash()]
  const subjects = ['x', 'y'].map((name) => name + newHandle())
  let seconds = 0

  const soon = () => at(seconds + 1 + dice.roll(40))
  const hash = () => dice.pick(hashes)
  const freshHash = () => hashes[hashes.push(newHash()) - 1] ?? ''
  const fieldChanges = (): FieldChanges => ({
    set: new Map(names.filter(() => dice.roll(3) === 0).map((name) => [name, String(dice.roll(100))])),
    remove: names.filter(() => dice.roll(4) === 0),
  })
  const binding = () => ({
    subject: dice.maybe(() => dice.pick(subjects)),
    context: dice.maybe(() => ({ ip: `10.0.0.${dice.roll(9)}` })),
    createdAt: at(seconds),
    idleUntil: dice.maybe(soon),
    expiresAt: at(seconds + 20 + dice.roll(90)),
  })
  const session = (): StoredSession => {
    const { createdAt, ...rest } = binding()
    const times = { createdAt, issuedAt: createdAt, accessedAt: createdAt }
    return { record: recordWith({ hash: freshHash(), ...times, ...rest }), fields: fieldChanges().set }
  }
  const change = (handle: string): RecordChange => {
    const record = model.load(handle, at(seconds))?.record
    const epoch = dice.maybe(() => (record?.epoch ?? 0) + dice.pick([0, 0, 0, 1, -1]))
    const fields = dice.maybe(fieldChanges)
    const access = dice.maybe(() => ({ accessedAt: soon(), idleUntil: dice.maybe(soon) }))
    // Before the new hashes of this change are made: what a client has sent was issued earlier, and never by the same change.
    const shown = dice.roll(3) === 0 ? dice.pick([...(record?.pending ?? []), hash()]) : undefined
    const replace = dice.roll(5) === 0 ? { hash: freshHash(), issuedAt: soon() } : undefined
    const from = replace === undefined ? dice.maybe(() => record?.hash ?? hash()) : undefined
    const after = dice.roll(4) === 0 ? undefined : record?.pending?.at(-1)
    const renew =
      from === undefined ? undefined : { from, after, to: freshHash(), issuedAt: soon(), previousUntil: soon() }
    return {
      ...(epoch !== undefined && { epoch }),
      ...(fields !== undefined && { fields }),
      ...(access !== undefined && { access }),
      ...(renew !== undefined && { renew }),
      ...(shown !== undefined && { confirm: { hash: shown, issuedAt: soon() } }),
      ...(replace !== undefined && { replace }),
      ...(dice.roll(8) === 0 && { bind: binding() }),
    }
  }

  for (let step = 0; step < steps; step++) {
    seconds += dice.roll(4)
    const now = at(seconds)
    const handle = dice.pick(handles.slice(-4))
    const subject = dice.pick(subjects)
    const kind = dice.roll(listing ? 14 : 11)
    let results: [unknown, unknown] = [0, 0]
    if (kind < 2) {
      const inserted = session()
      handles.push(newHandle())
      const fresh = handles[handles.length - 1] ?? ''
      model.insert(fresh, inserted)
      await store.insert(fresh, inserted, now)
    } else if (kind < 7) {
      const wanted = change(handle)
      results = [await store.change(handle, wanted, now), model.change(handle, wanted, now)]
    } else if (kind < 10) {
      results = [await store.load(handle, now), model.load(handle, now)]
    } else if (kind === 10) {
      const record = model.load(handle, now)?.record
      const only = {
        subject: dice.maybe(() => subject),
        createdAt: dice.maybe(() => (dice.roll(4) === 0 ? at(seconds) : record?.createdAt)),
        hash: dice.maybe(() => (dice.roll(4) === 0 ? hash() : record?.hash)),
      }
      results = [await store.delete(handle, now, only), model.delete(handle, now, only)]
    } else if (kind === 11) {
      results = [await store.list?.(subject, now), model.list(subject, now)]
    } else if (kind === 12) {
      const wanted = fieldChanges()
      results = [await store.changeAll?.(subject, wanted, now), model.changeAll(subject, wanted, now)]
    } else if (dice.roll(4) === 0) {
      results = [await store.deleteAll?.(subject, now, handle), model.deleteAll(subject, now, handle)]
    }
    expect({ step, kind, result: results[0] }).toEqual({ step, kind, result: results[1] })
  }
  for (const handle of handles) expect(await store.load(handle, at(seconds))).toEqual(model.load(handle, at(seconds)))
}

/** Twenty runs, each from a seed that is in its name; the first from one that changes with each start. With CONTRACT_SEED one
 * of your own is the first; CONTRACT_RUNS says how many there are. */
export function describeRandomRuns(newStore: () => SessionStore, abilities: { readonly listing: boolean }): void {
  describe('random runs agree with the model', () => {
    const first = Number(process.env['CONTRACT_SEED'] ?? Date.now() % 1_000_000)
    const runs = Number(process.env['CONTRACT_RUNS'] ?? 20)
    const seeds = [first, ...Array.from({ length: runs - 1 }, (_, index) => index)]
    test.each(seeds)('seed %d', async (seed) => {
      const store = newStore()
      await run(store, abilities.listing, seed)
      await store.close?.()
    })
  })
}
