import { Pool } from 'pg'
import { MemoryUserSessionStorage } from '../../examples/user-session-storage/memory-storage'
import { SqlUserSessionStorage } from '../../examples/user-session-storage/sql-storage'
import { UserSessionManager } from '../../lib'
import { type RunningExample, startExample } from '../support/example'
import { type PostgresServer, startPostgres } from '../support/postgres-server'
import { codeOf, turnedClock } from '../support/turned-clock'
import { describeUserSessionManager } from '../users/manager-suite'

let postgres: PostgresServer
let pool: Pool
let storage: SqlUserSessionStorage
const context = { ip: '10.0.0.1', device: { name: 'curl', type: 'api' } }

beforeAll(async () => {
  postgres = await startPostgres()
  pool = new Pool({ connectionString: postgres.connectionString })
  pool.on('error', () => undefined)
  storage = new SqlUserSessionStorage(pool)
  await storage.prepare()
  await storage.prepare()
}, 120_000)

afterEach(() => pool.query('DELETE FROM user_sessions'))

afterAll(async () => {
  await pool.end()
  await postgres.stop()
})

describeUserSessionManager({
  name: 'the example in memory',
  lists: true,
  listsBy: 'hash',
  open: () => new MemoryUserSessionStorage(),
})
describeUserSessionManager({
  name: 'the example on SQL',
  lists: true,
  listsBy: 'hash',
  // Text in PostgreSQL is UTF-8 without NUL.
  refuses: ['a\0b', '\ud800'],
  open: () => new SqlUserSessionStorage(pool),
})

describe('on SQL', () => {
  const timeouts = { renewal: 100, oldSessionAvailabilityAfterRenewal: 10 }

  test('of 50 reads in two processes, each with connections of its own, one gets the new id, and no session is left over', async () => {
    const other = new Pool({ connectionString: postgres.connectionString })
    const clock = turnedClock()
    const hookCalls: string[] = []
    const renewSessionHooks = { onRenewMadeAlreadyFromAnotherProcess: (name: string) => void hookCalls.push(name) }
    const managers = [storage, new SqlUserSessionStorage(other)].map(
      (over) => new UserSessionManager({ storage: over, clock, timeouts, renewSessionHooks }),
    )
    for (let round = 1; round <= 10; round++) {
      const id = await managers[0]!.create('ann', context)
      clock.now += 100
      const reads = await Promise.all(
        Array.from({ length: 50 }, (_, index) => managers[index % 2]!.read('ann', id, context)),
      )
      const [next, ...more] = reads.flatMap(([, renewed]) => (renewed === null ? [] : [renewed]))
      expect(more).toEqual([])
      expect((await storage.readAll('ann')).size).toBe(2)
      expect([...(await managers[1]!.readAll('ann')).keys()]).toEqual([UserSessionManager.hash(next ?? '')])
      expect(hookCalls.length).toBeGreaterThan(0)
      clock.now += 10
      for (const users of managers) expect(await codeOf(users.read('ann', id, context))).toBe('USER_SESSION_NOT_FOUND')
      await managers[0]!.deleteAll('ann')
    }
    await other.end()
  })

  test('60 logins in parallel are 60 entries, and nothing in the table or in a listing opens one of them', async () => {
    const users = new UserSessionManager({ storage })
    const ids = await Promise.all(Array.from({ length: 60 }, () => users.create('ann', context)))
    const listed = await users.readAll('ann')
    expect([...listed.keys()].sort()).toEqual(ids.map((id) => UserSessionManager.hash(id)).sort())
    const kept = JSON.stringify((await pool.query('SELECT * FROM user_sessions')).rows)
    for (const id of ids) expect(kept).not.toContain(id)
    for (const name of listed.keys()) {
      expect(await codeOf(users.read('ann', name, context))).toBe('USER_SESSION_NOT_FOUND')
    }
    const [first = '', second = ''] = ids
    await users.delete('ann', UserSessionManager.hash(first))
    expect(await codeOf(users.read('ann', first, context))).toBe('USER_SESSION_NOT_FOUND')
    expect(await users.deleteAll('ann', { except: second })).toBe(58)
    await users.read('ann', second, context)
  })

  test('what has ended is dropped, and nothing else', async () => {
    const clock = turnedClock()
    const users = new UserSessionManager({ storage, clock })
    await users.create('ann', context, 100)
    clock.now -= 200
    await users.create('ann', context, 100)
    expect((await storage.readAll('ann')).size).toBe(2)
    expect(await storage.dropEnded()).toBe(1)
    expect((await storage.readAll('ann')).size).toBe(1)
  })

  test('a database that is away is a failure, and no "not found"', async () => {
    const away = new Pool({ connectionString: 'postgres://127.0.0.1:1/none' })
    const users = new UserSessionManager({ storage: new SqlUserSessionStorage(away) })
    expect(await codeOf(users.read('ann', 'abc', context))).toBe('STORE_UNAVAILABLE')
    await away.end()
  })
})

