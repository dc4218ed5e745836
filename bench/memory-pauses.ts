import { PerformanceObserver } from 'node:perf_hooks'
import { hashId, mintId } from '../lib/id/session-id'
import { MemoryStore } from '../lib/stores/memory-store'

/**
 * The longest pauses of an event loop whose memory store is filled with a million sessions, serves them, and drops them
 * all at once: `node --import tsx bench/memory-pauses.ts` (`SESSIONS`, and `LIFETIME` in seconds from the start, when all expire). A pause is how long one turn of the loop took in which a dozen
 * requests' worth of store calls were made; that includes garbage collection.
 */
const count = Number(process.env['SESSIONS'] ?? 1_000_000)
const callsPerTurn = 12
const seconds = (): number => Date.now() / 1000
const expiresAt = seconds() + Number(process.env['LIFETIME'] ?? 60)

let collecting = 0
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) collecting = Math.max(collecting, duration)
}).observe({ entryTypes: ['gc'] })

/** Runs turns of the loop until `turn` says that it is done, and reports the longest gap between two of them. */
async function phase(name: string, turn: () => boolean): Promise<void> {
  let worst: number[] = []
  let over = 0
  collecting = 0
  const begin = performance.now()
  let last = begin
  for (let done = false; !done;) {
    done = turn()
    await new Promise<void>((resolve) => setImmediate(resolve))
    const end = performance.now()
    const pause = end - last
    if (pause > 10) over++
    if (pause > (worst[4] ?? 0)) worst = [...worst, pause].sort((one, other) => other - one).slice(0, 5)
    last = end
  }
  console.log(
    `${name}: ${((last - begin) / 1000).toFixed(1)} s, longest pauses ${worst.map((pause) => pause.toFixed(1)).join(', ')} ms; ${over} over 10 ms; longest collection ${collecting.toFixed(1)} ms`,
  )
}

async function main(): Promise<void> {
  const store = new MemoryStore({ maxSessions: count, maxTotalBytes: Number.MAX_SAFE_INTEGER })
  const handles: string[] = []
  await phase(`filling ${count}`, () => {
    for (let i = 0; i < callsPerTurn && handles.length < count; i++) {
      const id = mintId(24)
      const n = handles.length
      const now = seconds()
      const times = { createdAt: now, issuedAt: now, accessedAt: now, expiresAt }
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
    const now = seconds()
    for (let i = 0; i < callsPerTurn; i++, served++) {
      const handle = handles[(served * 7919) % count] ?? ''
      if (served % 3 === 0) store.change(handle, { fields: { set: new Map([['v:views', '0']]), remove: [] } }, now)
      else store.load(handle, now)
    }
    return served >= 300_000
  })
  handles.length = 0
  if (store.size < count) throw new Error('sessions have expired before all were served: raise LIFETIME')
  await new Promise<void>((resolve) => setTimeout(resolve, (expiresAt - seconds()) * 1000 - 50))
  await phase(`expiring ${count}`, () => store.size === 0)
}

void main()
