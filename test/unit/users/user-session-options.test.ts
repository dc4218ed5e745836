import { MemoryStore, SessionError, SessionManager, UserSessionManager } from '../../../lib/index'
import { MapStorage } from '../../support/map-storage'

const storages = [
  ['a store', () => new MemoryStore()],
  ['six methods', () => new MapStorage()],
] as const

const overlap = 'OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL'
const cases: [string, object, string][] = [
  ['nothing else', {}, 'accepted'],
  ['undefined', { sessionTtl: undefined, timeouts: undefined, idLength: undefined }, 'accepted'],
  [
    'all',
    {
      sessionTtl: 9,
      idLength: 16,
      timeouts: { idle: 1, renewal: 2, oldSessionAvailabilityAfterRenewal: 1 },
      storeTimeout: 1,
    },
    'accepted',
  ],
  ['an overlap as long as a renewal', { timeouts: { renewal: 1, oldSessionAvailabilityAfterRenewal: 1 } }, 'accepted'],
  ['unknown key', { sessionTTL: 5 }, 'INVALID_OPTION'],
  ["cookie, which is the middleware's", { cookie: {} }, 'INVALID_OPTION'],
  ['sessionTtl 0', { sessionTtl: 0 }, 'INVALID_OPTION'],
  ['sessionTtl text', { sessionTtl: '86400' }, 'INVALID_OPTION'],
  ['storeTimeout', { storeTimeout: -1 }, 'INVALID_OPTION'],
  ['clock', { clock: 5 }, 'INVALID_OPTION'],
  ['hook', { readUserSessionHook: {} }, 'INVALID_OPTION'],
  ['hooks key', { renewSessionHooks: { onRenewed: () => undefined } }, 'INVALID_OPTION'],
  ['timeouts key', { timeouts: { idle: 1, renew: 5 } }, 'INVALID_OPTION'],
  ['idLength 15', { idLength: 15 }, 'INVALID_SESSION_ID_LENGTH'],
  ['idLength text', { idLength: '24' }, 'INVALID_SESSION_ID_LENGTH'],
  ['idle 0', { timeouts: { idle: 0 } }, 'INVALID_IDLE_TIMEOUT'],
  ['idle negative', { timeouts: { idle: -1 } }, 'INVALID_IDLE_TIMEOUT'],
  ['idle of a whole lifetime', { sessionTtl: 10, timeouts: { idle: 10 } }, 'INVALID_IDLE_TIMEOUT'],
  ['renewal 0', { timeouts: { renewal: 0, oldSessionAvailabilityAfterRenewal: 1 } }, 'INVALID_RENEW_TIMEOUT'],
  [
    'renewal of a whole lifetime',
    { sessionTtl: 10, timeouts: { renewal: 10, oldSessionAvailabilityAfterRenewal: 1 } },
    'INVALID_RENEW_TIMEOUT',
  ],
  ['renewal alone', { timeouts: { renewal: 5 } }, `${overlap}_REQUIRED`],
  ['overlap 0', { timeouts: { renewal: 5, oldSessionAvailabilityAfterRenewal: 0 } }, `INVALID_${overlap}`],
  ['overlap negative', { timeouts: { renewal: 5, oldSessionAvailabilityAfterRenewal: -1 } }, `INVALID_${overlap}`],
  [
    'overlap of a whole lifetime',
    { sessionTtl: 10, timeouts: { renewal: 5, oldSessionAvailabilityAfterRenewal: 10 } },
    `INVALID_${overlap}`,
  ],
  ['overlap alone', { timeouts: { oldSessionAvailabilityAfterRenewal: 1 } }, `INVALID_${overlap}`],
]

describe.each(storages)('over %s', (_, open) => {
  test.each(cases)('%s', (_name, options, outcome) => {
    expect(tryOut({ storage: open(), ...options })).toBe(outcome)
  })
})

test.each([
  ['missing', undefined],
  ['null', null],
  ['a class', MemoryStore],
  ['five of the six methods', Object.assign(Object.create(new MapStorage()), { deleteAll: undefined })],
  ['a session manager', new SessionManager()],
])('storage: %s', (_, storage) => {
  expect(tryOut({ storage })).toBe('INVALID_OPTION')
})

test('options that are none', () => {
  expect([undefined, null, 5, []].map((options) => tryOut(options))).toEqual(Array(4).fill('INVALID_OPTION'))
})

