import type { UserSessionManager, UserSessionManagerOptions } from '../../lib'
import { codeOf, type TurnedClock } from '../support/turned-clock'

const phone = { ip: '10.0.0.1', device: { name: 'Pixel', type: 'phone' }, location: 'Chișinău' }

interface Setting {
  readonly clock: TurnedClock
  managerWith(options?: Omit<UserSessionManagerOptions, 'storage'>): UserSessionManager
}

/** How ids are renewed, wherever the sessions are. */
export function describeRenewal(setting: () => Setting): void {
  describe('renewal', () => {
    const timeouts = { renewal: 100, oldSessionAvailabilityAfterRenewal: 10 }
    let hookCalls: [string, string][]
    const hooks = {
      onRenewMadeAlreadyFromCurrentProcess: (name: string) => void hookCalls.push(['current', name]),
      onRenewMadeAlreadyFromAnotherProcess: (name: string) => void hookCalls.push(['another', name]),
      onOldSessionDeleteFailure: (name: string) => void hookCalls.push(['failure', name]),
    }
    beforeEach(() => {
      hookCalls = []
    })

    test('read renews when the id is old enough; the old id works for the overlap and not longer', async () => {
      const users = setting().managerWith({ timeouts, renewSessionHooks: hooks })
      const id = await users.create('ann', phone)
      const born = setting().clock.now
      setting().clock.now = born + 99
      expect((await users.read('ann', id, phone))[1]).toBeNull()
      setting().clock.now = born + 100
      const [metaData, next] = await users.read('ann', id, phone)
      expect(metaData).toMatchObject({ ...phone, expiresAt: born + 1000 })
      if (next === null) throw new Error('not renewed')
      expect(next).not.toBe(id)
      expect((await users.read('ann', next, phone))[1]).toBeNull()
      setting().clock.now = born + 109
      expect((await users.read('ann', id, phone))[1]).toBeNull()
      expect((await users.read('ann', id, phone))[0].accessedAt).toBeGreaterThan(born)
      expect((await users.read('ann', next, phone))[1]).toBeNull()
      setting().clock.now = born + 110
      expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
      expect((await users.read('ann', next, phone))[0]).toMatchObject({ ...phone, expiresAt: born + 1000 })
      expect(hookCalls.map(([what]) => what)).toEqual(['current', 'current'])
    })

    test('the absolute deadline never moves, however often an id is renewed', async () => {
      const users = setting().managerWith({ timeouts })
      const born = setting().clock.now
      let id = await users.create('ann', phone)
      let ids = 1
      while (setting().clock.now < born + 950) {
        setting().clock.now += 50
        const [metaData, next] = await users.read('ann', id, phone)
        expect(metaData.expiresAt).toBe(born + 1000)
        if (next !== null) [id, ids] = [next, ids + 1]
      }
      expect(ids).toBe(10)
      setting().clock.now = born + 999
      await users.read('ann', id, phone)
      setting().clock.now = born + 1000
      expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
    })

    test('of 50 calls in parallel one gets the new id, and the hook is called for the others', async () => {
      const users = setting().managerWith({ timeouts, renewSessionHooks: hooks })
      const id = await users.create('ann', phone)
      setting().clock.now += 100
      const reads = await Promise.all(Array.from({ length: 50 }, () => users.read('ann', id, phone)))
      expect(reads.filter(([, next]) => next !== null)).toHaveLength(1)
      expect(hookCalls).toHaveLength(49)
      expect(new Set(hookCalls.map(([what]) => what))).toEqual(new Set(['current']))
      expect(hookCalls[0]?.[1]).not.toBe(id)
    })

    test('of two managers one renews, and the hook for another process is called for the other', async () => {
      const one = setting().managerWith({ timeouts, renewSessionHooks: hooks })
      const other = setting().managerWith({ timeouts, renewSessionHooks: hooks })
      const id = await one.create('ann', phone)
      setting().clock.now += 100
      const reads = await Promise.all([one.read('ann', id, phone), other.read('ann', id, phone)])
      expect(reads.filter(([, next]) => next !== null)).toHaveLength(1)
      expect(hookCalls.map(([what]) => what)).toEqual(['another'])
      const [[, next]] = reads.filter(([, renewed]) => renewed !== null) as [[unknown, string]]
      for (const users of [one, other]) await users.read('ann', next, phone)
    })

    test('renew does it now, whatever the age, and once', async () => {
      const users = setting().managerWith({ timeouts, renewSessionHooks: hooks })
      const id = await users.create('ann', phone)
      const [metaData] = await users.read('ann', id, phone)
      const next = await users.renew('ann', id, metaData, phone)
      if (next === null) throw new Error('not renewed')
      expect(await users.renew('ann', id, metaData, phone)).toBeNull()
      expect(hookCalls.map(([what]) => what)).toEqual(['current'])
      await users.read('ann', next, phone)
      await users.read('ann', id, phone)
      setting().clock.now += 10
      expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
    })

    test('renew without an overlap ends the old id at once', async () => {
      const users = setting().managerWith()
      const id = await users.create('ann', phone)
      const next = await users.renew('ann', id, {} as never, phone)
      expect(await codeOf(users.read('ann', id, phone))).toBe('USER_SESSION_NOT_FOUND')
      await users.read('ann', next ?? '', phone)
    })

    test('a hook that throws fails no request, and is logged as a warning', async () => {
      const fail = () => {
        throw new Error('in a hook')
      }
      const warn = jest.spyOn(process, 'emitWarning').mockImplementation()
      const users = setting().managerWith({
        timeouts,
        renewSessionHooks: { onRenewMadeAlreadyFromCurrentProcess: fail },
      })
      const id = await users.create('ann', phone)
      setting().clock.now += 100
      await users.read('ann', id, phone)
      expect((await users.read('ann', id, phone))[1]).toBeNull()
      expect(warn.mock.calls).toEqual([
        [expect.stringContaining('in a hook'), expect.objectContaining({ code: 'HOLDFAST_HOOK_FAILED' })],
      ])
      warn.mockRestore()
    })
  })
}
