import type { RecordChange, SessionRecord } from '../../lib/session/record'
import { changeRecord } from '../../lib/session/record'
import type { SessionStore } from '../../lib/session/store'
import { at, keptIn, newHandle, newHash, sessionWith, setting } from './samples'

/** `SessionStore.change`: each row of `changeRecord`, refusals, and changes that run in parallel. */
export function describeChange(store: () => SessionStore): void {
  describe('change', () => {
    const { kept, fieldsOf } = keptIn(store)

    const from = newHash()
    const to = newHash()
    const first = newHash()
    const unshown = { pending: [first], previousUntil: at(9) }
    const confirm = (hash: string): RecordChange => ({ confirm: { hash, issuedAt: at(3) } })
    const context = { ip: '10.0.0.1' }
    const renew = { from, to, issuedAt: at(50), previousUntil: at(80) }
    const replace = { hash: to, issuedAt: at(3) }
    const access = (seconds: number, idleUntil?: number): RecordChange => ({
      access: { accessedAt: at(seconds), ...(idleUntil !== undefined && { idleUntil: at(idleUntil) }) },
    })
    const bind = { subject: 'u1', context, createdAt: at(10), expiresAt: at(1000) }
    const rows: [string, Partial<SessionRecord>, RecordChange, string][] = [
      ['nothing', {}, {}, 'stored'],
      ['fields, with the right epoch', { epoch: 2 }, { epoch: 2, ...setting({ 'v:a': '2' }) }, 'stored'],
      ['fields, with an earlier epoch', { epoch: 2 }, { epoch: 1, ...setting({ 'v:a': '2' }) }, 'gone'],
      ['fields, with a later epoch', {}, { epoch: 1, ...setting({ 'v:a': '2' }) }, 'gone'],
      ['an access', {}, access(5), 'stored'],
      ['an earlier access', { accessedAt: at(7) }, access(5), 'stored'],
      ['an access, first idle deadline', {}, access(5, 65), 'stored'],
      ['an access, later idle deadline', { idleUntil: at(60) }, access(5, 65), 'stored'],
      ['an access, earlier idle deadline', { idleUntil: at(60) }, access(5, 40), 'stored'],
      ['an access, no idle deadline any more', { idleUntil: at(60) }, access(5), 'stored'],
      ['renew from the current id', { hash: from }, { renew }, 'renewed'],
      ['renew from the previous id', { previous: [from], previousUntil: at(9) }, { renew }, 'stored'],
      ['renew from another id', {}, { renew }, 'stored'],
      [
        'renew from the current id, after one that is pending',
        { hash: from, ...unshown },
        { renew: { ...renew, after: first } },
        'renewed',
      ],
      [
        'renew from the current id, when another one was issued meanwhile',
        { hash: from, ...unshown },
        { renew },
        'stored',
      ],
      [
        'renew, when the one after which it comes is not there',
        { hash: from },
        { renew: { ...renew, after: first } },
        'stored',
      ],
      [
        'renew, with as many pending as there may be',
        { hash: from, pending: [newHash(), newHash(), newHash(), first], previousUntil: at(9) },
        { renew: { ...renew, after: first } },
        'renewed',
      ],
      [
        'renew, without an overlap',
        { hash: from, previous: [newHash()], previousUntil: at(9) },
        { renew: { ...renew, previousUntil: renew.issuedAt } },
        'renewed',
      ],
      ['confirm', { hash: from, ...unshown }, confirm(first), 'stored'],
      [
        'confirm the first of three',
        { hash: from, pending: [first, to, newHash()], previousUntil: at(9) },
        confirm(first),
        'stored',
      ],
      [
        'confirm the second of three',
        { hash: from, pending: [newHash(), first, to], previousUntil: at(9) },
        confirm(first),
        'stored',
      ],
      [
        'confirm the last of three',
        { hash: from, pending: [to, newHash(), first], previousUntil: at(9) },
        confirm(first),
        'stored',
      ],
      ['confirm one more', { hash: from, previous: [newHash(), to], ...unshown }, confirm(first), 'stored'],
      ['confirm what is not pending', { hash: from, ...unshown }, confirm(to), 'stored'],
      ['confirm the current id', { hash: from, ...unshown }, confirm(from), 'stored'],
      ['confirm where nothing is pending', { hash: from, previous: [to], previousUntil: at(9) }, confirm(to), 'stored'],
      ['confirm, with the wrong epoch', { hash: from, ...unshown }, { epoch: 1, ...confirm(first) }, 'gone'],
      [
        'confirm, and renew',
        { hash: from, ...unshown },
        { ...confirm(first), renew: { ...renew, from: first } },
        'renewed',
      ],
      ['replace what is renewed', { hash: from, ...unshown, previous: [newHash()] }, { replace }, 'stored'],
      ['renew, with the wrong epoch', { hash: from }, { epoch: 1, renew }, 'gone'],
      ['renew, once more', { hash: from, previous: [newHash()], previousUntil: at(60) }, { renew }, 'renewed'],
      ['replace', { previous: [from], previousUntil: at(90) }, { replace }, 'stored'],
      ['replace, with the right epoch', { epoch: 4 }, { epoch: 4, replace }, 'stored'],
      ['replace, with the wrong epoch', { epoch: 4 }, { epoch: 3, replace }, 'gone'],
      ['bind', { idleUntil: at(60) }, { replace, bind }, 'stored'],
      ['bind, with an idle deadline', {}, { replace, bind: { ...bind, idleUntil: at(99) } }, 'stored'],
      ['bind, under the same id', { hash: to }, { replace, bind, ...setting({ 'v:a': '2' }) }, 'stored'],
      ['bind, refused', { epoch: 1 }, { epoch: 0, replace, bind }, 'gone'],
      [
        'bind to no subject',
        { subject: 'u1', context },
        { bind: { createdAt: at(10), expiresAt: at(1000) } },
        'stored',
      ],
      [
        'everything',
        { hash: from, epoch: 9 },
        { epoch: 9, renew, bind, ...access(1), ...setting({ 'v:a': '2' }, ['v:b']) },
        'renewed',
      ],
    ]

    test.each(rows)('%s', async (_, parts, change, result) => {
      const session = sessionWith(parts, { 'v:a': '1', 'v:b': '1' })
      const handle = await kept(session)
      expect(await store().change(handle, change, at(2))).toBe(result)
      const loaded = await store().load(handle, at(2))
      expect(loaded?.record).toEqual(changeRecord(session.record, change) ?? session.record)
      const applied = result === 'gone' ? setting({}) : change
      const fields = new Map(session.fields)
      for (const name of applied.fields?.remove ?? []) fields.delete(name)
      for (const [name, text] of applied.fields?.set ?? []) fields.set(name, text)
      expect(loaded?.fields).toEqual(fields)
    })

    test('change is refused, and makes no session, when there is none or it was ended', async () => {
      const handle = newHandle()
      expect(await store().change(handle, setting({ 'v:a': '1' }), at(0))).toBe('gone')
      expect(await store().load(handle, at(0))).toBeUndefined()
      const ended = await kept(sessionWith())
      await store().delete(ended, at(0))
      expect(await store().change(ended, { ...setting({ 'v:a': '1' }), bind }, at(0))).toBe('gone')
      expect(await store().load(ended, at(0))).toBeUndefined()
    })

    test('a removed field stays removed when other fields are changed, also by a change that began before', async () => {
      const handle = await kept(sessionWith({}, { 'v:a': '1', 'v:b': '1' }))
      await Promise.all([
        store().change(handle, setting({}, ['v:a']), at(1)),
        store().change(handle, setting({ 'v:b': '2' }), at(1)),
        store().change(handle, { access: { accessedAt: at(1) } }, at(1)),
      ])
      expect(await fieldsOf(handle)).toEqual({ 'v:b': '2' })
    })

    test('a field is set when a change both removes and sets it, and a removal of an absent one does nothing', async () => {
      const handle = await kept(sessionWith({}, { 'v:a': '1' }))
      await store().change(handle, setting({ 'v:a': '2' }, ['v:a', 'v:none']), at(1))
      expect(await fieldsOf(handle)).toEqual({ 'v:a': '2' })
    })

    test('a session stays as it is when the caller changes what it gave to change', async () => {
      const handle = await kept(sessionWith())
      const set = new Map([['v:a', '1']])
      const mine = { ip: '::1', device: { name: 'phone' } }
      const change = { fields: { set, remove: [] }, bind: { ...bind, context: mine } }
      await store().change(handle, change, at(1))
      set.set('v:a', '2')
      mine.device.name = 'changed'
      const loaded = await store().load(handle, at(11))
      expect(loaded?.fields).toEqual(new Map([['v:a', '1']]))
      expect(loaded?.record.context).toEqual({ ip: '::1', device: { name: 'phone' } })
    })

    test('the store keeps all changes when they change different fields in parallel', async () => {
      const handle = await kept(sessionWith())
      const names = Array.from({ length: 50 }, (_, index) => `v:${index}`)
      await Promise.all(names.map(async (name) => store().change(handle, setting({ [name]: name }), at(1))))
      expect(Object.keys(await fieldsOf(handle)).sort()).toEqual(names.sort())
    })

    test('the store carries out one renewal when several renew one id in parallel', async () => {
      const handle = await kept(sessionWith({ hash: from }))
      const results = await Promise.all(
        Array.from({ length: 20 }, async () =>
          store().change(handle, { epoch: 0, renew: { ...renew, to: newHash() } }, at(1)),
        ),
      )
      expect(results.filter((result) => result === 'renewed')).toHaveLength(1)
      expect(results.filter((result) => result === 'stored')).toHaveLength(19)
    })

    test('the store carries out one replacement when several replace one epoch in parallel', async () => {
      const handle = await kept(sessionWith())
      const results = await Promise.all(
        Array.from({ length: 20 }, async () =>
          store().change(handle, { epoch: 0, replace: { hash: newHash(), issuedAt: at(1) } }, at(1)),
        ),
      )
      expect(results.filter((result) => result === 'stored')).toHaveLength(1)
      expect((await store().load(handle, at(1)))?.record.epoch).toBe(1)
    })
  })
}
