import { SessionManager } from '../../lib'
import ours from '../../lib/express-session'
import { Cookie } from '../../lib/express-session/cookie'
import type { Records } from '../../lib/express-session/records'
import { RedisStore } from '../../lib/redis'
import { type MemoryStore } from '../../lib/stores/memory-store'
import { after, change, type Memory, newSession, openMemory, otherOld, start, subject } from '../support/move-memory'
import { newCookie, newId, read, startSession } from '../support/move-run'
import { withRedis } from '../support/with-redis'

/* What each step of a move depends on, one by one: what happens between two of them, or does not. */

const redis = withRedis()
let turned = 0
beforeEach(() => {
  turned = 0
  const { now } = Date
  jest.spyOn(Date, 'now').mockImplementation(() => now() + turned)
})
afterEach(() => jest.restoreAllMocks())
const turn = (seconds: number) => (turned += seconds * 1000)

describe('an ID of the app', () => {
  test.each(['upcoming', 'take-over', 'give-back'] as const)(
    'is refused by %s when a session in either place has it',
    async (generation) => {
      const stores = openMemory()
      const [before, mover] = [start('in place', stores), start('take-over', stores)]
      const moved = await startSession(before, { user: 'ada' })
      await mover.load(moved)
      for (const id of [await startSession(before, { user: 'ada' }), moved]) {
        const records = start(generation, stores)
        await expect(records.create(id, newSession({ user: 'eve' }), true)).rejects.toThrow(/genid/)
        expect(await read(mover, id)).toEqual({ user: 'ada' })
      }
    },
  )

  test('is given to one of two processes that make a session of it at once', async () => {
    const stores = openMemory()
    const id = newId()
    const own = new Proxy(stores.own, {
      get: (target, key) =>
        key === 'load'
          ? async (...args: Parameters<MemoryStore['load']>) => {
              const found = target.load(...args)
              if (stores.kept[id] === undefined) {
                await start('upcoming', stores).create(id, newSession({ user: 'ada' }), true)
              }
              return found
            }
          : (Reflect.get(target, key) as unknown),
    })
    const late = start('upcoming', { old: otherOld(stores), own })
    await expect(late.create(id, newSession({ user: 'eve' }), true)).rejects.toThrow(/genid/)
    expect(await read(start('in place', stores), id)).toEqual({ user: 'ada' })
  })
})

test.each(['upcoming', 'take-over', 'give-back'] as const)(
  'the use of a session is recorded by %s where the session is',
  async (generation) => {
    for (const from of ['in place', 'take-over'] as const) {
      const stores = openMemory()
      const id = await startSession(start(from, stores), { user: 'ada' })
      const records = start(generation, stores)
      for (let use = 0; use < 4; use++) {
        turn(400)
        const found = await records.load(id)
        expect({ from, use, isFound: found !== undefined }).toEqual({ from, use, isFound: true })
        expect(await records.recordAccess(id, found!.cookie)).toBe(true)
      }
      turn(700)
      expect(await records.load(id)).toBeUndefined()
      expect(await records.recordAccess(id, newCookie())).toBe(false)
    }
  },
)

test.each([
  [undefined, 600, 30],
  [undefined, 10_000, 60],
  [40, 10_000, 2],
])(
  'with a ttl of %p seconds in the old store, the use of a session of %p is recorded each %p',
  (ttl, lifetime, interval) => {
    const stores = openMemory()
    if (ttl !== undefined) Object.assign(stores.old, { ttl })
    for (const generation of ['upcoming', 'take-over', 'give-back'] as const) {
      expect(start(generation, stores).accessInterval(lifetime)).toBe(interval)
    }
  },
)

test('a session that has moved goes back after two seconds, not before', async () => {
  const stores = openMemory()
  const id = await startSession(start('in place', stores), { user: 'ada' })
  const back = start('give-back', stores)
  await read(start('take-over', stores), id)
  turn(1.8)
  await read(back, id)
  expect(Object.keys(stores.kept)).toEqual([])
  turn(0.3)
  expect(await read(back, id)).toEqual({ user: 'ada' })
  expect(Object.keys(stores.kept)).toEqual([id])
})

test('a session without maxAge that was not used for its ttl is over in either place', async () => {
  const stores = openMemory()
  const mover = start('take-over', stores, { ttl: 100 })
  const id = newId()
  await mover.create(id, newSession({ user: 'ada' }, new Cookie({ path: '/' })), false)
  turn(90)
  expect(await read(mover, id)).toEqual({ user: 'ada' })
  turn(20)
  expect(await read(mover, id)).toBeUndefined()
})

test('a record that is no session is neither moved nor removed', async () => {
  const stores = openMemory()
  const id = newId()
  stores.kept[id] = '{"user":"ada"}'
  expect(await read(start('take-over', stores), id)).toBeUndefined()
  expect([stores.kept[id], stores.own.size]).toEqual(['{"user":"ada"}', 0])
})

