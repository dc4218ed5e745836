import { SessionManager } from '../../lib'
import ours from '../../lib/express-session'
import { deriveKeys } from '../../lib/express-session/hashed-records'
import { RedisStore } from '../../lib/redis'
import { after, change, newSession, openMemory, otherOld, start, subject } from '../support/move-memory'
import { newId, read, startSession } from '../support/move-run'
import { withRedis } from '../support/with-redis'
import { turnMachineClock } from '../support/turned-clock'

/* The end of a session while sessions move, and a session that never comes to rest. */

const redis = withRedis()
afterEach(() => jest.restoreAllMocks())

describe('an end', () => {
  test('that is interrupted after its first step leaves no listed session', async () => {
    const stores = openMemory()
    const { users } = new SessionManager({ store: stores.own })
    const mover = start('take-over', stores, { subject })
    const id = newId()
    const ada = { subject: 'ada', req: undefined }
    await mover.create(id, { ...newSession({ user: 'ada' }), owner: ada }, false)
    expect((await users.readAll('ada')).size).toBe(1)
    jest.spyOn(stores.own, 'insert').mockRejectedValueOnce(new Error('killed') as never)
    await expect(mover.end(id)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect((await users.readAll('ada')).size).toBe(0)
    expect(await read(mover, id)).toBeUndefined()
  })

  test('that is interrupted while the session is about to go back holds', async () => {
    const stores = openMemory()
    const id = await startSession(start('take-over', stores), { user: 'ada' })
    turnMachineClock()(5)
    after(stores.own, 'load', async () => {
      jest.spyOn(stores.own, 'insert').mockRejectedValueOnce(new Error('killed') as never)
      await expect(start('upcoming', { old: otherOld(stores), own: stores.own }).end(id)).rejects.toThrow()
    })
    expect(await read(start('give-back', stores), id)).toBeUndefined()
    expect(stores.kept).toEqual({})
  })

  test.each(['upcoming', 'take-over', 'give-back'] as const)(
    'is complete when %s has found that another process left its old record',
    async (generation) => {
      const stores = openMemory()
      const id = await startSession(start('in place', stores), { user: 'ada' })
      const destroy = stores.old.destroy.bind(stores.old)
      jest.spyOn(stores.old, 'destroy').mockImplementationOnce(((_id: string, done: (error: Error) => void) => {
        done(new Error('killed'))
      }) as never)
      await expect(start(generation, stores).end(id)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
      jest.spyOn(stores.old, 'destroy').mockImplementationOnce((sid: string, done) => {
        setImmediate(destroy, sid, done)
      })
      expect(await start(generation, stores).load(id)).toBeUndefined()
      expect(stores.kept).toEqual({})
    },
  )

  test('whose first step fails is reported as failed', async () => {
    const stores = openMemory()
    const mover = start('take-over', stores)
    const id = await startSession(mover, { user: 'ada' })
    jest.spyOn(stores.own, 'change').mockRejectedValueOnce(new Error('away') as never)
    await expect(mover.end(id)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })

  test('is published to what follows the session', async () => {
    const [own, other] = [redis.client, await redis.server.connect()].map((client) => new RedisStore({ client }))
    const mover = start('take-over', { old: new ours.MemoryStore(), own: own! })
    const id = await startSession(mover, { user: 'ada' })
    const [handle = ''] = (await redis.client.keys('*')).map((key) => key.split(':').at(-1) ?? '')
    let onPublished: () => void = () => undefined
    const published = new Promise<void>((resolve) => (onPublished = resolve))
    const stop = await Promise.resolve(
      other!.subscribe((one) => {
        if (one === handle) onPublished()
      }),
    )
    await other!.watch(handle, Date.now() / 1000, Date.now() / 1000 + 60)
    await mover.end(id)
    await expect(published).resolves.toBeUndefined()
    stop()
  })

  test('that was carried out although it was reported as failed stays', async () => {
    const stores = openMemory()
    const id = await startSession(start('in place', stores), { user: 'ada' })
    const upcoming = start('upcoming', stores, { storeTimeout: 0.05 })
    const insert = stores.own.insert.bind(stores.own)
    let replied: Promise<unknown> = Promise.resolve()
    jest.spyOn(stores.own, 'insert').mockImplementationOnce((...args: Parameters<typeof insert>) => {
      insert(...args)
      replied = new Promise((resolve) => setTimeout(resolve, 150))
      return replied as never
    })
    await expect(upcoming.end(id)).rejects.toMatchObject({ code: 'STORE_TIMEOUT' })
    await replied
    await new Promise((resolve) => setImmediate(resolve))
    expect(await read(start('upcoming', stores), id)).toBeUndefined()
  })
})

describe('a session that other processes move at each try', () => {
  test('is an error when it is read, not an absent one', async () => {
    const stores = openMemory()
    const id = await startSession(start('in place', stores), { user: 'ada' })
    jest.spyOn(stores.own, 'claim').mockReturnValue(false)
    await expect(start('take-over', stores).load(id)).rejects.toThrow(/moved by other processes at each try/)
  })

  test('is an error when it is written, not an absent one', async () => {
    const stores = openMemory()
    const id = await startSession(start('in place', stores), { user: 'ada' })
    jest.spyOn(stores.old, 'set').mockImplementation(((_id: string, _data: object, done: () => void) => {
      done()
    }) as never)
    const upcoming = start('upcoming', stores)
    const load = stores.own.load.bind(stores.own)
    let loads = 0
    // Absent for the search, there after the write.
    const moved = newId()
    await startSession(start('take-over', stores))
    const mover = start('take-over', { old: new ours.MemoryStore(), own: stores.own })
    await mover.create(moved, newSession(), false)
    const { handle } = deriveKeys(moved)
    jest
      .spyOn(stores.own, 'load')
      .mockImplementation((_handle, now) => (++loads % 2 === 1 ? undefined : load(handle, now)))
    await expect(upcoming.update(id, change({ late: 1 }))).rejects.toThrow(/moved by other processes at each try/)
  })
})