test('in memory: sessions leave by themselves', () => {
  jest.useFakeTimers()
  const memory = new MemoryUserSessionStorage()
  memory.insert('ann', 'abc', { ip: '', createdAt: 1, accessedAt: 1, expiresAt: 11 }, 10)
  jest.advanceTimersByTime(9999)
  expect(memory.read('ann', 'abc')).toBeDefined()
  jest.advanceTimersByTime(1)
  expect(memory.read('ann', 'abc')).toBeUndefined()
  expect(memory.readAll('ann').size).toBe(0)
  jest.advanceTimersByTime(60_000)
  memory.close()
  jest.useRealTimers()
})

describe.each(['memory', 'SQL'])('the app, with its sessions in %s', (where) => {
  let example: RunningExample

  beforeAll(async () => {
    const env = where === 'SQL' ? { DATABASE_URL: postgres.connectionString } : {}
    example = await startExample(['npx', 'tsx', 'examples/user-session-storage/app.ts'], env)
  }, 60_000)

  afterAll(() => example.stop())

  const ask = async (method: string, path: string, token?: string, agent = 'curl'): Promise<any> => {
    const headers = { 'user-agent': agent, ...(token !== undefined && { authorization: `Bearer ${token}` }) }
    return (await fetch(example.url + path, { method, headers })).json()
  }

  test('lists the devices of a user, signs one out, and all others', async () => {
    const [{ token }, { token: second }, { token: third }] = await Promise.all(
      ['curl', 'app', 'watch'].map((agent) => ask('POST', '/sign-in/ada', undefined, agent)),
    )
    const devices = await ask('GET', '/devices', token)
    expect(devices.map((it: any) => [it.device, it.here]).sort()).toEqual([
      ['app', false],
      ['curl', true],
      ['watch', false],
    ])
    await ask('DELETE', `/devices/${devices.find(({ device }: any) => device === 'app').name}`, token)
    expect(await ask('GET', '/devices', second, 'app')).toEqual({ error: 'USER_SESSION_NOT_FOUND' })
    expect(await ask('POST', '/sign-out-others', token)).toBe(1)
    expect(await ask('GET', '/devices', third, 'watch')).toEqual({ error: 'USER_SESSION_NOT_FOUND' })
    expect(await ask('GET', '/devices', token)).toHaveLength(1)
  })

  test('the root says what there is to try', async () => {
    const response = await fetch(example.url)
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('/sign-in/ada')])
  })

  test('responds with 401 to a wrong device, and to a token that is none', async () => {
    const { token } = await ask('POST', '/sign-in/eve')
    expect(await ask('GET', '/devices', token, 'stolen')).toEqual({
      error: 'FORBIDDEN_ACCESS_TO_USER_SESSION_FROM_DIFFERENT_DEVICE',
    })
    for (const bad of [undefined, '', '.', 'x', `${token}x`, token.split('.')[1], `.${token.split('.')[1]}`]) {
      expect(await ask('GET', '/devices', bad)).toEqual({ error: 'USER_SESSION_NOT_FOUND' })
    }
  })
})
