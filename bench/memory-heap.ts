import expressSession from 'express-session'
import memorystore from 'memorystore'
import { hashId, mintId } from '../lib/id/session-id'
import { startRecord } from '../lib/session/record'
import { MemoryStore } from '../lib/stores/memory-store'

/**
 * Heap that a small session takes in each memory store, in bytes: `node --expose-gc --import tsx bench/memory-heap.ts`.
 * A session holds a user's name and a counter, as each store's own middleware would write it.
 */
const count = Number(process.env['SESSIONS'] ?? 200_000)
const now = Date.now() / 1000
const lifetime = 86_400

const fillers: Record<string, () => object> = {
  'express-session MemoryStore'() {
    const store = new expressSession.MemoryStore()
    const cookie = { originalMaxAge: lifetime * 1000, expires: new Date(), httpOnly: true, path: '/' }
    for (let n = 0; n < count; n++) store.set(mintId(12), { cookie, user: `user${n}`, views: n } as never)
    return store
  },
  memorystore() {
    const store = new (memorystore(expressSession))({ checkPeriod: lifetime * 1000 })
    const cookie = {
      originalMaxAge: lifetime * 1000,
      expires: new Date(),
      httpOnly: true,
      path: '/',
      maxAge: 86_400_000,
    }
    for (let n = 0; n < count; n++) store.set(mintId(12), { cookie, user: `user${n}`, views: n } as never)
    return store
  },
  'holdfast MemoryStore, anonymous': () => fill(() => undefined),
  'holdfast MemoryStore, signed in': () => fill((n) => `user${n}`),
}

function fill(subjectOf: (n: number) => string | undefined): MemoryStore {
  const store = new MemoryStore({ maxSessions: count, maxTotalBytes: Number.MAX_SAFE_INTEGER })
  for (let n = 0; n < count; n++) {
    const id = mintId(24)
    const at = now + n / 1000
    const subject = subjectOf(n)
    const record = startRecord(at, {
      hash: hashId(id),
      epoch: 0,
      subject,
      context: subject === undefined ? undefined : { ip: `10.0.${n >> 8}.${n & 255}` },
      expiresAt: at + lifetime,
    })
    const fields = new Map([
      ['v:' + 'user', JSON.stringify(`user${n}`)],
      ['v:' + 'views', JSON.stringify(n)],
    ])
    store.insert(id.slice(0, 16), { record, fields }, at)
  }
  return store
}

function heapUsed(): number {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

if (globalThis.gc === undefined) throw new Error('run with --expose-gc')
const results: [string, number][] = []
const kept: object[] = []
for (const [name, filler] of Object.entries(fillers)) {
  const before = heapUsed()
  kept.push(filler())
  results.push([name, (heapUsed() - before) / count])
}
const [, base] = results[0] ?? ['', NaN]
for (const [name, bytes] of results) console.log(`${name}: ${bytes.toFixed(0)} bytes, ${(bytes / base).toFixed(2)}`)
process.exit(kept.length === results.length ? 0 : 1)
