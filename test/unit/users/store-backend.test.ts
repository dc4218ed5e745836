import { MemoryStore, SessionManager, UserSessionManager, type UserSessionManagerOptions } from '../../../lib/index'
import { ControlledStore, type StoreCall } from '../../support/controlled-store'
import { codeOf, turnedClock, type TurnedClock } from '../../support/turned-clock'

const phone = { ip: '10.0.0.1', device: { name: 'Pixel', type: 'phone' } }
const timeouts = { renewal: 100, oldSessionAvailabilityAfterRenewal: 10 }
let clock: TurnedClock
let kept: MemoryStore
/** What another process sees of `kept`: its calls can be held. */
let store: ControlledStore

beforeEach(() => {
  clock = turnedClock()
  kept = new MemoryStore({ clock })
  store = new ControlledStore(kept)
})

afterEach(() => kept.close())

const usersOver = (storage: UserSessionManagerOptions['storage'], options: Partial<UserSessionManagerOptions> = {}) =>
  new UserSessionManager({ storage, sessionTtl: 1000, clock, ...options })

/** Lets the call of a method in the middle of `action` wait, does `meanwhile`, and releases it. */
async function during<T>(method: StoreCall, action: () => Promise<T>, meanwhile: () => unknown): Promise<T> {
  const held = store.holdNext(method)
  const result = action()
  result.catch(() => undefined)
  const release = await held
  await meanwhile()
  release()
  return result
}

test('the sessions are those of the session manager: the same ids, the same values', async () => {
  const sessions = new SessionManager({ store: kept, clock })
  const users = usersOver(kept)
  const id = await users.create('ann', phone)
  const opened = await sessions.read(id)
  expect([opened.id, opened.subject, opened.handle]).toEqual([id, 'ann', id.slice(0, 16)])
  expect(await sessions.get(id)).toEqual({})
  expect(await users.updateAll('ann', { role: 'editor', none: null })).toBe(1)
  expect(await sessions.get(id)).toEqual({ role: 'editor' })
  expect(opened.get('role')).toBeUndefined()
  opened.set('cart', [1])
  await sessions.save(opened)
  expect(await sessions.get(id)).toEqual({ role: 'editor', cart: [1] })
  expect(await users.updateAll('ann', { role: null })).toBe(1)
  expect(await sessions.get(id)).toEqual({ cart: [1] })
  expect(await users.updateAll('bob', { role: 'editor' })).toBe(0)
})

test('an anonymous session belongs to no subject', async () => {
  const sessions = new SessionManager({ store: kept, clock })
  const id = await sessions.create({ cart: [1] })
  const { users } = sessions
  expect(await codeOf(users.read('undefined', id, phone))).toBe('USER_SESSION_NOT_FOUND')
  await users.delete('undefined', id)
  expect(await sessions.get(id)).toEqual({ cart: [1] })
})

test('readAll is keyed by handle, which delete takes, and which opens no session', async () => {
  const users = usersOver(kept)
  const [one, two] = [await users.create('ann', phone), await users.create('ann', phone)]
  const listed = await users.readAll('ann')
  expect([...listed.keys()].sort()).toEqual([one, two].map((id) => id.slice(0, 16)).sort())
  const sessions = new SessionManager({ store: kept, clock })
  for (const text of everyText([...listed])) {
    expect(await sessions.get(text)).toBeUndefined()
    expect(await codeOf(users.read('ann', text, phone))).toBe('USER_SESSION_NOT_FOUND')
  }
  const handle = one.slice(0, 16)
  await users.delete('bob', handle)
  expect((await users.readAll('ann')).size).toBe(2)
  await users.delete('ann', handle)
  expect([...(await users.readAll('ann')).keys()]).toEqual([two.slice(0, 16)])
  expect(await users.deleteAll('ann', { except: two.slice(0, 16) })).toBe(0)
  await users.read('ann', two, phone)
})