describe('while a process moves a session', () => {
  /** What express-session, or a process of the stage before, does between the claim and the removal. */
  async function moved(stores: Memory, id: string, act: () => unknown, options = {}): Promise<Records> {
    after(stores.own, 'claim', act)
    const mover = start('take-over', stores, options)
    expect(await mover.load(id)).toBeDefined()
    return mover
  }
  const asExpressSession = (stores: Memory, id: string, edit: (record: any) => void) => {
    const record = JSON.parse(stores.kept[id]!)
    edit(record)
    stores.kept[id] = JSON.stringify(record)
  }

  test('what express-session changes and removes is applied, and nothing else', async () => {
    const stores = openMemory()
    const id = await startSession(start('in place', stores), { first: 1, second: 1, third: 1 })
    const longer = newCookie(3_600_000)
    const mover = await moved(stores, id, async () => {
      asExpressSession(stores, id, (record) => {
        record.second = 2
        delete record.third
      })
      const beside = start('take-over', { old: otherOld(stores), own: stores.own })
      await beside.update(id, change({ first: 2 }, [], longer))
    })
    // All that it left in the old place is removed at once.
    expect(Object.keys(stores.kept)).toEqual([])
    expect(await read(mover, id)).toEqual({ first: 2, second: 2 })
    expect((await mover.load(id))?.cookie.originalMaxAge).toBe(3_600_000)
  })

  test('a cookie that express-session changes is applied, also as the end of a session of a user', async () => {
    const stores = openMemory()
    const id = await startSession(start('in place', stores), { user: 'ada' })
    const remember = () =>
      asExpressSession(stores, id, (record) => {
        record.cookie = newCookie(3_600_000)
      })
    const mover = await moved(stores, id, remember, { subject })
    expect((await mover.load(id))?.cookie.originalMaxAge).toBe(3_600_000)
    turn(3000)
    expect(await read(mover, id)).toEqual({ user: 'ada' })
  })

  test('the user that express-session signs in is the one that the session is listed for', async () => {
    const stores = openMemory()
    const { users } = new SessionManager({ store: stores.own })
    const id = await startSession(start('in place', stores), { user: 'eve' })
    await moved(stores, id, () => asExpressSession(stores, id, (record) => (record.user = 'bob')), { subject })
    expect([(await users.readAll('eve')).size, (await users.readAll('bob')).size]).toEqual([0, 1])
  })

  test('a session that was given back after express-session wrote to it stays', async () => {
    const stores = openMemory()
    const id = await startSession(start('in place', stores), { user: 'ada' })
    const back = start('give-back', { old: otherOld(stores), own: stores.own })
    const { get } = stores.old
    let reads = 0
    // The second read of the mover is the comparison: express-session has written before, and it is given back after.
    jest.spyOn(stores.old, 'get').mockImplementation((sid, callback) => {
      if (++reads !== 2) {
        get.call(stores.old, sid, callback)
        return
      }
      asExpressSession(stores, id, (record) => (record.late = 1))
      get.call(stores.old, sid, (error, found) => {
        turn(5)
        const uses = async () => {
          await back.load(id)
          turn(5)
          await back.load(id)
        }
        uses().then(() => callback(error, found), callback)
      })
    })
    await start('take-over', stores).load(id)
    expect(await read(start('take-over', { old: otherOld(stores), own: stores.own }), id)).toMatchObject({
      user: 'ada',
    })
  })

  test('a session that express-session ends is not served when its end cannot be stored', async () => {
    const stores = openMemory()
    const id = await startSession(start('in place', stores), { user: 'ada' })
    after(stores.own, 'claim', () => {
      stores.old.destroy(id)
      jest.spyOn(stores.own, 'insert').mockRejectedValue(new Error('away') as never)
    })
    await expect(start('take-over', stores).load(id)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })
})

describe('a session of a user', () => {
  /** A process that moves the session is killed after its claim. */
  async function arriving(stores: Memory, values: object, options: object): Promise<string> {
    const id = await startSession(start('in place', stores), { ...values })
    after(stores.own, 'claim', () => Promise.reject(new Error('killed')))
    await expect(start('take-over', stores, options).load(id, { ip: '192.0.2.1' } as never)).rejects.toThrow()
    jest.restoreAllMocks()
    const { now } = Date
    jest.spyOn(Date, 'now').mockImplementation(() => now() + turned)
    turn(5)
    return id
  }
  const options = { subject, context: (req: any) => ({ ip: req.ip }) }

  test('is listed as signed in from where the first request came, also when another process ends the move', async () => {
    const stores = openMemory()
    const id = await arriving(stores, { user: 'ada' }, options)
    await start('take-over', stores, options).load(id, { ip: '203.0.113.9' } as never)
    const { users } = new SessionManager({ store: stores.own })
    expect([...(await users.readAll('ada')).values()]).toEqual([expect.objectContaining({ ip: '192.0.2.1' })])
  })

  test('has its absolute end from the claim on, however late the move ends', async () => {
    const stores = openMemory()
    const limited = { subject, sessionTtl: 100 }
    const id = await arriving(stores, { user: 'ada' }, limited)
    const mover = start('take-over', stores, limited)
    turn(50)
    expect(await read(mover, id)).toEqual({ user: 'ada' })
    turn(50)
    expect(await read(mover, id)).toBeUndefined()
  })

  test('is not listed before its old record is removed, so that an end by the list is for good', async () => {
    const { users, stores } = (() => {
      const opened = openMemory()
      return { stores: opened, users: new SessionManager({ store: opened.own }).users }
    })()
    const id = await arriving(stores, { user: 'ada' }, options)
    jest.spyOn(stores.old, 'destroy').mockImplementation(((_id: string, done: (error: Error) => void) => {
      done(new Error('killed'))
    }) as never)
    await expect(start('take-over', stores, { subject }).load(id)).rejects.toThrow()
    expect(await users.deleteAll('ada')).toBe(0)
    jest.restoreAllMocks()
  })

  test('is not listed while express-session writes to its old record, so that an end by the list is for good', async () => {
    const stores = openMemory()
    const { users } = new SessionManager({ store: stores.own })
    const id = await arriving(stores, { user: 'ada' }, options)
    after(stores.own, 'change', () => {
      stores.kept[id] = JSON.stringify({ ...JSON.parse(stores.kept[id]!), late: 1 })
    })
    const mover = start('take-over', stores, { subject })
    expect(await read(mover, id)).toEqual({ user: 'ada' })
    const count = await users.deleteAll('ada')
    expect(await read(mover, id)).toEqual(count === 1 ? undefined : { user: 'ada' })
  })

  test('is its new user’s when the move ends late', async () => {
    const stores = openMemory()
    const { users } = new SessionManager({ store: stores.own })
    const id = await arriving(stores, {}, options)
    const beside = start('upcoming', { old: otherOld(stores), own: stores.own }, { subject })
    // Just after the old record was removed, and before the move ends.
    const destroy = stores.old.destroy.bind(stores.old)
    const newOwner = { subject: 'bob', req: undefined }
    jest.spyOn(stores.old, 'destroy').mockImplementationOnce(((sid: string, done: () => void) => {
      destroy(
        sid,
        () => void Promise.resolve(beside.update(id, { ...change({ user: 'bob' }), newOwner })).then(() => done()),
      )
    }) as never)
    await start('take-over', stores, { subject }).load(id)
    expect((await users.readAll('bob')).size).toBe(1)
  })

  test('is not listed again, nor kept longer, when it ends before the move does', async () => {
    const { client } = redis
    const old = new ours.MemoryStore()
    const own = new RedisStore({ client })
    const { users } = new SessionManager({ store: own })
    const id = await startSession(start('in place', { old, own }), { user: 'ada' })
    const beside = start('upcoming', { old: Object.assign(new ours.MemoryStore(), old), own }, { takeoverWindow: 50 })
    const destroy = old.destroy.bind(old)
    jest.spyOn(old, 'destroy').mockImplementationOnce(((sid: string, done: () => void) => {
      destroy(sid, () => void Promise.resolve(beside.end(id)).then(done))
    }) as never)
    expect(await read(start('take-over', { old, own }, { subject, takeoverWindow: 50 }), id)).toBeUndefined()
    expect((await users.readAll('ada')).size).toBe(0)
    for (const key of await client.keys('*')) {
      if ((await client.type(key)) === 'hash') expect(await client.ttl(key)).toBeLessThanOrEqual(50)
    }
  })

  test('costs one store call to read once it has moved, and its record ends with it', async () => {
    const { client } = redis
    const stores = { old: new ours.MemoryStore(), own: new RedisStore({ client }) }
    const id = await startSession(start('in place', stores), { user: 'ada' })
    const mover = start('take-over', stores, { subject })
    await mover.load(id)
    turn(5)
    const calls: string[] = []
    for (const name of ['load', 'change', 'insert', 'claim', 'delete'] as const) {
      const call = stores.own[name].bind(stores.own) as (...args: unknown[]) => unknown
      jest.spyOn(stores.own, name).mockImplementation(((...args: unknown[]) => {
        calls.push(name)
        return call(...args)
      }) as never)
    }
    const get = jest.spyOn(stores.old, 'get')
    expect(await read(mover, id)).toEqual({ user: 'ada' })
    expect([calls, get.mock.calls.length]).toEqual([['load'], 0])
    for (const key of await client.keys('*')) {
      if ((await client.type(key)) === 'hash') expect(await client.ttl(key)).toBeLessThanOrEqual(700)
    }
  })
})
