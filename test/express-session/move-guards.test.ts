import { SessionManager } from '../../lib'
import { Cookie } from '../../lib/express-session/cookie'
import type { Records } from '../../lib/express-session/records'
import { after, change, type Memory, newSession, openMemory, otherOld, start, subject } from '../support/move-memory'
import { newCookie, newId, read, startSession } from '../support/move-run'
import { turnMachineClock } from '../support/turned-clock'

/* What each step of a move depends on, one by one: what happens between two of them, or does not. */

let turn: (seconds: number) => void
beforeEach(() => {
  turn = turnMachineClock()
})
afterEach(() => jest.restoreAllMocks())

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
    const old = otherOld(stores)
    const get = old.get.bind(old)
    let reads = 0
    jest.spyOn(old, 'get').mockImplementation((sid, callback) => {
      get(sid, (error, found) => {
        // The last read of the search has found nothing.
        if (++reads !== 2) callback(error, found)
        else {
          const made = start('upcoming', stores).create(id, newSession({ user: 'ada' }), true)
          Promise.resolve(made).then(() => callback(error, found), callback)
        }
      })
    })
    const late = start('upcoming', { old, own: stores.own })
    await expect(late.create(id, newSession({ user: 'eve' }), true)).rejects.toThrow(/genid/)
    expect(await read(start('in place', stores), id)).toEqual({ user: 'ada' })
  })

  test.each(['upcoming', 'take-over', 'give-back'] as const)(
    'is looked for by %s only when the app made it: a new session is read from neither place',
    async (generation) => {
      const stores = openMemory()
      const reads = [jest.spyOn(stores.own, 'load'), jest.spyOn(stores.old, 'get')]
      await startSession(start(generation, stores), { user: 'ada' })
      for (const read of reads) expect(read).not.toHaveBeenCalled()
    },
  )
})

describe('a session that goes back', () => {
  test('does so with its own values when express-session writes late to its old record', async () => {
    const stores = openMemory()
    const id = await startSession(start('in place', stores), { user: 'ada' })
    const stale = stores.kept[id]!
    const mover = start('take-over', stores)
    await mover.update(id, change({ cart: 'book' }))
    turn(5)
    // The search, the search for the closed record, and the read before it becomes the old one.
    after(stores.own, 'load', () => (stores.kept[id] = stale), 3)
    expect(await read(start('give-back', { old: otherOld(stores), own: stores.own }), id)).toEqual({
      user: 'ada',
      cart: 'book',
    })
  })

  test.each([1, 2, 3, 4])(
    'after search %i of a process that wrote to its old record stays, with the write',
    async (search) => {
      const stores = openMemory()
      const id = await startSession(start('in place', stores), { user: 'ada' })
      const process = { old: otherOld(stores) }
      // Its calls alone are counted.
      const loads = { of: 0 }
      const own = new Proxy(stores.own, {
        get(target, key) {
          const value = Reflect.get(target, key) as unknown
          if (typeof value !== 'function') return value
          return async (...args: unknown[]) => {
            const result = (await Reflect.apply(value, target, args)) as unknown
            if (key === 'load' && ++loads.of === search) {
              turn(5)
              await start('give-back', { old: otherOld(stores), own: stores.own }).load(id)
            }
            return result
          }
        },
      })
      const set = process.old.set.bind(process.old)
      jest.spyOn(process.old, 'set').mockImplementationOnce((...given: Parameters<typeof set>) => {
        const moved = start('take-over', { old: otherOld(stores), own: stores.own }).load(id)
        Promise.resolve(moved).then(
          () => set(...given),
          () => undefined,
        )
      })
      expect(await start('upcoming', { old: process.old, own }).update(id, change({ late: 1 }))).toBe(true)
      expect(await read(start('upcoming', stores), id)).toEqual({ user: 'ada', late: 1 })
    },
  )
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
  for (const text of ['{"user":"ada"}', '{"cookie":5,"user":"ada"}']) {
    const id = newId()
    stores.kept[id] = text
    expect(await read(start('take-over', stores), id)).toBeUndefined()
    expect([stores.kept[id], stores.own.size]).toEqual([text, 0])
  }
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
