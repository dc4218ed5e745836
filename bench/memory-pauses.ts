import { openSync, readSync } from 'node:fs'
import { PerformanceObserver } from 'node:perf_hooks'
import { hashId, mintId } from '../lib/id/session-id'
import { startRecord } from '../lib/session/record'
import { MemoryStore } from '../lib/stores/memory-store'

/**
 * The longest pauses of an event loop whose memory store is filled with a million sessions, serves them, and drops them
 * all at once: `node --import tsx bench/memory-pauses.ts [store | texts | nothing]` (`SESSIONS`, and `LIFETIME` in seconds from
 * the start, when all expire). A pause is how long one turn of the loop took in which a dozen requests' worth of store calls
 * were made; that includes garbage collection, and whatever else the machine does. On Linux it says as well for how much of
 * its longest turns the main thread was on a CPU, which other processes do not lengthen.
 *
 * `texts`: maps with one text a session in place of the store, which is the least that V8's heap can keep them in. `nothing`: ids are
 * made, and nothing is kept.
 */
const count = Number(process.env['SESSIONS'] ?? 1_000_000)
const callsPerTurn = 12
const seconds = (): number => Date.now() / 1000
const expiresAt = seconds() + Number(process.env['LIFETIME'] ?? 60)

/** What keeps the sessions. */
interface Keeper {
  insert(handle: string, hash: string, n: number): void
  read(handle: string): void
  write(handle: string): void
  /** Drops what has expired, or a part of it; whether that was all. */
  expire(): boolean
}

const keepers: Record<string, () => Keeper> = {
  store: () => {
    const store = new MemoryStore({ maxSessions: count, maxTotalBytes: Number.MAX_SAFE_INTEGER })
    return {
      insert: (handle, hash, n) => {
        const now = seconds()
        const subject = n % 2 === 0 ? `user${n}` : undefined
        const fields = new Map([
          ['v:user', `"user${n}"`],
          ['v:views', String(n)],
        ])
        store.insert(handle, { record: startRecord(now, fill(hash, subject)), fields }, now)
      },
      read: (handle) => {
        if (store.load(handle, seconds()) === undefined) throw new Error('expired while serving: raise LIFETIME')
      },
      write: (handle) => {
        store.change(handle, { fields: { set: new Map([['v:views', '0']]), remove: [] } }, seconds())
      },
      expire: () => store.size === 0,
    }
  },
  texts: () => {
    const maps = Array.from({ length: 256 }, () => new Map<string, string>())
    const mapOf = (handle: string) => maps[(handle.charCodeAt(0) + 31 * handle.charCodeAt(15)) & 255]
    const textOf = (handle: string, hash: string, n: number) =>
      Buffer.from(`${handle} ${hash} user${n} ${n}`).toString()
    return {
      insert: (handle, hash, n) => mapOf(handle)?.set(handle, textOf(handle, hash, n)),
      read: (handle) => void mapOf(handle)?.get(handle),
      write: (handle) => mapOf(handle)?.set(handle, textOf(handle, handle, 0)),
      expire: () => {
        for (const map of maps.splice(-1)) map.clear()
        return maps.length === 0
      },
    }
  },
  nothing: () => ({ insert: () => undefined, read: () => undefined, write: () => undefined, expire: () => true }),
}

function fill(hash: string, subject: string | undefined) {
  return { hash, epoch: 0, subject, context: undefined, idleUntil: undefined, expiresAt }
}

let collecting = 0
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) collecting = Math.max(collecting, duration)
}).observe({ entryTypes: ['gc'] })

/** The five highest of many. */
class Highest {
  values: number[] = []

  add(value: number): void {
    if (value > (this.values[4] ?? 0)) {
      this.values = [...this.values, value].sort((one, other) => other - one).slice(0, 5)
    }
  }

  toString(): string {
    return `${this.values.map((value) => value.toFixed(1)).join(', ')} ms`
  }
}

const text = Buffer.alloc(64)
const statistics = process.platform === 'linux' ? openSync('/proc/self/schedstat', 'r') : undefined

/** Milliseconds that the main thread has been on a CPU. */
function computed(): number {
  if (statistics === undefined) return NaN
  return Number(text.toString('latin1', 0, readSync(statistics, text, 0, 64, 0)).split(' ')[0]) / 1e6
}

/** Runs turns of the loop until `turn` says that it is done, and reports the longest gaps between two of them. */
async function phase(name: string, turn: () => boolean): Promise<void> {
  const pauses = new Highest()
  const ofThread = new Highest()
  let over = 0
  collecting = 0
  const begin = performance.now()
  let last = begin
  let lastComputed = computed()
  for (let done = false; !done;) {
    done = turn()
    await new Promise<void>((resolve) => setImmediate(resolve))
    const [end, endComputed] = [performance.now(), computed()]
    pauses.add(end - last)
    ofThread.add(endComputed - lastComputed)
    if (endComputed - lastComputed > 10) over++
    last = end
    lastComputed = endComputed
  }
  console.log(
    `${name}: ${((last - begin) / 1000).toFixed(1)} s, longest pauses ${pauses.toString()}; of the thread ${ofThread.toString()}, ${over} over 10; longest collection ${collecting.toFixed(1)} ms`,
  )
}

async function main(kind: string): Promise<void> {
  const keeper = keepers[kind]?.()
  if (keeper === undefined) throw new Error(`there is no ${JSON.stringify(kind)}: ${Object.keys(keepers).join(', ')}`)
  // In bytes, so that V8 collects nothing of ours but what the store keeps.
  const handles = Buffer.alloc(16 * count)
  let made = 0
  await phase(`${kind}: filling ${count}`, () => {
    for (let i = 0; i < callsPerTurn && made < count; i++, made++) {
      const id = mintId(24)
      const handle = id.slice(0, 16)
      keeper.insert(handle, hashId(id), made)
      handles.write(handle, 16 * made, 'latin1')
    }
    return made === count
  })
  let served = 0
  await phase(`${kind}: serving 300 000`, () => {
    for (let i = 0; i < callsPerTurn; i++, served++) {
      const at = 16 * ((served * 7919) % count)
      const handle = handles.toString('latin1', at, at + 16)
      if (served % 3 === 0) keeper.write(handle)
      else keeper.read(handle)
    }
    return served >= 300_000
  })
  if (kind === 'store') await new Promise<void>((resolve) => setTimeout(resolve, (expiresAt - seconds()) * 1000 - 50))
  await phase(`${kind}: expiring ${count}`, () => keeper.expire())
}

void main(process.argv[2] ?? 'store')
