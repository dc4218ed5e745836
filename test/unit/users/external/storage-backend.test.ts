import { UserSessionManager, type UserSessionManagerOptions } from '../../../../lib/index'
import { MapStorage } from '../../../support/map-storage'
import { codeOf, turnedClock, type TurnedClock } from '../../../support/turned-clock'

const phone = { ip: '10.0.0.1', device: { name: 'Pixel', type: 'phone' } }
const timeouts = { renewal: 100, oldSessionAvailabilityAfterRenewal: 10 }
let clock: TurnedClock
let storage: MapStorage
let hookCalls: [what: string, ...unknown[]][]

const renewSessionHooks = {
  onRenewMadeAlreadyFromCurrentProcess: (name: string) => void hookCalls.push(['current', name]),
  onRenewMadeAlreadyFromAnotherProcess: (name: string) => void hookCalls.push(['another', name]),
  onOldSessionDeleteFailure: (name: string, error: unknown) =>
    void hookCalls.push(['failure', name, (error as { code: string }).code]),
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] })
  clock = turnedClock()
  storage = new MapStorage({ clock })
  hookCalls = []
})

afterEach(() => jest.useRealTimers())

const usersOver = (over: MapStorage, options: Partial<UserSessionManagerOptions> = {}) =>
  new UserSessionManager({ storage: over, sessionTtl: 1000, clock, timeouts, renewSessionHooks, ...options })

/** Turns the clock and the timers. */
async function pass(seconds: number): Promise<void> {
  clock.now += seconds
  await jest.advanceTimersByTimeAsync(seconds * 1000)
}

async function renewed(users: UserSessionManager, id: string): Promise<string> {
  const [, next] = await users.read('ann', id, phone)
  if (next === null) throw new Error('not renewed')
  return next
}

/** Lets the first call of a method in `action` wait for `meanwhile`. */
async function during<T>(method: string, action: () => Promise<T>, meanwhile: () => unknown): Promise<T> {
  let done = false
  storage.before = (name) => {
    if (name !== method || done) return undefined
    done = true
    return meanwhile()
  }
  try {
    return await action()
  } finally {
    storage.before = () => undefined
  }
}