test('the context that was given and the metaData that is handed out are copies', async () => {
  const users = usersOver(kept)
  const context = structuredClone(phone)
  const id = await users.create('ann', context)
  context.device.name = 'changed'
  const [metaData] = await users.read('ann', id, phone)
  const listed = [...(await users.readAll('ann')).values()][0]
  for (const found of [metaData, listed]) (found?.device as { name: string }).name = 'changed'
  expect((await users.read('ann', id, phone))[0].device).toEqual(phone.device)
})

test('50 reads in parallel record the access once, also those that had been loaded before', async () => {
  const users = usersOver(store, { timeouts: { idle: 200 } })
  const id = await usersOver(kept, { timeouts: { idle: 200 } }).create('ann', phone)
  clock.now += 10
  await Promise.all(Array.from({ length: 50 }, () => users.read('ann', id, phone)))
  expect(store.calls.filter((call) => call === 'change')).toHaveLength(1)
  await users.read('ann', id, phone)
  expect(store.calls.filter((call) => call === 'change')).toHaveLength(1)
})

test('50 reads in parallel that find an old id ask the store to renew it once', async () => {
  const users = usersOver(store, { timeouts: { ...timeouts, idle: 200 } })
  const id = await usersOver(kept, { timeouts: { ...timeouts, idle: 200 } }).create('ann', phone)
  clock.now += 100
  await Promise.all(Array.from({ length: 50 }, () => users.read('ann', id, phone)))
  expect(store.calls.filter((call) => call === 'change').length).toBeLessThanOrEqual(2)
})

test('an access that could not be recorded is recorded by the next read', async () => {
  const users = usersOver(store, { timeouts: { idle: 200 } })
  const id = await usersOver(kept, { timeouts: { idle: 200 } }).create('ann', phone)
  clock.now += 10
  store.fail('change', 'reject')
  expect(await codeOf(users.read('ann', id, phone))).toBe('STORE_UNAVAILABLE')
  store.mend()
  expect((await users.read('ann', id, phone))[0].accessedAt).toBe(clock.now)
})

test('a renewal that the store has failed is made by the next read', async () => {
  const users = usersOver(store, { timeouts })
  const id = await usersOver(kept, { timeouts }).create('ann', phone)
  clock.now += 100
  store.fail('change', 'reject')
  expect(await codeOf(users.read('ann', id, phone))).toBe('STORE_UNAVAILABLE')
  store.mend()
  expect((await users.read('ann', id, phone))[1]).not.toBeNull()
})

test('another process renews between a read and its change: null, the hook, and the access is recorded', async () => {
  const hookCalls: string[] = []
  const renewSessionHooks = { onRenewMadeAlreadyFromAnotherProcess: (handle: string) => void hookCalls.push(handle) }
  const users = usersOver(store, { timeouts, renewSessionHooks })
  const other = usersOver(kept, { timeouts })
  const id = await other.create('ann', phone)
  clock.now += 100
  let next = ''
  const [metaData, renewed] = await during(
    'change',
    () => users.read('ann', id, phone),
    async () => {
      next = (await other.read('ann', id, phone))[1] ?? ''
    },
  )
  expect(renewed).toBeNull()
  expect(metaData.accessedAt).toBe(clock.now)
  expect(hookCalls).toEqual([id.slice(0, 16)])
  expect((await users.read('ann', next, phone))[1]).toBeNull()
})

const renewals: [string, (users: UserSessionManager, id: string) => Promise<unknown>][] = [
  ['read', (users, id) => users.read('ann', id, phone)],
  ['renew', (users, id) => users.renew('ann', id, {} as never, phone)],
]

