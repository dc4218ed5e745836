import type { SessionRecord, StoredSession } from '../../lib/session/record'
import type { SessionStore } from '../../lib/session/store'
import { at, newHandle, newHash, recordWith, sessionWith, setting } from './samples'

/** `list`, `deleteAll` and `changeAll`: a subject's sessions, all of them and no others. */
export function describeListing(open: () => SessionStore): void {
  describe('listing', () => {
    let store: Required<SessionStore>
    let subject: string
    let other: string

    beforeEach(() => {
      store = open() as Required<SessionStore>
      subject = `u${newHandle()}`
      other = `${subject}1`
    })

    const kept = async (session: StoredSession): Promise<string> => {
      const handle = newHandle()
      await store.insert(handle, session, at(0))
      return handle
    }
    const handlesOf = async (whose: string, seconds = 1) => [...(await store.list(whose, at(seconds))).keys()].sort()
    const login = (whose: string | undefined, seconds: number) => ({
      replace: { hash: newHash(), issuedAt: at(seconds) },
      bind: { subject: whose, createdAt: at(seconds), expiresAt: at(seconds + 86_400) },
    })

    test('the list of a subject without sessions is empty', async () => {
      expect(await store.list(subject, at(0))).toEqual(new Map())
      expect(await store.deleteAll(subject, at(0))).toBe(0)
      expect(await store.changeAll(subject, { set: new Map([['v:a', '1']]), remove: [] }, at(0))).toBe(0)
    })

    test('the list has each session that was inserted with the subject or bound to it, with its record', async () => {
      const inserted = sessionWith({ subject, context: { ip: '::1' } }, { 'v:a': '1' })
      const one = await kept(inserted)
      const two = await kept(sessionWith())
      await kept(sessionWith({ subject: other }))
      const change = login(subject, 1)
      await store.change(two, change, at(1))
      const listed = await store.list(subject, at(1))
      expect([...listed.keys()].sort()).toEqual([one, two].sort())
      expect(listed.get(one)).toEqual(inserted.record)
      expect(listed.get(two)).toMatchObject({ hash: change.replace.hash, subject, createdAt: at(1), epoch: 1 })
      expect(await handlesOf(other)).toHaveLength(1)
    })

    test('a session stays as it is when the caller changes a listed record', async () => {
      const handle = await kept(sessionWith({ subject, context: { ip: '::1', device: { name: 'phone' } } }))
      const device = (await store.list(subject, at(1))).get(handle)?.context?.device
      if (device !== undefined) device.name = 'changed'
      expect((await store.list(subject, at(1))).get(handle)?.context).toEqual({ ip: '::1', device: { name: 'phone' } })
    })

    test.each<[string, (handle: string) => unknown]>([
      ['was ended', (handle) => store.delete(handle, at(1))],
      ['was bound to no subject', (handle) => store.change(handle, login(undefined, 1), at(1))],
      ['was bound to another subject', (handle) => store.change(handle, login(other, 1), at(1))],
    ])('has no session that %s, and deleteAll leaves such a one alone', async (_, act) => {
      const handle = await kept(sessionWith({ subject }))
      const stays = await kept(sessionWith({ subject }))
      await act(handle)
      expect(await handlesOf(subject)).toEqual([stays])
      const before = await store.load(handle, at(1))
      expect(await store.changeAll(subject, { set: new Map([['v:a', '1']]), remove: [] }, at(1))).toBe(1)
      expect(await store.deleteAll(subject, at(1))).toBe(1)
      expect(await store.load(handle, at(1))).toEqual(before)
    })

    test('a session is listed again when it is bound again after it was unbound', async () => {
      const handle = await kept(sessionWith({ subject }))
      await store.change(handle, login(undefined, 1), at(1))
      await store.change(handle, login(subject, 2), at(2))
      expect(await handlesOf(subject, 2)).toEqual([handle])
      expect(await store.changeAll(subject, { set: new Map([['v:a', '1']]), remove: [] }, at(2))).toBe(1)
      expect(await store.deleteAll(subject, at(2))).toBe(1)
      expect(await store.load(handle, at(2))).toBeUndefined()
    })

    test.each<[string, Partial<SessionRecord>]>([
      ['absolute', { expiresAt: at(100) }],
      ['idle', { idleUntil: at(100) }],
    ])('has a session until its %s deadline', async (_, parts) => {
      const handle = await kept(sessionWith({ subject, ...parts }))
      expect(await handlesOf(subject, 99.999)).toEqual([handle])
      expect(await handlesOf(subject, 100)).toEqual([])
      expect(await store.changeAll(subject, { set: new Map([['v:a', '1']]), remove: [] }, at(100))).toBe(0)
      expect(await store.deleteAll(subject, at(100))).toBe(0)
    })

    test('a session is listed until its end when a login has lengthened it', async () => {
      const handle = await kept(sessionWith({ subject, expiresAt: at(100) }))
      await store.change(handle, login(subject, 50), at(50))
      expect(await handlesOf(subject, 86_449)).toEqual([handle])
      expect(await handlesOf(subject, 86_450)).toEqual([])
    })

    test('a session stays listed past its first idle deadline when it is used', async () => {
      const handle = await kept(sessionWith({ subject, idleUntil: at(100) }))
      await store.change(handle, { access: { accessedAt: at(90), idleUntil: at(7200) } }, at(90))
      expect(await handlesOf(subject, 7199)).toEqual([handle])
    })

    test('a login stays listed when another one of the same millisecond was refused', async () => {
      const handle = await kept(sessionWith({ epoch: 3 }))
      const long = login(subject, 1)
      const short = { ...long, bind: { ...long.bind, expiresAt: at(100) } }
      expect(await store.change(handle, { epoch: 3, ...long }, at(1))).toBe('stored')
      const replace = { ...long.replace, hash: newHash() }
      expect(await store.change(handle, { epoch: 3, ...short, replace }, at(1))).toBe('gone')
      expect(await handlesOf(subject, 5000)).toEqual([handle])
    })

    test('a login is not listed when it was refused', async () => {
      const handle = await kept(sessionWith({ epoch: 3 }))
      expect(await store.change(handle, { epoch: 2, ...login(subject, 1) }, at(1))).toBe('gone')
      expect(await handlesOf(subject)).toEqual([])
      expect(await store.deleteAll(subject, at(1))).toBe(0)
      expect(await store.load(handle, at(1))).toBeDefined()
    })

    test('deleteAll ends all sessions of the subject but the exception, and none of another subject', async () => {
      const mine = await Promise.all(Array.from({ length: 30 }, async () => kept(sessionWith({ subject }))))
      const [except = ''] = mine
      const theirs = await kept(sessionWith({ subject: other }))
      const nobodys = await kept(sessionWith())
      expect(await store.deleteAll(subject, at(1), except)).toBe(29)
      expect(await handlesOf(subject)).toEqual([except])
      expect(await store.change(mine[1] ?? '', setting({ 'v:a': '1' }), at(1))).toBe('gone')
      for (const handle of [except, theirs, nobodys]) expect(await store.load(handle, at(1))).toBeDefined()
      expect(await store.deleteAll(subject, at(1))).toBe(1)
      expect(await handlesOf(subject)).toEqual([])
    })

    test('changeAll sets and removes fields in all sessions of the subject, and in no other', async () => {
      const fields = { 'v:a': '1', 'v:b': '1' }
      const mine = await Promise.all([1, 2, 3].map(async () => kept(sessionWith({ subject }, fields))))
      const theirs = await kept(sessionWith({ subject: other }, { 'v:a': '1' }))
      expect(await store.changeAll(subject, { set: new Map([['v:a', '2']]), remove: ['v:b'] }, at(1))).toBe(3)
      for (const handle of mine) expect((await store.load(handle, at(1)))?.fields).toEqual(new Map([['v:a', '2']]))
      expect((await store.load(theirs, at(1)))?.fields).toEqual(new Map([['v:a', '1']]))
    })

    test.each([
      'a',
      'a:b',
      'a*',
      '__proto__',
      'constructor',
      ' ',
      'j:"a"',
      'a\ud83d',
      'a\ufffd',
      'ключ 鍵 🔑 مفتاح',
      '\r\n\0',
      'long '.repeat(20_000),
    ])("a subject of any text has its own sessions and no other subject's", async (whose) => {
      const mine = await kept({ record: recordWith({ subject: whose }), fields: new Map() })
      const bound = await kept(sessionWith())
      await store.change(bound, login(whose, 1), at(1))
      const theirs = await kept(sessionWith({ subject: `${whose}x` }))
      expect(await handlesOf(whose)).toEqual([mine, bound].sort())
      expect((await store.load(bound, at(1)))?.record.subject).toBe(whose)
      expect(await store.delete(mine, at(1), { subject: `${whose}x` })).toBe('refused')
      expect(await store.delete(mine, at(1), { subject: whose })).toBe('ended')
      expect(await store.deleteAll(whose, at(1))).toBe(1)
      expect(await store.load(theirs, at(1))).toBeDefined()
    })
  })
}
