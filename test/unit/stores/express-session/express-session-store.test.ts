import { inspect } from 'node:util'
import { hashId, mintIdFor } from '../../../../lib/id/session-id'
import type { RecordChange } from '../../../../lib/session/record'
import type { SessionStore } from '../../../../lib/session/store'
import {
  adaptExpressSessionStore,
  type ExpressSessionStore,
  isExpressSessionStore,
} from '../../../../lib/stores/express-session/express-session-store'
import { MemoryStore } from '../../../../lib/stores/memory-store'
import { at, newHandle, sessionWith, setting } from '../../../contract/samples'
import { ControlledExpressSessionStore } from '../../../support/controlled-store'

const now = at(0)

async function kept(fields: Record<string, string> = { a: '1' }, record = {}) {
  const store = new ControlledExpressSessionStore()
  const adapter = adaptExpressSessionStore(store)
  const handle = newHandle()
  const session = sessionWith(record, fields)
  await adapter.insert(handle, session, now)
  store.takeCalls()
  return { store, adapter, handle, session }
}

describe('which stores are taken', () => {
  const method = () => {}
  test.each<[string, unknown, boolean]>([
    ['get, set and destroy', { get: method, set: method, destroy: method }, true],
    ['methods on a prototype', new ControlledExpressSessionStore(), true],
    ['no destroy (a Map)', { get: method, set: method }, false],
    ['a class in place of an instance', ControlledExpressSessionStore, false],
    ['a function with the methods', Object.assign(() => {}, { get: method, set: method, destroy: method }), false],
    ['a store of the package', new MemoryStore(), false],
    ['both kinds at once', { get: method, set: method, destroy: method, insert: method, change: method }, false],
    ['nothing', undefined, false],
    ['null', null, false],
    ['text', 'redis', false],
  ])('%s', (_name, value, expected) => {
    expect(isExpressSessionStore(value)).toBe(expected)
  })

  test('the methods that such a store cannot serve are absent', () => {
    const { list, deleteAll, changeAll, close }: SessionStore = adaptExpressSessionStore(
      new ControlledExpressSessionStore(),
    )
    expect([list, deleteAll, changeAll, close]).toEqual([undefined, undefined, undefined, undefined])
  })
})

describe('calls', () => {
  test('a read is one get, a change get and set, a delete get and destroy', async () => {
    const { store, adapter, handle } = await kept()
    await adapter.load(handle, now)
    expect(store.takeCalls()).toEqual(['get'])
    await adapter.change(handle, setting({ b: '2' }), now)
    expect(store.takeCalls()).toEqual(['get', 'set'])
    await adapter.delete(handle, now)
    expect(store.takeCalls()).toEqual(['get', 'destroy'])
  })

  test('a refused change and a delete of nothing write nothing', async () => {
    const { store, adapter, handle } = await kept()
    expect(await adapter.change(handle, { ...setting({ b: '2' }), epoch: 7 }, now)).toBe('gone')
    expect(await adapter.change(handle, setting({ b: '2' }), at(86_400))).toBe('gone')
    expect(await adapter.change('A'.repeat(16), setting({ b: '2' }), now)).toBe('gone')
    expect(await adapter.delete('A'.repeat(16), now)).toBe('absent')
    expect(await adapter.delete(handle, now, { subject: 'ann' })).toBe('refused')
    expect(await adapter.load(handle, at(86_400))).toBeUndefined()
    expect(store.calls).toEqual(['get', 'get', 'get', 'get', 'get', 'get'])
  })
})

