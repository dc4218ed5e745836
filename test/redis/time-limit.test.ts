import { limitArgument } from '../../lib/stores/redis/redis-link'
import { checkLimit, readLimit } from '../../lib/stores/redis/scripts'
import { RedisStore } from '../../lib/redis'
import type { RecordChange } from '../../lib/session/record'
import { at, newHandle, newHash, sessionWith, setting } from '../contract/samples'
import { wrapClient } from '../support/wrapped-client'
import { withRedis } from '../support/with-redis'

const redis = withRedis()

/** What a script replies that checks its time limit and does nothing else, at a time that its arguments name. */
async function replyAt(clock: number, limit: number | undefined, asksTime: boolean, check: string): Promise<unknown> {
  const stopped = check.replace("redis.call('TIME')", '{ ARGV[2], ARGV[3] }')
  const time = [Math.floor(clock / 1000), Math.round((clock % 1000) * 1000)].map(String)
  const reply = await redis.client.eval(`${stopped} return clock or 1`, {
    arguments: [limitArgument(limit, asksTime), ...time],
  })
  return Array.isArray(reply) ? reply : Number(reply)
}

const second = 1_700_000_000_000

describe.each([
  ['a script that needs no time', checkLimit],
  ['a script that needs the time', readLimit],
])('%s', (_, check) => {
  test.each([-3_600_000, -1001, -1000, -999, -1, 0, 1, 999, 1000, 1001, 3_600_000])(
    'is refused where its limit has passed, and only there: %i ms from now',
    async (off) => {
      for (const asksTime of [false, true]) {
        for (const within of [0, 1, 500, 999]) {
          const clock = second + within
          const reply = await replyAt(clock, clock + off, asksTime, check)
          expect([within, Array.isArray(reply)]).toEqual([within, off < 0])
          if (off < 0) expect(reply).toEqual([9, clock])
        }
      }
    },
  )

  test('is refused when the limit has passed by a part of a millisecond', async () => {
    expect(await replyAt(second + 0.5, second, false, check)).toEqual([9, second])
    expect(await replyAt(second + 999.9, second + 999, false, check)).toEqual([9, second + 999])
  })

  test('has no limit while the clock of the server is unknown', async () => {
    for (const clock of [0, second, 1e13 - 1]) {
      expect(Array.isArray(await replyAt(clock, undefined, true, check))).toBe(false)
    }
  })

  test('is carried out on a server whose clock stands in 1970 or 2001', async () => {
    for (const clock of [5000, 999_999_999_000]) {
      expect(Array.isArray(await replyAt(clock, clock + 1, false, check))).toBe(false)
      expect(Array.isArray(await replyAt(clock + 2, clock + 1, false, check))).toBe(true)
    }
  })
})

test('a script says the time when it is asked for it', async () => {
  expect(await replyAt(second + 7, second + 5000, true, checkLimit)).toBe(second + 7)
  expect(await replyAt(second + 7, second + 5000, false, checkLimit)).toBe(1)
  expect(await replyAt(second + 7, second + 5000, false, readLimit)).toBe(second + 7)
})

test('a store asks for the time of Redis with one of the writes of 50 ms', async () => {
  const limits: string[] = []
  const client = wrapClient(redis.client, (args, send) => {
    if (args[0] === 'EVALSHA') limits.push(String(args[4]))
    return send()
  })
  const store = new RedisStore({ client })
  const handle = newHandle()
  const performanceNow = performance.now.bind(performance)
  const start = performanceNow()
  const turned = jest.spyOn(performance, 'now').mockReturnValue(start)
  const write = async (): Promise<boolean> => {
    await store.change(handle, { epoch: 0, ...setting({ 'v:a': '1' }) }, at(1))
    return limits.at(-1)?.startsWith('0') ?? false
  }
  try {
    await store.insert(handle, sessionWith(), at(0))
    // The clock was learnt by TIME.
    expect(limits.at(-1)).toMatch(/^1\d{12}$/)
    turned.mockReturnValue(start + 49)
    expect(await write()).toBe(false)
    turned.mockReturnValue(start + 50)
    expect(await write()).toBe(true)
    expect(await write()).toBe(false)
    turned.mockReturnValue(start + 100)
    expect(await write()).toBe(true)
  } finally {
    turned.mockRestore()
  }
})

describe('a change of values', () => {
  const marks: [string, (handle: string) => Promise<unknown>][] = [
    ['of a visitor', async () => undefined],
    ['of a visitor who is watched', (handle) => redis.store.watch(handle, at(0), at(60))],
    ['of a user', (handle) => login(handle)],
    [
      'of a user who is watched',
      async (handle) => {
        await login(handle)
        await redis.store.watch(handle, at(0), at(60))
      },
    ],
    [
      'of a user who has logged out',
      async (handle) => {
        await login(handle)
        await redis.store.change(handle, setting({ 'v:b': '1' }), at(0))
        await redis.store.change(handle, { bind: { createdAt: at(0), expiresAt: at(60) } }, at(0))
      },
    ],
  ]

  async function login(handle: string): Promise<void> {
    const bind = { subject: 'u1', createdAt: at(0), expiresAt: at(60) }
    await redis.store.change(handle, { replace: { hash: newHash(), issuedAt: at(0) }, bind }, at(0))
  }

  test.each(marks)(
    '%s is stored with the epoch of the record or none, and while it is live, twice',
    async (_, mark) => {
      const handle = newHandle()
      await redis.store.insert(handle, sessionWith({ epoch: 11, expiresAt: at(60) }), at(0))
      await mark(handle)
      const epoch = (await redis.store.load(handle, at(1)))?.record.epoch ?? NaN
      const write = (change: RecordChange, now: number) =>
        redis.store.change(handle, { ...setting({ 'v:a': String(change.epoch) }), ...change }, now)
      for (let n = 0; n < 2; n++) {
        expect(await write({ epoch }, at(1))).toBe('stored')
        expect(await write({}, at(1))).toBe('stored')
        expect(await write({ epoch }, at(59.999))).toBe('stored')
        const before = await redis.client.dump(`sess:${handle}`)
        for (const other of [0, 1, epoch - 1, epoch + 1, epoch * 10]) {
          expect(await write({ epoch: other }, at(1))).toBe('gone')
        }
        expect(await write({ epoch }, at(60))).toBe('gone')
        expect(await write({}, at(60))).toBe('gone')
        expect(await redis.client.dump(`sess:${handle}`)).toEqual(before)
      }
    },
  )
})