test('the message names the option, what it got and what it accepts', () => {
  expect(() => new UserSessionManager({ storage: new MapStorage(), sessionTtl: 10, timeouts: { idle: 20 } })).toThrow(
    'timeouts.idle is 20; it accepts seconds greater than 0 and less than sessionTtl (10)',
  )
  expect(() => new UserSessionManager({ storage: new MapStorage(), timeout: {} } as never)).toThrow(
    'did you mean timeouts?',
  )
  expect(() => new UserSessionManager({ storage: {} } as never)).toThrow('updateAccessedAt')
})

describe('arguments', () => {
  const users = new UserSessionManager({ storage: new MemoryStore() })
  const code = 'INVALID_ARGUMENT'

  test.each([undefined, null, '', 7, {}])('subject %p', async (subject) => {
    const wrong = subject as never
    const context = { ip: '' }
    await expect(users.create(wrong, context)).rejects.toMatchObject({ code })
    await expect(users.read(wrong, 'id', context)).rejects.toMatchObject({ code })
    await expect(users.readAll(wrong)).rejects.toMatchObject({ code })
    await expect(users.renew(wrong, 'id', {} as never, context)).rejects.toMatchObject({ code })
    await expect(users.delete(wrong, 'id')).rejects.toMatchObject({ code })
    await expect(users.deleteAll(wrong)).rejects.toMatchObject({ code })
    await expect(users.updateAll(wrong, {})).rejects.toMatchObject({ code })
  })

  test.each([undefined, null, 'ip', [], { ip: 7 }])('context %p', async (context) => {
    await expect(users.create('ann', context as never)).rejects.toMatchObject({ code })
  })

  test('a context that JSON cannot carry', async () => {
    await expect(users.create('ann', { ip: '', device: { since: 5n } })).rejects.toMatchObject({
      code: 'INVALID_SESSION_VALUE',
    })
  })

  test('a context without an address is accepted: the client may have disconnected', async () => {
    const id = await users.create('ann', { ip: undefined } as never)
    expect((await users.read('ann', id, {} as never))[0].ip).toBe('')
  })

  test.each([0, -1, NaN, Infinity, '10'])('sessionTtl %p', async (ttl) => {
    await expect(users.create('ann', { ip: '' }, ttl as never)).rejects.toMatchObject({ code })
  })

  test.each([null, 'role', ['role']])('data %p', async (data) => {
    await expect(users.updateAll('ann', data as never)).rejects.toMatchObject({ code })
  })

  test('data that JSON cannot carry', async () => {
    await expect(users.updateAll('ann', { now: () => 5 })).rejects.toMatchObject({ code: 'INVALID_SESSION_VALUE' })
  })

  test('what deleteAll is to keep: a slip must not end all of them', async () => {
    const id = await users.create('zoe', { ip: '' })
    for (const options of [{ except: null }, { expect: id }, { except: 5 }]) {
      await expect(users.deleteAll('zoe', options as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    }
    expect((await users.readAll('zoe')).size).toBe(1)
  })
})

test('hash: for logs, always the same, no two alike, and nothing of the id in it', () => {
  const [one, other] = [UserSessionManager.hash('one'), UserSessionManager.hash('other')]
  expect(one).toBe(UserSessionManager.hash('one'))
  expect(one).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(one).not.toBe(other)
  expect(() => UserSessionManager.hash(undefined as never)).toThrow(SessionError)
})

test('currentTimestamp is whole seconds', () => {
  const now = Date.now() / 1000
  expect(Math.abs(UserSessionManager.currentTimestamp() - now)).toBeLessThan(2)
  expect(Number.isInteger(UserSessionManager.currentTimestamp())).toBe(true)
})

test('sessions.users is made with the options of the sessions', async () => {
  const sessions = new SessionManager({ sessionTtl: 50, idLength: 32 })
  const id = await sessions.users.create('ann', { ip: '' })
  expect(id).toHaveLength(16 + 43)
  const [{ createdAt, expiresAt }] = await sessions.users.read('ann', id, { ip: '' })
  expect(expiresAt - createdAt).toBe(50)
  await sessions.close()
})

function tryOut(options: unknown): unknown {
  try {
    new UserSessionManager(options as never)
    return 'accepted'
  } catch (error) {
    return (error as SessionError).code
  }
}
