import { MemoryStore, UserSessionManager, type UserSessionManagerOptions } from '../../lib'
import { codeOf, turnedClock, type TurnedClock } from '../support/turned-clock'
import { describeRenewal } from './renewal-suite'

/** A place where sessions can be. */
export interface StorageKind {
  readonly name: string
  /** Whether it can list sessions, and end or change all. */
  readonly lists: boolean
  /** What `readAll` calls a session. */
  readonly listsBy: 'handle' | 'id' | 'hash'
  /** Subjects that it cannot keep; default: none. */
  readonly refuses?: readonly string[]
  open(clock: TurnedClock): UserSessionManagerOptions['storage']
}

const phone = { ip: '10.0.0.1', device: { name: 'Pixel', type: 'phone' }, location: 'Chișinău' }
const laptop = { ip: '10.0.0.2', device: { name: 'ThinkPad', type: 'laptop' } }

const subjects = ['a', 'a:b', 'a*', '__proto__', 'constructor', ' ', 'ș漢😀', 'a\0b', 'x'.repeat(5000), '\ud800']

/** What `UserSessionManager` promises wherever the sessions are. */
export function describeUserSessionManager(kind: StorageKind): void {
  describe(`on ${kind.name}`, () => {
    let clock: TurnedClock
    let storage: UserSessionManagerOptions['storage']

    beforeEach(() => {
      // The adapter of express-session stores compares with the machine's clock, for the store's own expiry.
      clock = turnedClock(Math.floor(Date.now() / 1000))
      storage = kind.open(clock)
    })

    afterEach(() => {
      if (storage instanceof MemoryStore) storage.close()
    })

    const managerWith = (options: Omit<UserSessionManagerOptions, 'storage'> = {}) =>
      new UserSessionManager({ storage, sessionTtl: 1000, clock, ...options })

    test('create gives an id that read opens, and metaData is what was given and whole seconds', async () => {
      clock.now += 0.75
      const users = managerWith()
      const id = await users.create('ann', phone)
      expect(id).toMatch(/^[A-Za-z0-9_-]{48}$/)
      const [metaData, renewed] = await users.read('ann', id, phone)
      const createdAt = Math.floor(clock.now)
      expect(metaData).toEqual({ ...phone, createdAt, accessedAt: createdAt, expiresAt: createdAt + 1000 })
      expect(renewed).toBeNull()
    })

    test('a ttl of its own, to the second', async () => {
      const users = managerWith()
      const id = await users.create('ann', { ip: '' }, 10)
      expect((await users.read('ann', id, { ip: '' }))[0]).toMatchObject({ expiresAt: clock.now + 10 })
      clock.now += 9
      await users.read('ann', id, { ip: '' })
      clock.now += 1
      expect(await codeOf(users.read('ann', id, { ip: '' }))).toBe('USER_SESSION_NOT_FOUND')
    })

    test('no access extends the absolute lifetime', async () => {
      const users = managerWith({ timeouts: { idle: 100 } })
      const id = await users.create('ann', phone)
      for (let i = 0; i < 11; i++) {
        clock.now += 90
        await users.read('ann', id, phone)
      }
      clock.now += 10
      expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
    })

    test('not found: unknown, malformed, of another subject, ended, and what is no text', async () => {
      const users = managerWith()
      const id = await users.create('ann', phone)
      const ended = await users.create('ann', phone)
      await users.delete('ann', ended)
      const tampered = id.slice(0, -1) + (id.endsWith('A') ? 'B' : 'A')
      for (const bad of [
        ended,
        tampered,
        `${id}A`,
        id.slice(1),
        '',
        '.',
        '../..',
        'a:b',
        '__proto__',
        'x'.repeat(10_000),
        `${id} `,
      ]) {
        expect(await codeOf(users.read('ann', bad, phone))).toBe('USER_SESSION_NOT_FOUND')
        expect(await codeOf(users.renew('ann', bad, {} as never, phone))).toBe('USER_SESSION_NOT_FOUND')
      }
      for (const bad of [undefined, null, 7, {}, [id]]) {
        expect(await codeOf(users.read('ann', bad as never, phone))).toBe('USER_SESSION_NOT_FOUND')
        await users.delete('ann', bad as never)
      }
      expect(await codeOf(users.read('bob', id, phone))).toBe('USER_SESSION_NOT_FOUND')
      expect(await codeOf(users.read('an', id, phone))).toBe('USER_SESSION_NOT_FOUND')
      await users.read('ann', id, phone)
    })

    test('delete never ends a session of another subject, and is content when there is none', async () => {
      const users = managerWith()
      const id = await users.create('ann', phone)
      await users.delete('bob', id)
      await users.read('ann', id, phone)
      await users.delete('ann', id)
      await users.delete('ann', id)
      expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
    })

    test('an idle session is USER_SESSION_EXPIRED once at the limit, and not found from then on', async () => {
      const users = managerWith({ timeouts: { idle: 100 } })
      const id = await users.create('ann', phone)
      clock.now += 99
      await users.read('ann', id, phone)
      clock.now += 99
      await users.read('ann', id, phone)
      clock.now += 100
      expect(await codeOf(users.read('bob', id, phone))).toBe('USER_SESSION_NOT_FOUND')
      expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_EXPIRED')
      expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
    })

    test('the device: name and type must be equal where both sides name one', async () => {
      const users = managerWith()
      const id = await users.create('ann', phone)
      const refused = 'FORBIDDEN_ACCESS_TO_USER_SESSION_FROM_DIFFERENT_DEVICE'
      expect(await codeOf(users.read('ann', id, laptop))).toBe(refused)
      expect(await codeOf(users.read('ann', id, { ip: '', device: { name: 'Pixel', type: 'tablet' } }))).toBe(refused)
      expect(await codeOf(users.read('ann', id, { ip: '', device: { name: 'Pixel' } }))).toBe(refused)
      expect(await codeOf(users.renew('ann', id, {} as never, laptop))).toBe(refused)
      await users.read('ann', id, { ip: '' })
      await users.read('ann', id, { ip: '10.9.9.9', device: { type: 'phone', name: 'Pixel', os: 'other' } })
      const unnamed = await users.create('ann', { ip: '' })
      await users.read('ann', unnamed, laptop)
    })

    test('a hook of the app decides instead: it is given a name that opens no session, and may return a promise', async () => {
      const seen: unknown[] = []
      const users = managerWith({
        readUserSessionHook: async (subject, name, context, metaData) => {
          await Promise.resolve()
          seen.push([subject, name, context.ip, metaData.ip])
          if (context.ip === 'bad') throw new Error('not from there')
        },
      })
      const id = await users.create('ann', phone)
      await users.read('ann', id, laptop)
      await expect(users.read('ann', id, { ip: 'bad' })).rejects.toThrow('not from there')
      expect(seen).toEqual([
        ['ann', expect.any(String), '10.0.0.2', '10.0.0.1'],
        ['ann', expect.any(String), 'bad', '10.0.0.1'],
      ])
      const name = (seen as string[][])[0]?.[1] ?? ''
      expect(id.startsWith(name) ? 'handle' : name).toBe(
        kind.listsBy === 'handle' ? 'handle' : UserSessionManager.hash(id),
      )
      expect(await codeOf(users.read('ann', name, phone))).toBe('USER_SESSION_NOT_FOUND')
    })

    test('an access is recorded once each twentieth of the idle timeout', async () => {
      const users = managerWith({ timeouts: { idle: 200 } })
      const id = await users.create('ann', phone)
      const start = clock.now
      const seen = []
      for (const second of [1, 9, 10, 11, 19, 20]) {
        clock.now = start + second
        seen.push((await users.read('ann', id, phone))[0].accessedAt - start)
      }
      expect(seen).toEqual([0, 0, 10, 10, 10, 20])
    })

    test('without an idle timeout each read records its access', async () => {
      const users = managerWith()
      const id = await users.create('ann', phone)
      clock.now += 1
      expect((await users.read('ann', id, phone))[0].accessedAt).toBe(clock.now)
    })

    describeRenewal(() => ({ clock, managerWith }))

    if (!kind.lists) {
      test('cannot list, and says who can', async () => {
        const users = managerWith()
        for (const call of [users.readAll('ann'), users.deleteAll('ann'), users.updateAll('ann', { role: 'editor' })]) {
          await expect(call).rejects.toMatchObject({
            code: 'STORE_UNSUPPORTED',
            message: expect.stringContaining('MemoryStore'),
          })
        }
      })
      return
    }

    test('readAll lists what is live, and nothing of others', async () => {
      const users = managerWith({ timeouts: { idle: 100 } })
      const ids = [
        await users.create('ann', phone),
        await users.create('ann', laptop),
        await users.create('ann', phone, 40),
      ]
      await users.create('bob', laptop)
      await users.delete('ann', ids[0] ?? '')
      clock.now += 40
      const listed = await users.readAll('ann')
      expect([...listed.values()].map(({ ip }) => ip)).toEqual(['10.0.0.2'])
      const { [1]: id = '' } = ids
      const names = { id, handle: id.slice(0, 16), hash: UserSessionManager.hash(id) }
      expect([...listed.keys()]).toEqual([names[kind.listsBy]])
      clock.now += 60
      expect((await users.readAll('ann')).size).toBe(0)
      expect((await users.readAll('nobody')).size).toBe(0)
    })

    test('a renewed session is one entry, during the overlap and after it', async () => {
      const users = managerWith({ timeouts: { renewal: 100, oldSessionAvailabilityAfterRenewal: 10 } })
      const id = await users.create('ann', phone)
      clock.now += 100
      await users.read('ann', id, phone)
      expect((await users.readAll('ann')).size).toBe(1)
      clock.now += 10
      expect((await users.readAll('ann')).size).toBe(1)
      expect([...(await users.readAll('ann')).values()][0]?.accessedAt).toBe(clock.now - 10)
    })

    test('deleteAll ends all sessions but the excepted one, and resolves to how many', async () => {
      const users = managerWith()
      const ids = await Promise.all(Array.from({ length: 5 }, () => users.create('ann', phone)))
      const other = await users.create('bob', phone)
      const [kept = ''] = ids
      expect(await users.deleteAll('ann', { except: kept })).toBe(4)
      expect((await users.readAll('ann')).size).toBe(1)
      await users.read('ann', kept, phone)
      expect(await users.deleteAll('ann')).toBe(1)
      expect(await users.deleteAll('ann')).toBe(0)
      for (const id of ids) expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
      await users.read('bob', other, phone)
    })

    test('deleteAll ends both ids of a session that was just renewed', async () => {
      const users = managerWith({ timeouts: { renewal: 100, oldSessionAvailabilityAfterRenewal: 10 } })
      const id = await users.create('ann', phone)
      clock.now += 100
      const [, next] = await users.read('ann', id, phone)
      await users.deleteAll('ann')
      for (const dead of [id, next ?? '']) {
        expect(await codeOf(users.read('ann', dead, phone))).toBe('USER_SESSION_NOT_FOUND')
      }
      expect((await users.readAll('ann')).size).toBe(0)
    })

    test.each(subjects.filter((subject) => !kind.refuses?.includes(subject)))('subject %j', async (subject) => {
      const users = managerWith()
      const neighbours = [`${subject}:`, `${subject}*`, `${subject}a`, 'A', '*', 'u:'].filter(
        (name) => name !== subject,
      )
      const id = await users.create(subject, phone)
      for (const name of neighbours) {
        expect(await codeOf(users.read(name, id, phone))).toBe('USER_SESSION_NOT_FOUND')
        expect((await users.readAll(name)).size).toBe(0)
        expect(await users.deleteAll(name)).toBe(0)
      }
      expect((await users.readAll(subject)).size).toBe(1)
      await users.read(subject, id, phone)
      expect(await users.deleteAll(subject)).toBe(1)
      expect(await codeOf(users.read(subject, id, phone))).toBe('USER_SESSION_NOT_FOUND')
    })
  })
}