describe('one step within the process', () => {
  test('changes in parallel keep each other, also through two adapters of one store', async () => {
    const { store, adapter, handle } = await kept({})
    const other = adaptExpressSessionStore(store)
    store.hold('get')
    const changes = Array.from({ length: 50 }, (_, i) =>
      (i % 2 === 0 ? adapter : other).change(handle, setting({ [`k${i}`]: `${i}` }), now),
    )
    store.release('get')
    expect(new Set(await Promise.all(changes))).toEqual(new Set(['stored']))
    expect((await adapter.load(handle, now))?.fields.size).toBe(50)
  })

  test('a read does not wait for a write that is under way', async () => {
    const { store, adapter, handle } = await kept()
    store.hold('set')
    const change = adapter.change(handle, setting({ a: '2' }), now)
    expect((await adapter.load(handle, now))?.fields.get('a')).toBe('1')
    store.release('set')
    await change
    expect((await adapter.load(handle, now))?.fields.get('a')).toBe('2')
  })

  test('changes of different sessions do not wait for each other', async () => {
    const { store, adapter, handle } = await kept()
    const other = newHandle()
    await adapter.insert(other, sessionWith(), now)
    store.hold('set')
    const held = adapter.change(handle, setting({ a: '2' }), now)
    const others = adapter.change(other, setting({ a: '3' }), now)
    await new Promise((resolve) => setImmediate(resolve))
    expect(store.calls.filter((call) => call === 'set')).toHaveLength(3)
    store.release('set')
    expect(await Promise.all([held, others])).toEqual(['stored', 'stored'])
  })

  test('a delete that came before a waiting change wins, and a change before it does not revive', async () => {
    const { store, adapter, handle } = await kept()
    store.hold('set')
    const first = adapter.change(handle, setting({ a: '2' }), now)
    const ended = adapter.delete(handle, now)
    const second = adapter.change(handle, setting({ a: '3' }), now)
    store.release('set')
    expect(await Promise.all([first, ended, second])).toEqual(['stored', 'ended', 'gone'])
    expect(store.kept.size).toBe(0)
  })

  test('of many renewals from one id exactly one issues the new one', async () => {
    const { adapter, handle, session } = await kept()
    const renewals = Array.from({ length: 10 }, (): RecordChange => {
      const to = hashId(mintIdFor(handle, 24))
      return { renew: { from: session.record.hash, to, issuedAt: now, previousUntil: now + 30 } }
    })
    const results = await Promise.all(renewals.map((renewal) => adapter.change(handle, renewal, now)))
    expect(results.filter((result) => result === 'renewed')).toHaveLength(1)
  })

  test('what a caller changes after its call changes nothing', async () => {
    const { store, adapter, handle } = await kept()
    store.hold('get')
    const first = adapter.change(handle, setting({ a: '2' }), now)
    const set = new Map([['b', '1']])
    const remove = ['a']
    const context = { ip: '192.0.2.1', device: { name: 'Laptop' } }
    const times = { createdAt: now, expiresAt: now + 60 }
    const second = adapter.change(handle, { fields: { set, remove }, bind: { subject: 'ann', context, ...times } }, now)
    set.set('b', '2')
    remove.pop()
    context.device.name = 'Phone'
    store.release('get')
    await Promise.all([first, second])
    const after = await adapter.load(handle, now)
    expect([...(after?.fields ?? [])]).toEqual([['b', '1']])
    expect(after?.record.context?.device).toEqual({ name: 'Laptop' })
  })
})

test('what a caller changes after its insert changes nothing, also when the insert has to wait', async () => {
  const { store, adapter, handle, session } = await kept()
  store.hold('get')
  const first = adapter.delete(handle, now)
  const context = { ip: '192.0.2.1', device: { name: 'Laptop' } }
  const fields = new Map([['b', '1']])
  const second = adapter.insert(handle, { record: { ...session.record, context }, fields }, now)
  fields.set('b', '2')
  context.device.name = 'Phone'
  store.release('get')
  await Promise.all([first, second])
  const after = await adapter.load(handle, now)
  expect(after?.fields.get('b')).toBe('1')
  expect(after?.record.context?.device).toEqual({ name: 'Laptop' })
})