describe('what the storage is asked', () => {
  test('insert: subject, id, metaData in whole seconds, ttl in whole seconds', async () => {
    clock.now += 0.9
    const users = usersOver(storage)
    const id = await users.create('ann', { ...phone, location: { city: 'Iași' } }, 20.5)
    const createdAt = Math.floor(clock.now)
    const metaData = {
      ...phone,
      location: { city: 'Iași' },
      createdAt,
      accessedAt: createdAt,
      expiresAt: createdAt + 21,
    }
    expect(storage.calls).toEqual([['insert', 'ann', id, metaData, 21]])
  })

  test('a read is a read and, when due, an update of nothing but accessedAt', async () => {
    const users = usersOver(storage, { timeouts: { idle: 100 } })
    const id = await users.create('ann', phone)
    await users.read('ann', id, phone)
    clock.now += 5.5
    await users.read('ann', id, phone)
    expect(storage.calls.slice(1).map(([method]) => method)).toEqual(['read', 'read', 'updateAccessedAt'])
    const born = Math.floor(clock.now) - 5
    expect(storage.calls.at(-1)).toEqual([
      'updateAccessedAt',
      'ann',
      id,
      { ...phone, createdAt: born, accessedAt: born + 5, expiresAt: born + 1000 },
    ])
  })

  test('50 reads in parallel record the access once', async () => {
    const users = usersOver(storage, { timeouts: { idle: 100 } })
    const id = await users.create('ann', phone)
    clock.now += 5
    await Promise.all(Array.from({ length: 50 }, () => users.read('ann', id, phone)))
    expect(storage.count('updateAccessedAt')).toBe(1)
  })

  test.each([
    ['an object', {}],
    ['an array', []],
    ['a number', 3],
    ['text', '[]'],
  ])('a readAll that gives %s is refused, and does not count as an empty list', async (_kind, given) => {
    const users = usersOver(Object.assign(storage, { readAll: () => Promise.resolve(given) as never }))
    const refused = { code: 'STORE_UNSUPPORTED', message: expect.stringContaining('readAll') }
    await expect(users.readAll('ann')).rejects.toMatchObject(refused)
    await expect(users.deleteAll('ann')).rejects.toMatchObject(refused)
    expect(storage.count('deleteAll')).toBe(0)
  })

  test.each([null, undefined])('a readAll that gives %p means that there are no sessions', async (given) => {
    const users = usersOver(Object.assign(storage, { readAll: () => Promise.resolve(given) as never }))
    expect((await users.readAll('ann')).size).toBe(0)
  })

  test('ids that could mean something to a storage never get there', async () => {
    const users = usersOver(storage)
    for (const id of ['', 'a:b', 'a b', "' OR 1=1 --", '../x', 'ä', 'a\n', 'x'.repeat(401)]) {
      expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
      await users.delete('ann', id)
    }
    expect(storage.calls).toEqual([])
  })

  test('ids that the app made before are taken', async () => {
    const users = usersOver(storage)
    await storage.insert(
      'ann',
      'old-id_1',
      { ip: '', createdAt: clock.now, accessedAt: clock.now, expiresAt: clock.now + 50 },
      50,
    )
    expect((await users.read('ann', 'old-id_1', phone))[0].expiresAt).toBe(clock.now + 50)
  })

  test('deleteAll with an exception reads the list once, and ends and does not count what is not listed', async () => {
    const users = usersOver(storage)
    const [kept, left, old] = [
      await users.create('ann', phone),
      await users.create('ann', phone),
      await users.create('ann', phone),
    ]
    await pass(100)
    await renewed(users, old)
    const before = storage.count('readAll')
    expect(await users.deleteAll('ann', { except: kept })).toBe(2)
    expect(storage.count('readAll') - before).toBe(1)
    expect([...(storage.rows.get('ann')?.keys() ?? [])]).toEqual([kept])
    expect(await codeOf(users.read('ann', left, phone))).toBe('USER_SESSION_NOT_FOUND')
    expect(await codeOf(users.read('ann', old, phone))).toBe('USER_SESSION_NOT_FOUND')
  })

  test('deleteAll counts the sessions itself when the storage does not', async () => {
    storage = new MapStorage({ counts: false })
    const users = usersOver(storage)
    for (let i = 0; i < 3; i++) await users.create('ann', phone)
    expect(await users.deleteAll('ann')).toBe(3)
    expect(await users.deleteAll('ann')).toBe(0)
  })

  test('updateAll rejects with STORE_UNSUPPORTED', async () => {
    await expect(usersOver(storage).updateAll('ann', { role: 'editor' })).rejects.toMatchObject({
      code: 'STORE_UNSUPPORTED',
    })
  })
})

