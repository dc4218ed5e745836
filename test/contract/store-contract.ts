import { retainUntil } from '../../lib/session/lifetime'
import type { SessionRecord, StoredSession } from '../../lib/session/record'
import type { SessionStore } from '../../lib/session/store'
import { at, newHandle, newHash, recordWith, sessionWith, setting } from './samples'
import { describeChange } from './change-contract'
import { describeListing } from './listing-contract'
import { describeRandomRuns } from './random-runs'
import { describeTexts } from './text-contract'

/** What a store can do beside the base of the contract. */
export interface StoreAbilities {
  /** Has `list`, `deleteAll` and `changeAll`. */
  readonly listing: boolean
}

/** A place where stores of one kind can be made: a server, a directory, nothing at all. */
export interface StoreGround {
  /** A new store with nothing in it. */
  newStore(): SessionStore
  close?(): Promise<void>
}

/** One suite for every store: each sentence of `SessionStore`, each row of `changeRecord`. */
export function describeStore(name: string, open: () => Promise<StoreGround>, abilities: StoreAbilities): void {
  describe(`store contract: ${name}`, () => {
    let ground: StoreGround
    let store: SessionStore

    beforeAll(async () => {
      ground = await open()
    })
    beforeEach(() => {
      store = ground.newStore()
    })
    afterEach(async () => {
      await store.close?.()
    })
    afterAll(async () => {
      await ground.close?.()
    })

    const kept = async (session: StoredSession): Promise<string> => {
      const handle = newHandle()
      await store.insert(handle, session, at(0))
      return handle
    }
    const fieldsOf = async (handle: string) => Object.fromEntries((await store.load(handle, at(1)))?.fields ?? [])

    describe('load and insert', () => {
      test('load gives undefined when the handle was never inserted', async () => {
        expect(await store.load(newHandle(), at(0))).toBeUndefined()
      })

      test.each<[string, StoredSession]>([
        ['the least there can be', sessionWith()],
        ['fields', sessionWith({}, { 'v:a': '1', 'f:b': '"x"' })],
        ['an idle timeout', sessionWith({ idleUntil: at(600), accessedAt: at(-0.5) })],
        ['a renewed id', sessionWith({ previous: [newHash()], previousUntil: at(30), issuedAt: at(2), epoch: 7 })],
        ['a login', sessionWith({ subject: 'u1', context: { ip: '::1', device: { name: 'a' }, location: [1] } })],
        ['milliseconds', sessionWith({ createdAt: at(-0.123), expiresAt: at(4.567), idleUntil: at(3.999) })],
      ])('comes back as it was: %s', async (_, session) => {
        const handle = await kept(session)
        expect(await store.load(handle, at(0))).toEqual(session)
      })

      test('a session stays as it is when the caller changes what it gave to insert', async () => {
        const device = { name: 'phone' }
        const fields = new Map([['v:a', '1']])
        const session = { record: recordWith({ subject: 'u1', context: { ip: '::1', device } }), fields }
        const handle = await kept(session)
        device.name = 'changed'
        fields.set('v:b', '2').delete('v:a')
        const loaded = await store.load(handle, at(1))
        expect(loaded?.record.context).toEqual({ ip: '::1', device: { name: 'phone' } })
        expect(loaded?.fields).toEqual(new Map([['v:a', '1']]))
      })

      test('a session stays as it is when the caller changes a loaded context', async () => {
        const handle = await kept(sessionWith({ subject: 'u1', context: { ip: '::1', device: { name: 'phone' } } }))
        const context = (await store.load(handle, at(1)))?.record.context
        if (context?.device !== undefined) context.device.name = 'changed'
        expect((await store.load(handle, at(1)))?.record.context).toEqual({ ip: '::1', device: { name: 'phone' } })
      })
    })

    describe('insert and claim of a name that is taken', () => {
      test('insert replaces the whole record when the name is taken', async () => {
        const handle = await kept(sessionWith({ subject: 'u1', epoch: 3 }, { 'v:a': '1', 'v:b': '2' }))
        const session = sessionWith({ epoch: 1 }, { 'v:c': '3' })
        await store.insert(handle, session, at(1))
        expect(await store.load(handle, at(1))).toEqual(session)
      })

      test('claim keeps a session where there is none, and leaves one that is there as it was', async () => {
        const [first, second] = [sessionWith({ subject: 'u1' }, { 'v:a': '1' }), sessionWith({}, { 'v:b': '2' })]
        const handle = newHandle()
        expect(await store.claim?.(handle, first, at(0))).toBe(true)
        expect(await store.claim?.(handle, second, at(0))).toBe(false)
        expect(await store.load(handle, at(0))).toEqual(first)
        expect(await store.delete(handle, at(1))).toBe('ended')
        expect(await store.claim?.(handle, second, at(1))).toBe(true)
        expect(await store.load(handle, at(1))).toEqual(second)
      })

      test('claim is refused while a record that has ended by time is kept', async () => {
        const handle = await kept(sessionWith({ idleUntil: at(30) }))
        const session = sessionWith({ createdAt: at(60), accessedAt: at(60) })
        expect(await store.claim?.(handle, session, at(59.999))).toBe(false)
      })

      test('one claim is accepted when several are made in parallel', async () => {
        const handle = newHandle()
        const claims = Array.from({ length: 16 }, (_, n) => sessionWith({}, { 'v:n': String(n) }))
        const results = await Promise.all(claims.map(async (one) => store.claim?.(handle, one, at(0))))
        expect(results.filter(Boolean)).toHaveLength(1)
        expect(await store.load(handle, at(0))).toEqual(claims[results.indexOf(true)])
      })
    })

    describe('deadlines', () => {
      test.each<[string, Partial<SessionRecord>]>([
        ['absolute', {}],
        ['idle', { idleUntil: at(30) }],
        ['idle, with more than the longest grace to it', { idleUntil: at(3600) }],
        ['idle, beyond the absolute one', { idleUntil: at(90_000) }],
      ])('a record is kept until its retention ends: %s', async (_, parts) => {
        const session = sessionWith(parts)
        const handle = await kept(session)
        const end = retainUntil(session.record)
        expect(await store.load(handle, end - 0.001)).toEqual(session)
        expect(await store.load(handle, end)).toBeUndefined()
      })

      test.each<[string, Partial<SessionRecord>, number]>([
        ['absolute', { expiresAt: at(100) }, 100],
        ['idle', { idleUntil: at(100) }, 100],
      ])('a session takes changes until its %s deadline, and none from then on', async (_, parts, end) => {
        const handle = await kept(sessionWith(parts, { 'v:a': '1' }))
        expect(await store.change(handle, setting({ 'v:a': '2' }), at(end - 0.001))).toBe('stored')
        expect(await store.change(handle, setting({ 'v:a': '3' }), at(end))).toBe('gone')
        expect(await fieldsOf(handle)).toEqual({ 'v:a': '2' })
      })

      test('an access cannot revive a session that has ended by being idle', async () => {
        const handle = await kept(sessionWith({ idleUntil: at(100) }))
        const access = { accessedAt: at(101), idleUntil: at(201) }
        expect(await store.change(handle, { access }, at(101))).toBe('gone')
        expect((await store.load(handle, at(101)))?.record.idleUntil).toBe(at(100))
      })

      test('an access moves the retention', async () => {
        const handle = await kept(sessionWith({ idleUntil: at(30) }))
        await store.change(handle, { access: { accessedAt: at(20), idleUntil: at(50) } }, at(20))
        expect(await store.load(handle, at(79.999))).toBeDefined()
        expect(await store.load(handle, at(80))).toBeUndefined()
      })
    })

    describeChange(() => store)

    describe('delete', () => {
      test('ends a live session once', async () => {
        const handle = await kept(sessionWith())
        expect(await store.delete(handle, at(1))).toBe('ended')
        expect(await store.load(handle, at(1))).toBeUndefined()
        expect(await store.delete(handle, at(1))).toBe('absent')
        expect(await store.delete(newHandle(), at(1))).toBe('absent')
      })

      test('delete counts no session that time has ended, and removes it', async () => {
        const handle = await kept(sessionWith({ idleUntil: at(100) }))
        expect(await store.delete(handle, at(100))).toBe('absent')
        expect(await store.load(handle, at(100))).toBeUndefined()
      })

      test.each([
        ['u1', 'u1', true],
        ['u1', 'u2', false],
        [undefined, 'u1', false],
        ['u', 'u1', false],
      ])('of subject %s, asked to end one of %s: %s', async (subject, ofSubject, ended) => {
        const handle = await kept(sessionWith({ subject }))
        expect(await store.delete(handle, at(1), { subject: ofSubject })).toBe(ended ? 'ended' : 'refused')
        expect((await store.load(handle, at(1))) === undefined).toBe(ended)
      })

      test('is refused when the session is another login than the one that was opened, and not for a new id', async () => {
        const handle = await kept(sessionWith())
        const bind = { subject: 'u1', createdAt: at(1), expiresAt: at(99) }
        await store.change(handle, { epoch: 0, replace: { hash: newHash(), issuedAt: at(1) }, bind }, at(1))
        expect(await store.delete(handle, at(2), { createdAt: at(0) })).toBe('refused')
        const hash = newHash()
        expect(await store.change(handle, { epoch: 1, replace: { hash, issuedAt: at(2) } }, at(2))).toBe('stored')
        expect(await store.delete(handle, at(2), { hash: newHash() })).toBe('refused')
        expect(await store.delete(handle, at(2), { hash, subject: 'u1', createdAt: at(1) })).toBe('ended')
        expect(await store.load(handle, at(2))).toBeUndefined()
      })
    })

    describeTexts(() => store)

    test('close closes once when it is called twice, and later calls are refused', async () => {
      const handle = await kept(sessionWith())
      if (store.close === undefined) return
      await store.close()
      await store.close()
      const closed = expect.objectContaining({ code: 'STORE_CLOSED' })
      await expect((async () => store.load(handle, at(1)))()).rejects.toEqual(closed)
      await expect((async () => store.change(handle, {}, at(1)))()).rejects.toEqual(closed)
      await expect((async () => store.insert(handle, sessionWith(), at(1)))()).rejects.toEqual(closed)
      await expect((async () => store.delete(handle, at(1)))()).rejects.toEqual(closed)
    })

    if (abilities.listing) describeListing(() => store)
    describeRandomRuns(() => ground.newStore(), abilities)
  })
}