describe('manners of stores', () => {
  const withGet = (get: ExpressSessionStore['get']): ExpressSessionStore => {
    const store = new ControlledExpressSessionStore()
    return { get, set: store.set.bind(store), destroy: store.destroy.bind(store) }
  }
  const coded = (code: string, syscall?: string) => Object.assign(new Error(code), { code, syscall })
  const handle = 'A'.repeat(16)

  test.each<[string, ExpressSessionStore['get']]>([
    ['no arguments', (_sid, callback) => callback()],
    ['null, null', (_sid, callback) => callback(null, null)],
    ['null, undefined', (_sid, callback) => callback(null, undefined)],
    ['an error ENOENT', (_sid, callback) => callback(coded('ENOENT', 'open'))],
    ['a SyntaxError', (_sid, callback) => callback(new SyntaxError('Unexpected token'))],
    ['a SyntaxError thrown', () => JSON.parse('{"cut')],
    ['a session of express-session', (_sid, callback) => callback(null, { cookie: { expires: null }, user: 'ann' })],
    ['text', (_sid, callback) => callback(null, 'garbage')],
    ['a number', (_sid, callback) => callback(null, 7)],
    ['a list', (_sid, callback) => callback(null, [])],
    ['another version', (_sid, callback) => callback(null, { holdfast: { version: 2, record: {}, fields: {} } })],
  ])('a session is absent when get replies with %s', async (_name, get) => {
    const adapter = adaptExpressSessionStore(withGet(get))
    expect(await adapter.load(handle, now)).toBeUndefined()
    expect(await adapter.change(handle, setting({ a: '1' }), now)).toBe('gone')
    expect(await adapter.delete(handle, now)).toBe('absent')
  })

  test.each<[string, ExpressSessionStore['get'], unknown]>([
    ['calls back with an error', (_sid, callback) => callback(coded('ECONNREFUSED')), { code: 'ECONNREFUSED' }],
    ['cannot reach its Unix socket', (_sid, callback) => callback(coded('ENOENT', 'connect')), { code: 'ENOENT' }],
    [
      'throws',
      () => {
        throw new Error('down')
      },
      { message: 'down' },
    ],
    ['calls back with text', (_sid, callback) => callback('down'), 'down'],
    [
      'throws null',
      () => {
        throw null as unknown as Error
      },
      null,
    ],
    ['rejects beside the callback', () => Promise.reject(new Error('ttl failed')), { message: 'ttl failed' }],
    [
      'fails first and replies later',
      (_sid, callback) => {
        callback(new Error('first'))
        callback(null, {})
      },
      { message: 'first' },
    ],
  ])('a store that %s has failed', async (_name, get, error) => {
    const expected = error instanceof Object ? expect.objectContaining(error) : error
    const adapter = adaptExpressSessionStore(withGet(get))
    await expect(adapter.load(handle, now)).rejects.toEqual(expected)
    await expect(adapter.change(handle, setting({ a: '1' }), now)).rejects.toEqual(expected)
    await expect(adapter.delete(handle, now)).rejects.toEqual(expected)
  })

  test('a failed set or destroy rejects, ENOENT of a set too; of a destroy it says that nothing is there', async () => {
    const { store, adapter, handle } = await kept()
    store.set = (_sid, _session, callback) => callback?.(coded('ENOENT', 'open'))
    await expect(adapter.change(handle, setting({ a: '2' }), now)).rejects.toThrow('ENOENT')
    store.destroy = (_sid, callback) => callback?.(coded('EIO'))
    await expect(adapter.delete(handle, now)).rejects.toThrow('EIO')
    store.destroy = (_sid, callback) => callback?.(coded('ENOENT', 'unlink'))
    expect(await adapter.delete(handle, now)).toBe('ended')
  })

  test("a session's clock that is behind the machine's or ahead of it: nothing is dropped too early", async () => {
    for (const turned of [0, Date.now() / 1000 - 60, Date.now() / 1000 + 60]) {
      const store = new ControlledExpressSessionStore()
      const handle = newHandle()
      await adaptExpressSessionStore(store).insert(handle, sessionWith({ expiresAt: turned + 30 }), turned)
      const { cookie } = JSON.parse(store.kept.get(handle) ?? '')
      const expires = Date.parse(cookie.expires) / 1000
      expect(expires).toBeCloseTo(Math.max(turned, Date.now() / 1000) + 30, 0)
    }
  })

  test('the first of several replies counts, and a promise beside the callback is no reply', async () => {
    const { store, handle } = await kept()
    const plain = new ControlledExpressSessionStore(store.kept)
    const adapter = adaptExpressSessionStore({
      async get(sid, callback) {
        setImmediate(() => {
          plain.get(sid, callback)
          callback(null, null)
          callback(new Error('again'))
        })
      },
      async set(sid, session, callback) {
        plain.set(sid, session, callback)
        throw new Error('after the reply')
      },
      destroy: plain.destroy.bind(plain),
    })
    expect((await adapter.load(handle, now))?.fields.get('a')).toBe('1')
    expect(await adapter.change(handle, setting({ a: '2' }), now)).toBe('stored')
    expect((await adapter.load(handle, now))?.fields.get('a')).toBe('2')
  })

  test('an object that a store keeps and hands out itself is neither changed nor shared', async () => {
    const objects = new Map<string, object>()
    const adapter = adaptExpressSessionStore({
      get: (sid, callback) => callback(null, objects.get(sid)),
      set: (sid, session, callback) => {
        objects.set(sid, session)
        callback?.()
      },
      destroy: (sid, callback) => {
        objects.delete(sid)
        callback?.()
      },
    })
    const context = { ip: '192.0.2.1', device: { name: 'Laptop' } }
    const handle = newHandle()
    await adapter.insert(handle, sessionWith({ subject: 'ann', context }, { a: '1' }), now)
    const first = objects.get(handle)
    const before = inspect(first, { depth: 9 })
    context.device.name = 'Phone'
    const loaded = await adapter.load(handle, now)
    if (loaded?.record.context?.device !== undefined) loaded.record.context.device.name = 'Watch'
    await adapter.change(handle, setting({ a: '2', b: '3' }), now)
    expect(objects.get(handle)).not.toBe(first)
    expect(inspect(first, { depth: 9 })).toBe(before)
  })

  test('a delete ends what another version of the package kept, and leaves what is not of the package', async () => {
    const { store, adapter, handle } = await kept()
    store.kept.set(handle, JSON.stringify({ cookie: {}, holdfast: { version: 2 } }))
    expect(await adapter.delete(handle, now)).toBe('absent')
    expect(store.kept.size).toBe(0)
    store.kept.set(handle, JSON.stringify({ cookie: {}, user: 'ann' }))
    expect(await adapter.delete(handle, now)).toBe('absent')
    expect(store.kept.size).toBe(1)
  })
})