test('a manager does not ask the store to renew again what another process has renewed', async () => {
  const changes = jest.spyOn(kept, 'change')
  const other = usersOver(kept, { timeouts })
  const id = await other.create('ann', phone)
  clock.now += 100
  const hookCalls: string[] = []
  const users = usersOver(kept, {
    timeouts,
    renewSessionHooks: { onRenewMadeAlreadyFromAnotherProcess: () => void hookCalls.push('another') },
    readUserSessionHook: async (_subject, _handle, { ip }) => {
      // Both have read the session before the other process renews it; the second goes on when the first has lost.
      if (ip === 'first') await other.read('ann', id, phone)
      if (ip === 'second') await first
    },
  })
  const second = users.read('ann', id, { ip: 'second' })
  const first = users.read('ann', id, { ip: 'first' })
  expect((await first)[1]).toBeNull()
  expect((await second)[1]).toBeNull()
  expect(changes.mock.calls.filter(([, change]) => change.renew !== undefined)).toHaveLength(2)
  expect(hookCalls).toEqual(['another', 'another'])
})

test('a session that has expired is not found also when the store still has it', async () => {
  const hoarding = new (class extends ControlledStore {
    override load(handle: string) {
      return super.load(handle, 0)
    }
  })(kept)
  const id = await usersOver(kept, { sessionTtl: 50, timeouts: {} }).create('ann', phone)
  clock.now += 50
  expect(await codeOf(usersOver(hoarding).read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
})

test.each(renewals)('a session that ends while %s is under way is not there, and not revived', async (_, call) => {
  for (const age of [0, 100]) {
    const other = usersOver(kept, { timeouts })
    const id = await other.create('ann', phone)
    clock.now += age
    const users = usersOver(store, { timeouts })
    expect(
      await codeOf(
        during(
          'change',
          () => call(users, id),
          () => other.deleteAll('ann'),
        ),
      ),
    ).toBe('USER_SESSION_NOT_FOUND')
    expect((await other.readAll('ann')).size).toBe(0)
    expect(kept.size).toBe(0)
  }
})

test('an id that is replaced while it is being read is invalid', async () => {
  const sessions = new SessionManager({ store: kept, clock })
  const id = await usersOver(kept).create('ann', phone)
  const users = usersOver(store)
  const replaced = during(
    'change',
    () => users.read('ann', id, phone),
    async () => {
      const session = await sessions.read(id)
      session.regenerateId()
      await sessions.save(session)
    },
  )
  expect(await codeOf(replaced)).toBe('USER_SESSION_NOT_FOUND')
})

test('a rule that was tightened holds for sessions from before, in the listing too', async () => {
  const id = await usersOver(kept).create('ann', phone)
  clock.now += 100
  const users = usersOver(kept, { timeouts: { idle: 100 } })
  expect((await users.readAll('ann')).size).toBe(0)
  expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_EXPIRED')
})

test('a process whose clock is ahead does not delete a session that lives for the others', async () => {
  const timeouts = { idle: 100 }
  const id = await usersOver(kept, { timeouts }).create('ann', phone)
  const ahead = usersOver(kept, { timeouts, clock: () => clock.now + 101 })
  expect(await codeOf(ahead.read('ann', id, phone))).toBe('USER_SESSION_EXPIRED')
  await usersOver(kept, { timeouts }).read('ann', id, phone)
  expect(kept.size).toBe(1)
})

test('delete ends the session of an old id also after its overlap', async () => {
  const users = usersOver(kept, { timeouts })
  const id = await users.create('ann', phone)
  clock.now += 100
  await users.read('ann', id, phone)
  clock.now += 50
  await users.delete('ann', id)
  expect((await users.readAll('ann')).size).toBe(0)
})

test('the error of a store that fails or hangs differs from that of a session that does not exist', async () => {
  const users = usersOver(store, { storeTimeout: 0.02 })
  const id = await usersOver(kept).create('ann', phone)
  store.fail('load', 'reject')
  expect(await codeOf(users.read('ann', id, phone))).toBe('STORE_UNAVAILABLE')
  store.fail('load', 'hang')
  store.fail('delete', 'hang')
  expect(await codeOf(users.read('ann', id, phone))).toBe('STORE_TIMEOUT')
  expect(await codeOf(users.delete('ann', id))).toBe('STORE_TIMEOUT')
})

/** Every string in a value, and every key. */
function everyText(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [key, ...everyText(inner)])
}