describe('the results of the storage', () => {
  test('nothing is shared with it', async () => {
    const users = usersOver(new MapStorage({ sync: true }))
    const context = structuredClone(phone)
    const id = await users.create('ann', context)
    context.device.name = 'changed'
    const [metaData] = await users.read('ann', id, phone)
    ;(metaData.device as { name: string }).name = 'changed'
    metaData.expiresAt = 0
    expect((await users.read('ann', id, phone))[0]).toMatchObject({ ...phone, expiresAt: clock.now + 1000 })
  })

  test('instants may come as a database driver gives them', async () => {
    const users = usersOver(storage)
    const id = await users.create('ann', phone)
    const row = storage.rows.get('ann')?.get(id)
    if (row === undefined) throw new Error('no row')
    const { createdAt, accessedAt, expiresAt } = row.metaData
    row.metaData = {
      ...phone,
      createdAt: String(createdAt),
      accessedAt: BigInt(accessedAt),
      expiresAt: String(expiresAt),
    } as never
    expect((await users.read('ann', id, phone))[0]).toEqual({ ...phone, createdAt, accessedAt, expiresAt })
  })

  test.each([
    undefined,
    null,
    false,
    '',
    {},
    [],
    Object.prototype,
    { ip: '', createdAt: 1, accessedAt: 1 },
    { createdAt: 'x', accessedAt: 1, expiresAt: 9e9 },
  ])('garbage %# is no session', async (garbage) => {
    const users = usersOver(
      Object.assign(storage, { read: () => garbage, readAll: () => new Map([['a', garbage]]) }) as MapStorage,
    )
    expect(await codeOf(users.read('ann', 'abc', phone))).toBe('USER_SESSION_NOT_FOUND')
    expect((await users.readAll('ann')).size).toBe(0)
  })

  test('a failure, thrown or rejected, has a code and its cause; what hangs is cut', async () => {
    const users = usersOver(storage, { storeTimeout: 2 })
    const cause = new Error('away')
    for (const fail of [
      () => Promise.reject(cause),
      () => {
        throw cause
      },
    ]) {
      storage.before = fail
      const calls = [
        users.create('ann', phone),
        users.read('ann', 'abc', phone),
        users.readAll('ann'),
        users.renew('ann', 'abc', {} as never, phone),
        users.delete('ann', 'abc'),
        users.deleteAll('ann'),
        users.deleteAll('ann', { except: 'abc' }),
      ]
      for (const call of calls) {
        await expect(call).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503, cause })
      }
    }
    storage.before = () => new Promise(() => undefined)
    const hanging = codeOf(users.read('ann', 'abc', phone))
    await jest.advanceTimersByTimeAsync(1999)
    expect(await Promise.race([hanging, Promise.resolve('waiting')])).toBe('waiting')
    await jest.advanceTimersByTimeAsync(1)
    expect(await hanging).toBe('STORE_TIMEOUT')
  })
})

