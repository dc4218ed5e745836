import { RedisStore } from '../../lib/redis'
import type { SessionRecord } from '../../lib/session/record'
import { deleteScript, insertScript } from '../../lib/stores/redis/scripts'
import { at, newHandle, newHash, sessionWith } from '../contract/samples'
import type { Fate } from '../support/tcp-proxy'
import { TcpProxy } from '../support/tcp-proxy'
import { wrapClient } from '../support/wrapped-client'
import { withRedis } from '../support/with-redis'

const redis = withRedis()

const login = (subject: string, seconds = 0) => ({
  replace: { hash: newHash(), issuedAt: at(seconds) },
  bind: { subject, createdAt: at(seconds), expiresAt: at(seconds + 86_400) },
})

async function kept(parts: Partial<SessionRecord> = {}, through = redis.store): Promise<string> {
  const handle = newHandle()
  await through.insert(handle, sessionWith(parts), at(0))
  return handle
}

const handlesOf = async (subject: string, seconds = 1) => [...(await redis.store.list(subject, at(seconds))).keys()]
const entriesOf = async () => redis.client.zRange((await redis.client.keys('sess:u:*'))[0] ?? '', 0, -1)

describe('a process that dies between two commands', () => {
  const fates: Fate[] = ['lose', 'cut']
  const cases = [1, 2].flatMap((step) => fates.map((fate) => [fate, step] as const))

  test.each(cases)('%s command %i of a login: each session that is logged in is listed', async (fate, step) => {
    const proxy = await TcpProxy.start(redis.server.port)
    const { createClient } = await import('redis')
    const dying = createClient({ url: proxy.url, socket: { reconnectStrategy: false } })
    dying.on('error', () => undefined)
    await dying.connect()
    const bound = await kept()
    // The scripts are known, so that each step is one command.
    await kept({ subject: 'warm-up' })
    await redis.store.change(bound, {}, at(0))
    for (const act of [
      (handle: string, through: RedisStore) => through.insert(handle, sessionWith({ subject: 'u1' }), at(0)),
      (_: string, through: RedisStore) => through.change(bound, login('u1'), at(0)),
    ]) {
      let count = 0
      proxy.fate = () => (++count === step ? fate : 'pass')
      const handle = newHandle()
      if (!dying.isOpen) await dying.connect()
      await expect(act(handle, new RedisStore({ client: dying }))).rejects.toThrow()
      const listed = await handlesOf('u1')
      for (const one of [handle, bound]) {
        const loaded = await redis.store.load(one, at(1))
        expect(listed.includes(one)).toBe(loaded?.record.subject === 'u1')
      }
    }
    const ended = await redis.store.deleteAll('u1', at(1))
    expect(ended).toBe(step === 2 && fate === 'cut' ? 2 : 0)
    proxy.fate = () => 'pass'
    await proxy.stop()
  })
})

describe('entries', () => {
  const old = -7200

  test('of an ended session are removed at once', async () => {
    const handle = await kept({ subject: 'u1' })
    const stays = await kept({ subject: 'u1' })
    await redis.store.delete(handle, at(0))
    await redis.client.ping()
    expect(await entriesOf()).toEqual([expect.stringMatching(`^${stays}:`)])
    await redis.store.deleteAll('u1', at(0))
    await redis.client.ping()
    expect(await redis.client.keys('*')).toEqual([])
  })

  test('without a record are removed when a list reads them an hour later, not before', async () => {
    const deleted = await kept({ subject: 'u1', createdAt: at(old) })
    const fresh = await kept({ subject: 'u1' })
    await redis.client.del([`sess:${deleted}`, `sess:${fresh}`])
    expect(await handlesOf('u1')).toEqual([])
    await redis.client.ping()
    expect(await entriesOf()).toEqual([expect.stringMatching(`^${fresh}:`)])
    await redis.store.deleteAll('u1', at(7200))
    await redis.client.ping()
    // An hour has passed for this process, but not for Redis.
    expect(await entriesOf()).toEqual([expect.stringMatching(`^${fresh}:`)])
  })

  test('of a live session stay, however old', async () => {
    const handle = await kept({ subject: 'u1', createdAt: at(old) })
    expect(await handlesOf('u1', 80_000)).toEqual([handle])
    expect(await handlesOf('u1', 80_000)).toEqual([handle])
  })

  test('past their score are removed by the next login', async () => {
    const real = Date.now() / 1000
    const handle = await kept({ subject: 'u1' })
    await kept({ subject: 'u1', expiresAt: real - 50 })
    const [index = ''] = await redis.client.keys('sess:u:*')
    await redis.client.zAdd(index, { value: 'long-over:1', score: (real - 61) * 1000 })
    expect(await entriesOf()).toHaveLength(3)
    await redis.store.change(handle, login('u1'), at(0))
    expect(await entriesOf()).not.toContain('long-over:1')
    expect(await entriesOf()).toHaveLength(2)
  })

  test('of a login that is under way stay while other calls list, end or log in', async () => {
    const meanwhile = new RedisStore({ client: redis.client })
    const slow = new RedisStore({
      client: wrapClient(redis.client, async (args, send) => {
        const writesRecord = args[0] === 'EVALSHA' && args[1] !== insertScript.sha && String(args[5]).includes(' b ')
        if (writesRecord || args[1] === insertScript.sha) {
          expect(await meanwhile.list('u1', at(3000))).toEqual(new Map())
          expect(await meanwhile.deleteAll('u1', at(3000))).toBe(0)
          expect(await meanwhile.delete(handle, at(0), { subject: 'u1' })).not.toBe('ended')
          await meanwhile.delete(await kept({ subject: 'u1', createdAt: at(old) }), at(0))
        }
        return send()
      }),
    })
    const handle = await kept()
    await slow.change(handle, login('u1'), at(0))
    expect(await handlesOf('u1')).toEqual([handle])
    await meanwhile.deleteAll('u1', at(1))
    const inserted = await kept({ subject: 'u1' }, slow)
    expect(await handlesOf('u1')).toEqual([inserted])
  })

  test('of a second login on a handle are not lost to the clean-up after the first', async () => {
    const handle = await kept({ subject: 'u1', createdAt: at(old) })
    await redis.store.change(handle, { bind: { createdAt: at(0), expiresAt: at(86_400) } }, at(0))
    await redis.store.change(handle, login('u1', 1), at(1))
    expect(await handlesOf('u1')).toEqual([handle])
    await redis.client.ping()
    expect(await handlesOf('u1')).toEqual([handle])
  })
})

test('deleteAll that fails half way can be called again', async () => {
  for (let i = 0; i < 600; i++) void kept({ subject: 'u1' })
  await redis.client.ping()
  let count = 0
  const failing = wrapClient(redis.client, (args, send) => {
    if (args[1] === deleteScript.sha && ++count > 300) return Promise.reject(new Error('away'))
    return send()
  })
  await expect(new RedisStore({ client: failing }).deleteAll('u1', at(1))).rejects.toThrow('away')
  const left = (await handlesOf('u1')).length
  expect(left).toBeGreaterThan(0)
  expect(await redis.store.deleteAll('u1', at(1))).toBe(left)
})
