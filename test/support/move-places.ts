import { RedisStore } from '../../lib/redis'
import type { RedisStoreClient } from '../../lib/stores/redis/redis-link'
import type { SessionStore } from '../../lib/session/store'
import { type CompareResult, type JsonRecords, offerJsonRecords } from '../../lib/stores/json-records'
import { MemoryStore } from '../../lib/stores/memory-store'
import type { Random } from '../model/random'
import type { MovePlaces, MoveStores } from './move-run'

/** One rule of the move, broken. */
export type Mutant = 'no compare-and-set' | 'no tombstone' | 'unconditional removal' | 'unconditional claim'

/**
 * Two places in memory, whose calls take a random number of turns of the event loop before and after the step: so all
 * orders of the steps of several processes are met.
 *
 * @param mutant What the stores do wrong.
 */
export function randomPlaces(random: Random, mutant?: Mutant): MovePlaces {
  const texts = new Map<string, string>()
  const own = new MemoryStore()
  const pause = async (): Promise<void> => {
    for (let n = random.upTo(4); n > 0; n--) await new Promise((resolve) => setImmediate(resolve))
  }
  const step = async <T>(act: () => T): Promise<T> => {
    await pause()
    const result = act()
    await pause()
    return result
  }
  return {
    newProcess: () => ({ old: textStore(texts, step, mutant), own: delayed(own, step, mutant) }),
    readOld: async (id) => texts.get(id),
    writeOld: async (id, text) => texts.set(id, text),
    removeOld: async (id) => texts.delete(id),
  }
}

/** Carries out a step of a store, sooner or later. */
export type Step = <T>(act: () => T) => Promise<T>

/** Two places in memory, in which a test decides when each step of a process is carried out. */
export class SteppedPlaces {
  readonly texts = new Map<string, string>()
  readonly #own = new MemoryStore()

  /** The stores as one more process has them. @param isAtomic Whether the old place has compare-and-set. */
  newProcess(step: Step, isAtomic: boolean): MoveStores {
    const old = isAtomic ? textStore(this.texts, step, undefined) : callbackStore(this.texts, step)
    return { old, own: delayed(this.#own, step, undefined) }
  }
}

type Callback = (error: unknown, value?: unknown) => void

/** A store written for express-session. */
function callbackStore(texts: Map<string, string>, step: Step): object {
  const call = (callback: Callback, act: () => unknown): void => {
    step(act).then((value) => callback(null, value), callback)
  }
  return {
    get(id: string, callback: Callback) {
      call(callback, () => JSON.parse(texts.get(id) ?? 'null') as unknown)
    },
    set(id: string, session: object, callback: Callback) {
      const text = JSON.stringify(session)
      call(callback, () => void texts.set(id, text))
    },
    destroy(id: string, callback: Callback) {
      call(callback, () => void texts.delete(id))
    },
  }
}

function textStore(texts: Map<string, string>, step: Step, mutant: Mutant | undefined): object {
  const compare = (id: string, expected: string, isBlind: boolean, act: () => void): CompareResult => {
    const text = texts.get(id)
    if (text === undefined) return 'absent'
    if (text !== expected && !isBlind) return { other: text }
    act()
    return 'stored'
  }
  const records: JsonRecords = {
    load: (id) => step(() => texts.get(id)),
    insert: (id, text, _lifetime, onlyNew) =>
      step(() => {
        if (onlyNew && texts.has(id)) return false
        texts.set(id, text)
        return true
      }),
    replace: (id, expected, text, lifetime) =>
      step(() =>
        lifetime > 0
          ? compare(id, expected, mutant === 'no compare-and-set', () => texts.set(id, text))
          : compare(id, expected, mutant === 'unconditional removal', () => texts.delete(id)),
      ),
    extend: (id, expected) => step(() => compare(id, expected, false, () => undefined)),
    delete: (id) => step(() => void texts.delete(id)),
  }
  const refuse = () => {
    throw new Error('records of our own are not kept here')
  }
  const store = { load: refuse, insert: refuse, change: refuse, delete: refuse }
  offerJsonRecords(store, records)
  return store
}

function delayed(store: MemoryStore, step: Step, mutant: Mutant | undefined): SessionStore {
  const isTombstone = ({ record }: { record: { hash: string } }) => record.hash.startsWith('ended')
  return {
    load: (handle, now) => step(() => store.load(handle, now)),
    insert: (handle, session, now) =>
      step(() =>
        mutant === 'no tombstone' && isTombstone(session)
          ? void store.delete(handle, now)
          : store.insert(handle, session, now),
      ),
    claim: (handle, session, now) =>
      step(() => {
        if (mutant !== 'unconditional claim') return store.claim(handle, session, now)
        store.insert(handle, session, now)
        return true
      }),
    change: (handle, change, now) => step(() => store.change(handle, change, now)),
    delete: (handle, now, only) => step(() => store.delete(handle, now, only)),
  }
}

/** connect-redis' records and ours on one Redis; a process has a connection of its own. */
export function redisPlaces(connections: readonly RedisStoreClient[], raw: MovePlaces | RawRedis): MovePlaces {
  let next = 0
  return {
    newProcess(): MoveStores {
      const client = connections[next++ % connections.length]!
      return { old: new RedisStore({ client, layout: 'express-session' }), own: new RedisStore({ client }) }
    },
    ...('readOld' in raw
      ? { readOld: raw.readOld, writeOld: raw.writeOld, removeOld: raw.removeOld }
      : {
          readOld: async (id) => (await raw.get(`sess:${id}`)) ?? undefined,
          writeOld: (id, text) => raw.set(`sess:${id}`, text, { EX: 600 }),
          removeOld: (id) => raw.del(`sess:${id}`),
        }),
  }
}

interface RawRedis {
  get(key: string): Promise<string | null>
  set(key: string, text: string, options: { EX: number }): Promise<unknown>
  del(key: string): Promise<unknown>
}
