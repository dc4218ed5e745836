import { PerformanceObserver } from 'node:perf_hooks'
import { hashId, mintId } from '../lib/id/session-id'
import { MemoryStore } from '../lib/stores/memory-store'

/**
 * The longest pauses of an event loop whose memory store is filled with a million sessions, serves them, and drops them
 * all at once: `node --import tsx bench/memory-pauses.ts`. A pause is how long one turn of the loop took in which a dozen
 * requests' worth of store calls were made; that includes garbage collection.
 */
const count = Number(process.env['SESSIONS'] ?? 1_000_000)
const callsPerTurn = 12
let now = 1_800_000_000

const pauses: number[] = []
let collecting = 0
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) collecting = Math.max(collecting, duration)
}).observe({ entryTypes: ['gc'] })

/** Runs turns of the loop until `turn` says that it is done, and reports the longest gap between two of them. */
async function phase(name: string, turn: () => boolean): Promise<void> {
  pauses.length = 0
  collecting = 0
  const begin = performance.now()
  let last = begin
  for (let done = false; !done;) {
    done = turn()
    await new Promise<void>((resolve) => setImmediate(resolve))
    const end = performance.now()
    pauses.push(end - last)
    last = end
  }
  pauses.sort((one, other) => other - one)
  const worst = pauses.slice(0, 5).map((pause) => pause.toFixed(1))
  const over = pauses.filter((pause) => pause > 10).length
  console.log(
    `${name}: ${((last - begin) / 1000).toFixed(1)} s, longest pauses ${worst.join(', ')} ms; ${over} over 10 ms; longest collection ${collecting.toFixed(1)} ms`,
  )
}

async function main(): Promise<void> {
  const store = new MemoryStore({ maxSessions: count, maxTotalBytes: Number.MAX_SAFE_INTEGER, clock: () => now })
  const handles: string[] = []
  await phase(`filling ${count}`, () => {
    for (let i = 0; i < callsPerTurn && handles.length < count; i++) {
      const id = mintId(24)
      const n = handles.length
      const times = { createdAt: now, issuedAt: now, accessedAt: now, expiresAt: now + 86_400 - (n % 7) }
      store.insert(
        id.slice(0, 16),
        {
          record: { hash: hashId(id), epoch: 0, subject: n % 2 === 0 ? `user${n}` : undefined, ...times },
          fields: new Map([
            ['v:user', `"user${n}"`],
            ['v:views', String(n)],
          ]),
        },
        now,
      )
      handles.push(id.slice(0, 16))
    }
    return handles.length === count
  })
  let served = 0
  await phase('serving 300 000', () => {
    for (let i = 0; i < callsPerTurn; i++, served++) {
      const handle = handles[(served * 7919) % count] ?? ''
      if (served % 3 === 0) store.change(handle, { fields: { set: new Map([['v:views', '0']]), remove: [] } }, now)
      else store.load(handle, now)
    }
    return served >= 300_000
  })
  handles.length = 0
  now += 90_000
  // The store's timer was set for tomorrow; a session that ends now makes it look at the clock.
  const id = mintId(24)
  const times = { createdAt: now, issuedAt: now, accessedAt: now, expiresAt: now + 1 }
  store.insert(id.slice(0, 16), { record: { hash: hashId(id), epoch: 0, ...times }, fields: new Map() }, now)
  now += 1
  await phase(`expiring ${count}`, () => store.size === 0)
}

void main()