describe('renewal', () => {
  test('a second session with the remaining lifetime, and a mark on the first that says until when it works', async () => {
    const users = usersOver(storage)
    const id = await users.create('ann', phone)
    const born = clock.now
    await pass(100.5)
    const next = await renewed(users, id)
    expect(storage.calls.slice(1)).toEqual([
      ['read', 'ann', id],
      ['insert', 'ann', next, { ...phone, createdAt: born + 100, accessedAt: born + 100, expiresAt: born + 1000 }, 900],
      ['updateAccessedAt', 'ann', id, { ...phone, createdAt: born, accessedAt: -(born + 111), expiresAt: born + 111 }],
      ['read', 'ann', id],
    ])
  })

  test('the first session is deleted after the overlap, once, by a timer that keeps no process alive', async () => {
    const users = usersOver(storage)
    const id = await users.create('ann', phone)
    await pass(100)
    const next = await renewed(users, id)
    await pass(9.9)
    expect((await users.read('ann', id, phone))[1]).toBeNull()
    expect(storage.count('delete')).toBe(0)
    await pass(0.1)
    expect(storage.count('delete')).toBe(1)
    expect([...storage.kept('ann').keys()]).toEqual([next])
    await pass(1000)
    expect(storage.count('delete')).toBe(1)
    jest.useRealTimers()
    const set = jest.spyOn(globalThis, 'setTimeout')
    const real = usersOver(new MapStorage({ sync: true }), {
      timeouts: { renewal: 100, oldSessionAvailabilityAfterRenewal: 100 },
    })
    await real.renew('ann', await real.create('ann', phone), {} as never, phone)
    expect(set.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false])
    set.mockRestore()
  })

  test('deleted before its time it is not deleted again', async () => {
    const users = usersOver(storage)
    const id = await users.create('ann', phone)
    await pass(100)
    const next = await renewed(users, id)
    await users.delete('ann', id)
    await pass(20)
    expect(storage.count('delete')).toBe(1)
    await users.read('ann', next, phone)
  })

  test.each(['id', 'hash'])('to delete the second session, by its %s, ends the first too', async (how) => {
    const users = usersOver(storage)
    const id = await users.create('ann', phone)
    await pass(100)
    const next = await renewed(users, id)
    await users.delete('bob', next)
    expect(storage.kept('ann').has(id)).toBe(true)
    await users.delete('ann', how === 'id' ? next : UserSessionManager.hash(next))
    expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
    expect(storage.kept('ann').has(id)).toBe(false)
  })

  test('neither session is deleted once more after deleteAll', async () => {
    const users = usersOver(storage)
    const id = await users.create('ann', phone)
    await pass(100)
    await renewed(users, id)
    await users.deleteAll('ann')
    await pass(20)
    expect(storage.count('delete')).toBe(0)
  })

  test('an early deletion that failed is made up for at its time', async () => {
    const users = usersOver(storage)
    const id = await users.create('ann', phone)
    await pass(100)
    await renewed(users, id)
    storage.before = (method) => (method === 'delete' ? Promise.reject(new Error('away')) : undefined)
    expect(await codeOf(users.delete('ann', id))).toBe('STORE_UNAVAILABLE')
    storage.before = () => undefined
    await pass(10)
    expect(storage.kept('ann').has(id)).toBe(false)
  })

  test('an old session that cannot be deleted is reported, and its id is invalid all the same', async () => {
    const users = usersOver(storage)
    const id = await users.create('ann', phone)
    await pass(100)
    await renewed(users, id)
    storage.before = (method) => (method === 'delete' ? Promise.reject(new Error('away')) : undefined)
    await pass(10)
    expect(hookCalls).toEqual([['failure', UserSessionManager.hash(id), 'STORE_UNAVAILABLE']])
    expect(storage.kept('ann').has(id)).toBe(true)
    expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
    expect((await users.readAll('ann')).size).toBe(1)
    storage.before = () => undefined
    expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
    expect(storage.kept('ann').has(id)).toBe(false)
  })

  test('the old id is invalid while its deletion is under way', async () => {
    const users = usersOver(storage)
    const id = await users.create('ann', phone)
    await pass(100.5)
    await renewed(users, id)
    storage.before = (method) => (method === 'delete' ? new Promise(() => undefined) : undefined)
    await pass(10)
    expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
  })

  test('the process that renewed dies: others keep to the overlap, and clean up', async () => {
    const dying = usersOver(storage)
    const id = await dying.create('ann', phone)
    clock.now += 100
    const next = await renewed(dying, id)
    jest.clearAllTimers()
    const elsewhere = new MapStorage({ clock }, storage.rows)
    const other = usersOver(elsewhere)
    clock.now += 9
    const [metaData, again] = await other.read('ann', id, phone)
    expect(again).toBeNull()
    expect(metaData).toMatchObject({ accessedAt: clock.now, expiresAt: clock.now + 1 })
    expect(await other.renew('ann', id, metaData, phone)).toBeNull()
    expect(hookCalls).toEqual(Array(2).fill(['another', UserSessionManager.hash(id)]))
    expect((await other.readAll('ann')).size).toBe(1)
    clock.now += 1
    expect(await codeOf(other.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
    expect([...storage.kept('ann').keys()]).toEqual([next])
  })

  test('two processes at the same instant, over a storage that decides: one new id, and none left over', async () => {
    const [one, two] = [new MapStorage({ clock, decides: true }), new MapStorage({ clock, decides: true })]
    Object.assign(two, { rows: one.rows })
    const [users, others] = [usersOver(one), usersOver(two)]
    const id = await users.create('ann', phone)
    clock.now += 100
    const reads = await Promise.all([users.read('ann', id, phone), others.read('ann', id, phone)])
    expect(reads.filter(([, next]) => next !== null)).toHaveLength(1)
    expect(hookCalls).toEqual([['another', UserSessionManager.hash(id)]])
    expect(one.kept('ann').size).toBe(2)
    expect((await users.readAll('ann')).size).toBe(1)
  })

  test('an overlap longer than any timer', async () => {
    const month = 31 * 86_400
    const options = {
      sessionTtl: 100 * 86_400,
      timeouts: { renewal: 32 * 86_400, oldSessionAvailabilityAfterRenewal: month },
    }
    const users = usersOver(storage, options)
    const id = await users.create('ann', phone)
    await users.renew('ann', id, {} as never, phone)
    await pass(month - 1)
    await users.read('ann', id, phone)
    expect(storage.count('delete')).toBe(0)
    await pass(1)
    expect(storage.count('delete')).toBe(1)
  })
})

describe('a renewal that another call, or a failure, interrupts', () => {
  let users: UserSessionManager
  let id: string
  beforeEach(async () => {
    users = usersOver(storage)
    id = await users.create('ann', phone)
    clock.now += 100
  })

  test.each(['insert', 'updateAccessedAt'])(
    'deleteAll, before %s: no session is left, and no id is given out',
    async (method) => {
      expect(
        await codeOf(
          during(
            method,
            () => users.read('ann', id, phone),
            () => users.deleteAll('ann'),
          ),
        ),
      ).toBe('USER_SESSION_NOT_FOUND')
      expect(storage.kept('ann').size).toBe(0)
      await pass(1000)
      expect(storage.kept('ann').size).toBe(0)
    },
  )

  test('a sign-out, before the new session is there', async () => {
    expect(
      await codeOf(
        during(
          'insert',
          () => users.read('ann', id, phone),
          () => users.delete('ann', id),
        ),
      ),
    ).toBe('USER_SESSION_NOT_FOUND')
    expect(storage.kept('ann').size).toBe(0)
  })

  test.each(['insert', 'updateAccessedAt'])(
    'a failure of %s: the user stays signed in with the old id, which the next read renews',
    async (method) => {
      storage.before = (name) => (name === method ? Promise.reject(new Error('away')) : undefined)
      expect(await codeOf(users.read('ann', id, phone))).toBe('STORE_UNAVAILABLE')
      storage.before = () => undefined
      expect([...storage.kept('ann').keys()]).toEqual([id])
      const next = await renewed(users, id)
      expect([...storage.kept('ann').keys()]).toEqual([id, next])
    },
  )

  test('a new session that cannot be withdrawn is reported', async () => {
    storage.before = (name) =>
      name === 'updateAccessedAt' || name === 'delete' ? Promise.reject(new Error('away')) : undefined
    expect(await codeOf(users.read('ann', id, phone))).toBe('STORE_UNAVAILABLE')
    expect(hookCalls).toEqual([['failure', expect.any(String), 'STORE_UNAVAILABLE']])
  })

  test('an access that had read the session before is not written over the mark', async () => {
    const slow = usersOver(storage, {
      timeouts: { ...timeouts, renewal: 200 },
      readUserSessionHook: async () => {
        await users.read('ann', id, phone)
      },
    })
    expect((await slow.read('ann', id, phone))[1]).toBeNull()
    expect(storage.kept('ann').size).toBe(2)
    expect(storage.kept('ann').get(id)?.accessedAt).toBeLessThan(0)
  })
})

test('a session that ends while its access is being recorded, over a storage that says so, is not there', async () => {
  storage = new MapStorage({ clock, decides: true })
  const users = usersOver(storage, { timeouts: { idle: 100 } })
  const id = await users.create('ann', phone)
  clock.now += 5
  expect(
    await codeOf(
      during(
        'updateAccessedAt',
        () => users.read('ann', id, phone),
        () => users.deleteAll('ann'),
      ),
    ),
  ).toBe('USER_SESSION_NOT_FOUND')
})
