import { SessionManager } from '../../lib'
import ours from '../../lib/express-session'
import { RedisStore } from '../../lib/redis'
import { type JsonRecords, jsonRecordsOf, offerJsonRecords } from '../../lib/stores/json-records'
import { MemoryStore } from '../../lib/stores/memory-store'
import { type Generation, type MoveStores, processOver, read, startSession, write } from '../support/move-run'
import { withRedis } from '../support/with-redis'
import { turnMachineClock } from '../support/turned-clock'

/*
 * A process that moves a session is killed at each of its store calls, before the call has its effect and after. Whatever it
 * leaves behind: what `deleteAll` says that it has ended, does not come back from the record of express-session.
 */

afterEach(() => jest.restoreAllMocks())

const redis = withRedis()
const pairs: { name: string; open: () => MoveStores }[] = [
  { name: 'session.MemoryStore to MemoryStore', open: () => ({ old: new ours.MemoryStore(), own: new MemoryStore() }) },
  {
    name: "RedisStore with layout: 'express-session' to RedisStore",
    open: () => ({
      old: new RedisStore({ client: redis.client, layout: 'express-session' }),
      own: new RedisStore({ client: redis.client }),
    }),
  },
]
const subject = (session: { user?: string }) => session.user
const start = (generation: Generation, stores: MoveStores) =>
  processOver(generation, stores, generation === 'in place' ? {} : { subject })

interface Kill {
  /** Which store call is the last one, counted from 1. */
  readonly step: number
  /** Whether that call has its effect. */
  readonly isDone: boolean
}

/** The stores of a process that is killed. */
function killed(stores: MoveStores, { step, isDone }: Kill): MoveStores {
  let calls = 0
  const wrap = (store: object): object =>
    new Proxy(store, {
      get(target, key) {
        const value = Reflect.get(target, key) as unknown
        if (typeof value !== 'function' || key === 'constructor' || key === 'on') return value
        return (...args: unknown[]) => {
          calls++
          if (calls > step || (calls === step && !isDone)) throw new Error('killed')
          const result = Reflect.apply(value, target, args) as unknown
          if (calls < step) return result
          return Promise.resolve(result).then(() => Promise.reject(new Error('killed')))
        }
      },
    })
  const records = jsonRecordsOf(stores.old)
  if (records === undefined) return { old: wrap(stores.old), own: wrap(stores.own) }
  const refuse = (): never => {
    throw new Error('records of our own are not kept here')
  }
  const old = { load: refuse, insert: refuse, change: refuse, delete: refuse }
  offerJsonRecords(old, wrap(records) as JsonRecords)
  return { old, own: wrap(stores.own) }
}

/** More calls than any move takes. */
const mostSteps = 12
const kills = Array.from({ length: mostSteps }, (_, n) =>
  [true, false].map((isDone) => ({ step: n + 1, isDone })),
).flat()

