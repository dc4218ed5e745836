import { recordsFor } from '../../lib/express-session/layout'
import { Cookie } from '../../lib/express-session/cookie'
import { noOwner } from '../../lib/express-session/owner'
import type { ChangedValue, Records, StoredSession } from '../../lib/express-session/records'
import type { Stage } from '../../lib/express-session/resolve-move'
import { resolveOptions } from '../../lib/express-session/resolve-options'
import { parsed } from '../../lib/express-session/value-texts'
import { randomBytes } from 'node:crypto'
import type { Random } from '../model/random'
import { usualOptions } from './express-session-app'

/** The two stores of one process. */
export interface MoveStores {
  readonly old: object
  readonly own: object
}

/** Where sessions move from and to. */
export interface MovePlaces {
  /** The stores as one more process has them. */
  newProcess(): MoveStores
  /** What express-session would find under the id, and put there. */
  readOld(id: string): Promise<string | undefined>
  writeOld(id: string, text: string): Promise<unknown>
  removeOld(id: string): Promise<unknown>
}

/** A deployment: express-session's records in place, one of the stages, or records of our own after the move. */
export type Generation = 'in place' | Stage | 'moved'

/** The deployments of a move and of the way back, one after the other: `theirs` is express-session itself. */
export const forwardAndBack = [
  'theirs',
  'in place',
  'upcoming',
  'take-over',
  'upcoming',
  'give-back',
  'in place',
  'theirs',
] as const

/** The options of `session()` for a deployment. */
export function optionsAt(generation: Generation, { old, own }: MoveStores): Record<string, unknown> {
  switch (generation) {
    case 'in place':
      return { store: old }
    case 'upcoming':
      return { store: old, upcoming: own }
    case 'take-over':
      return { store: own, migrateFrom: old }
    case 'give-back':
      return { store: old, upcoming: own, moveBack: true }
    case 'moved':
      return { store: own }
  }
}

/** A process of a deployment, without HTTP. */
export function processAt(generation: Generation, places: MovePlaces, options = {}): Records {
  return processOver(generation, places.newProcess(), options)
}

/** As `processAt`, over these very stores. */
export function processOver(generation: Generation, stores: MoveStores, options = {}): Records {
  return recordsFor(resolveOptions({ ...usualOptions, ...optionsAt(generation, stores), ...options }))
}

export const newId = () => randomBytes(24).toString('base64url')
export const newCookie = (maxAge = 600_000) => new Cookie({ path: '/', maxAge })

export function valuesOf(values: Record<string, unknown>): Map<string, ChangedValue> {
  return new Map(Object.entries(values).map(([key, value]) => [key, { text: JSON.stringify(value), value }]))
}

export async function startSession(records: Records, values: Record<string, unknown> = {}): Promise<string> {
  const id = newId()
  await records.create(id, { cookie: newCookie(), values: valuesOf(values), owner: noOwner }, false)
  return id
}

/** One request that sets a key. False: it found no session. */
export async function write(records: Records, id: string, key: string, value: unknown): Promise<boolean> {
  if ((await records.load(id)) === undefined) return false
  const changes = { set: valuesOf({ [key]: value }), remove: [] }
  return records.update(id, { ...changes, cookie: newCookie(), cookieChanged: false, newOwner: undefined })
}

export async function read(records: Records, id: string): Promise<Record<string, unknown> | undefined> {
  const stored = await records.load(id)
  return stored === undefined ? undefined : plainValues(stored)
}

export function plainValues({ values }: StoredSession): Record<string, unknown> {
  const plain = Object.entries(values).map(([key, value]) => [key, parsed(value)])
  return Object.fromEntries(plain.filter(([key]) => key !== 'cookie'))
}

export interface MoveRun {
  readonly places: MovePlaces
  /** The deployments whose processes serve side by side; the first makes the sessions. */
  readonly generations: readonly Generation[]
  readonly sessions: number
  readonly random: Random
}

/** Every session gets so many parallel writes of different keys, each in one of the processes. Resolves to how many
 * writes that were reported as done are not there afterwards. */
export async function countLost({ places, generations, sessions, random }: MoveRun, writes: number): Promise<number> {
  const processes = generations.map((generation) => processAt(generation, places))
  const [first] = processes as [Records]
  let lost = 0
  await Promise.all(
    Array.from({ length: sessions }, async () => {
      const id = await startSession(first, { first: true })
      const keys = Array.from({ length: writes }, (_, n) => `k${n}`)
      const done = await Promise.all(keys.map((key) => write(random.pick(processes), id, key, key)))
      const found = (await read(processes.at(-1)!, id)) ?? {}
      // A process without a stage does not find a session that has moved; what it has stored before, is kept.
      const isDue = (n: number) => done[n] === true || !generations.includes('in place')
      lost += keys.filter((key, n) => isDue(n) && found[key] !== key).length + (found['first'] === true ? 0 : 1)
    }),
  )
  return lost
}

/** Every session is ended by one process while others read and write it. Resolves to how many are there afterwards. A
 * process without a stage ends none beside one that takes over: it cannot find a session that has moved. */
export async function countRevived({ places, generations, sessions, random }: MoveRun): Promise<number> {
  const processes = generations.map((generation) => processAt(generation, places))
  const [first] = processes as [Records]
  const isUnaware = (n: number) => generations[n] === 'in place' && generations.includes('take-over')
  const ending = processes.filter((_process, n) => !isUnaware(n))
  let revived = 0
  await Promise.all(
    Array.from({ length: sessions }, async () => {
      const id = await startSession(first, { first: true })
      const before = (await places.readOld(id)) ?? '{}'
      const others = Array.from({ length: 6 }, (_, n) => write(random.pick(processes), id, `k${n}`, n))
      await Promise.all([...others, random.pick(ending).end(id)])
      // A late write of express-session, of what it read before: it revives what processes without a stage ended.
      if (!generations.includes('in place') && random.chance(0.5)) await places.writeOld(id, before)
      for (const one of processes) {
        if ((await read(one, id)) !== undefined || (await write(one, id, 'late', 1))) {
          revived++
          return
        }
      }
    }),
  )
  return revived
}
