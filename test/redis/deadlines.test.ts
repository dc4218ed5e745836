import { retainUntil } from '../../lib/session/lifetime'
import type { RecordChange, SessionRecord } from '../../lib/session/record'
import { newHandle, newHash } from '../contract/samples'
import { withRedis } from '../support/with-redis'

const redis = withRedis()

const now = () => Math.round(Date.now()) / 1000

/** A record of the real time, because the server's clock cannot be turned. */
function recordFor(ttl: number, parts: Partial<SessionRecord> = {}): SessionRecord {
  const made = now()
  const times = { createdAt: made, issuedAt: made, accessedAt: made, expiresAt: made + ttl }
  return { hash: newHash(), epoch: 0, ...times, ...parts }
}

async function kept(record: SessionRecord): Promise<string> {
  const handle = newHandle()
  await redis.store.insert(handle, { record, fields: new Map([['v:a', '1']]) }, now())
  return handle
}

const deadlineOf = async (key: string) => (await redis.client.pExpireTime(key)) / 1000

test.each<[string, number, Partial<SessionRecord>]>([
  ['absolute only', 500, {}],
  ['idle, short', 500, { idleUntil: now() + 30 }],
  ['idle, long', 86_400, { idleUntil: now() + 7200 }],
  ['idle, beyond the absolute one', 500, { idleUntil: now() + 7200 }],
  ['a hundred years', 3_155_760_000, {}],
])('an inserted record expires when its retention ends: %s', async (_, ttl, parts) => {
  const record = recordFor(ttl, parts)
  const handle = await kept(record)
  expect(await deadlineOf(`sess:${handle}`)).toBeCloseTo(retainUntil(record), 3)
})

test('a change moves the deadline as the record says', async () => {
  const handle = await kept(recordFor(86_400, { idleUntil: now() + 600 }))
  const createdAt = now()
  const steps: RecordChange[] = [
    { access: { accessedAt: now() + 1, idleUntil: now() + 700 } },
    { access: { accessedAt: now(), idleUntil: now() + 650 } },
    { replace: { hash: newHash(), issuedAt: createdAt }, bind: { subject: 'u', createdAt, expiresAt: now() + 100 } },
    { bind: { createdAt, expiresAt: createdAt + 9000, idleUntil: createdAt + 50 } },
    { fields: { set: new Map([['v:a', '2']]), remove: [] } },
  ]
  for (const change of steps) {
    expect(await redis.store.change(handle, change, now())).toBe('stored')
    const loaded = await redis.store.load(handle, now())
    expect(await deadlineOf(`sess:${handle}`)).toBeCloseTo(loaded === undefined ? 0 : retainUntil(loaded.record), 3)
  }
})

test('sessions and their index expire by themselves, the index with the last of them', async () => {
  await kept(recordFor(0.2, { subject: 'u' }))
  await kept(recordFor(60, { subject: 'u', accessedAt: now() - 0.1, idleUntil: now() + 0.1 }))
  const long = recordFor(0.9, { subject: 'u' })
  const longest = await kept(long)
  const [index = ''] = await redis.client.keys('sess:u:*')
  expect(await deadlineOf(index)).toBeCloseTo(now() + 60, 0)
  await redis.client.pExpireAt(index, Math.round(long.expiresAt * 1000))
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect((await redis.client.keys('*')).sort()).toEqual([`sess:${longest}`, index].sort())
  await new Promise((resolve) => setTimeout(resolve, 400))
  expect(await redis.client.keys('*')).toEqual([])
})

test('an index lives as long as its longest session, whichever came last', async () => {
  const long = recordFor(5000, { subject: 'u' })
  await kept(long)
  await kept(recordFor(100, { subject: 'u' }))
  const [index = ''] = await redis.client.keys('sess:u:*')
  expect(await deadlineOf(index)).toBeCloseTo(long.expiresAt, 3)
})

test('a record that has ended already leaves nothing', async () => {
  await kept(recordFor(-1))
  expect(await redis.client.keys('*')).toEqual([])
})

test('no key is without a deadline at any instant, whatever goes on', async () => {
  const handles: string[] = []
  const subject = () => `u${Math.floor(Math.random() * 5)}`
  const pick = () => handles[Math.floor(Math.random() * handles.length)] ?? newHandle()
  const acts: (() => Promise<unknown>)[] = [
    async () => handles.push(await kept(recordFor(0.05 + Math.random()))),
    async () => handles.push(await kept(recordFor(1, { subject: subject(), idleUntil: now() + 0.1 }))),
    () => redis.store.change(pick(), { fields: { set: new Map([['v:b', '1']]), remove: ['v:a'] } }, now()),
    () => redis.store.change(pick(), { access: { accessedAt: now(), idleUntil: now() + 0.3 } }, now()),
    () => redis.store.change(pick(), { replace: { hash: newHash(), issuedAt: now() } }, now()),
    () => redis.store.change(pick(), { bind: { subject: subject(), createdAt: now(), expiresAt: now() + 0.5 } }, now()),
    () => redis.store.delete(pick(), now()),
    () => redis.store.list(subject(), now()),
    () => redis.store.deleteAll(subject(), now()),
    () => redis.store.changeAll(subject(), { set: new Map([['v:c', '1']]), remove: [] }, now()),
  ]
  const until = Date.now() + 1500
  const worker = async () => {
    while (Date.now() < until) await acts[Math.floor(Math.random() * acts.length)]?.()
  }
  const watcher = await redis.server.connect()
  const immortal =
    "local n = 0; for _, key in ipairs(redis.call('KEYS', '*')) do " +
    "if redis.call('PTTL', key) == -1 then n = n + 1 end end return { n, redis.call('DBSIZE') }"
  const seen: number[] = []
  const watch = async () => {
    while (Date.now() < until) {
      const [without, all] = (await watcher.eval(immortal)) as [number, number]
      expect(without).toBe(0)
      seen.push(all)
    }
  }
  await Promise.all([watch(), ...Array.from({ length: 20 }, worker)])
  expect(seen.length).toBeGreaterThan(20)
  expect(Math.max(...seen)).toBeGreaterThan(10)
})