describe.each(pairs)('$name', ({ open }) => {
  test('deleteAll ends for good what it counts, wherever the move of the session was interrupted', async () => {
    const turn = turnMachineClock()
    const counts = new Set<number>()
    let interrupted = 0
    for (const kill of kills) {
      const stores = open()
      const { users } = new SessionManager({ store: stores.own as MemoryStore })
      const user = `ada${kill.step}${kill.isDone}`
      const id = await startSession(start('in place', stores), { user })
      const victim = killed(stores, kill)
      const outcome = await read(start('take-over', victim), id).catch(() => 'killed')
      if (outcome === 'killed') interrupted++
      const survivors = [start('take-over', stores), start('upcoming', stores)]

      const count = await users.deleteAll(user)
      counts.add(count)
      const expected = count === 1 ? undefined : { user }
      for (const survivor of survivors) {
        expect({ kill, found: await read(survivor, id) }).toEqual({ kill, found: expected })
      }
      turn(5)
      for (const survivor of survivors) {
        expect({ kill, found: await read(survivor, id) }).toEqual({ kill, found: expected })
      }
      // By now it has moved, and is listed.
      expect({ kill, count: count + (await users.deleteAll(user)) }).toEqual({ kill, count: 1 })
      for (const one of [...survivors, start('in place', stores)]) {
        expect({ kill, found: await read(one, id) }).toEqual({ kill, found: undefined })
      }
    }
    expect(counts).toEqual(new Set([0, 1]))
    expect(interrupted).toBeGreaterThan(8)
  })

  test.each(['take-over', 'upcoming'] as const)(
    'an interrupted move is finished before %s binds the session to another user',
    async (generation) => {
      const stores = open()
      const { users } = new SessionManager({ store: stores.own as MemoryStore })
      const id = await startSession(start('in place', stores), { user: 'eve' })
      // The search, the old record, the claim: then it is killed.
      const victim = killed(stores, { step: 3, isDone: true })
      await expect(read(start('take-over', victim), id)).rejects.toThrow()
      const survivor = start(generation, stores)
      const set = new Map([['user', { text: '"bob"', value: 'bob' }]])
      const stored = await survivor.load(id)
      expect(stored?.subject).toBe('eve')
      const newOwner = { subject: 'bob', req: undefined }
      const { cookie } = stored!
      expect(await survivor.update(id, { set, remove: [], cookie, cookieChanged: false, newOwner })).toBe(true)
      expect([(await users.readAll('eve')).size, await users.deleteAll('bob')]).toEqual([0, 1])
      expect(await read(start('take-over', stores), id)).toBeUndefined()
    },
  )

  test('a session whose move another process takes over is not ended by the one that claimed it', async () => {
    const turn = turnMachineClock()
    for (const kill of kills) {
      const stores = open()
      const id = await startSession(start('in place', stores), { user: 'ada' })
      const own = stores.own as MemoryStore
      const claim = own.claim.bind(own)
      const other = start('take-over', killed(stores, kill))
      jest.spyOn(own, 'claim').mockImplementationOnce((async (...given: Parameters<typeof claim>) => {
        const isClaimed = await Promise.resolve(claim(...given))
        // This process hangs for so long that another one takes the move over, and comes so far.
        turn(5)
        await read(other, id).catch(() => undefined)
        return isClaimed
      }) as never)
      expect({ kill, found: await read(start('take-over', stores), id) }).toEqual({ kill, found: { user: 'ada' } })
      turn(5)
      expect({ kill, found: await read(start('take-over', stores), id) }).toEqual({ kill, found: { user: 'ada' } })
      expect((await new SessionManager({ store: own }).users.readAll('ada')).size).toBe(1)
      await Promise.resolve(own.deleteAll('ada', Date.now() / 1000))
    }
  })
})

test('what a process of the stage before writes while the session moves leaves no old record', async () => {
  const [old, sameOld, own] = [new ours.MemoryStore(), new ours.MemoryStore(), new MemoryStore()]
  const kept = (old as unknown as { sessions: Record<string, string> }).sessions
  Object.assign(sameOld, { sessions: kept })
  const id = await startSession(start('in place', { old, own }), { user: 'ada' })
  const mover = start('take-over', { old: sameOld, own })
  const set = old.set.bind(old)
  jest.spyOn(old, 'set').mockImplementationOnce((...given: Parameters<typeof set>) => {
    read(mover, id).then(
      () => set(...given),
      () => undefined,
    )
  })
  expect(await write(start('upcoming', { old, own }), id, 'late', 1)).toBe(true)
  expect(Object.keys(kept)).toEqual([])
  expect(await read(mover, id)).toEqual({ user: 'ada', late: 1 })
})

test.each(['before', 'after'])(
  'a session that is given back just %s another process says that it finishes its move, stays',
  async (moment) => {
    // At one instant, so that the record that is made again is the same, byte by byte.
    let now = Date.now()
    jest.spyOn(Date, 'now').mockImplementation(() => now)
    const [old, own, otherOld] = [new ours.MemoryStore(), new MemoryStore(), new ours.MemoryStore()]
    const kept = (old as unknown as { sessions: Record<string, string> }).sessions
    Object.assign(otherOld, { sessions: kept })
    const stores = { old, own }
    const id = await startSession(start('in place', stores), { user: 'ada' })
    await expect(read(start('take-over', killed(stores, { step: 3, isDone: true })), id)).rejects.toThrow()
    now += 5000
    const back = start('give-back', { old: otherOld, own })
    const giveBack = async () => {
      // The first one finishes the move; the session is given back once it has been there for a while.
      await read(back, id)
      now += 5000
      await read(back, id)
      expect(Object.keys(kept)).toEqual([id])
    }
    const change = own.change.bind(own)
    jest.spyOn(own, 'change').mockImplementationOnce((async (...given: Parameters<typeof change>) => {
      if (moment === 'before') await giveBack()
      const result = change(...given)
      if (moment === 'after') {
        await giveBack()
        // express-session, or a process of ours, has written to it since.
        kept[id] = kept[id]!.replace('ada', 'eve')
      }
      return result
    }) as never)
    await read(start('take-over', stores), id)
    expect(await read(back, id)).toEqual({ user: moment === 'before' ? 'ada' : 'eve' })
  },
)
