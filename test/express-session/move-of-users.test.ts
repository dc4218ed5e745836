import { SessionManager } from '../../lib'
import ours from '../../lib/express-session'
import { RedisStore } from '../../lib/redis'
import { after, change, type Memory, openMemory, otherOld, start, subject } from '../support/move-memory'
import { read, startSession } from '../support/move-run'
import { turnMachineClock } from '../support/turned-clock'
import { withRedis } from '../support/with-redis'

/* Whose a session is while it moves: in which lists it is, and when. */

const redis = withRedis()
let turn: (seconds: number) => void
beforeEach(() => {
  turn = turnMachineClock()
})
afterEach(() => jest.restoreAllMocks())

describe('a session of a user', () => {
  /** A process that moves the session is killed after its claim. */
  async function arriving(stores: Memory, values: object, options: object): Promise<string> {
    const id = await startSession(start('in place', stores), { ...values })
    after(stores.own, 'claim', () => Promise.reject(new Error('killed')))
    await expect(start('take-over', stores, options).load(id, { ip: '192.0.2.1' } as never)).rejects.toThrow()
    jest.restoreAllMocks()
    turn = turnMachineClock()
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
