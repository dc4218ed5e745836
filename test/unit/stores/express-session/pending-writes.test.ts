import type { DeleteConditions } from '../../../../lib/session/store'
import { adaptExpressSessionStore } from '../../../../lib/stores/express-session/express-session-store'
import { PendingWrites } from '../../../../lib/stores/express-session/pending-writes'
import { at, newHandle, recordWith, sessionWith, setting } from '../../../contract/samples'
import { ControlledExpressSessionStore } from '../../../support/controlled-store'

const now = at(0)
const limit = 5

beforeEach(() => {
  jest.useFakeTimers({ now: now * 1000, doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] })
})
afterEach(() => {
  jest.useRealTimers()
})

async function kept(record = {}) {
  const store = new ControlledExpressSessionStore()
  const adapter = adaptExpressSessionStore(store, { storeTimeout: limit })
  const handle = newHandle()
  const session = sessionWith(record, { a: '1' })
  await adapter.insert(handle, session, now)
  const change = (text: string) => adapter.change(handle, setting({ a: text }), now)
  const value = async () => (await adapter.load(handle, now))?.fields.get('a')
  return { store, adapter, handle, session, change, value }
}

const timedOut = { code: 'STORE_TIMEOUT', status: 503 }
const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('a store that does not reply', () => {
  test.each(['get', 'set', 'destroy'] as const)(
    'a %s that hangs holds the next one up until the limit',
    async (method) => {
      const { store, adapter, change, handle, value } = await kept()
      store.hold(method)
      const hung = expect(method === 'destroy' ? adapter.delete(handle, now) : change('2')).rejects.toMatchObject(
        timedOut,
      )
      await jest.advanceTimersByTimeAsync(1000)
      const next = change('3')
      await jest.advanceTimersByTimeAsync(3999)
      const writes = store.calls.filter((call) => call === 'set').length
      store.hold('get')
      await jest.advanceTimersByTimeAsync(1)
      await hung
      expect(store.calls.filter((call) => call === 'set')).toHaveLength(writes)
      expect(store.calls.at(-1)).toBe('get')
      store.release('get')
      store.release('set')
      await settle()
      expect(await next).toBe('stored')
      expect(await value()).toBe('3')
    },
  )

  test('what has waited too long does not begin', async () => {
    const { store, change, value } = await kept()
    store.hold('set')
    const all = [change('2'), change('3'), change('4')].map((call) => expect(call).rejects.toMatchObject(timedOut))
    await jest.advanceTimersByTimeAsync(limit * 1000)
    await Promise.all(all)
    expect(store.calls).toEqual(['set', 'get', 'set'])
    store.release('set')
    expect(await value()).toBe('2')
  })

  test('one that leaves the queue while it waits lets the others through in their order', async () => {
    const { store, adapter, change, handle, value } = await kept()
    store.hold('get')
    const slow = change('2')
    const waiting = adaptExpressSessionStore(store, { storeTimeout: 1 }).change(handle, setting({ a: '3' }), now)
    const last = adapter.change(handle, setting({ b: '4' }), now)
    const cut = expect(waiting).rejects.toMatchObject(timedOut)
    await jest.advanceTimersByTimeAsync(1000)
    await cut
    store.release('get')
    expect(await Promise.all([slow, last])).toEqual(['stored', 'stored'])
    expect(await value()).toBe('2')
  })

  test.each(['change', 'delete'] as const)('a %s whose read comes too late writes nothing', async (method) => {
    const { store, adapter, change, handle, value } = await kept()
    store.hold('get')
    const cut = expect(method === 'change' ? change('2') : adapter.delete(handle, now)).rejects.toMatchObject(timedOut)
    await jest.advanceTimersByTimeAsync(limit * 1000)
    await cut
    store.release('get')
    await settle()
    expect(store.calls).toEqual(['set', 'get'])
    expect(await value()).toBe('1')
  })

  test('no timer is left behind', async () => {
    const { adapter, change, handle } = await kept()
    await change('2')
    await adapter.delete(handle, now)
    await settle()
    expect(jest.getTimerCount()).toBe(0)
  })
})

describe('a write that lands after its time limit', () => {
  async function endedMeanwhile(record = {}, only?: DeleteConditions) {
    const all = await kept(record)
    const { store, adapter, change, handle } = all
    store.hold('set')
    const hung = expect(change('late')).rejects.toMatchObject(timedOut)
    await jest.advanceTimersByTimeAsync(limit * 1000)
    await hung
    return { ...all, ended: await adapter.delete(handle, now, only) }
  }

  test('does not revive a session that was ended meanwhile', async () => {
    const { store, change, ended, value } = await endedMeanwhile()
    expect(ended).toBe('ended')
    store.hold('destroy')
    store.release('set')
    await settle()
    expect(store.kept.size).toBe(1)
    expect(await value()).toBeUndefined()
    expect(await change('3')).toBe('gone')
    store.release('destroy')
    await settle()
    expect(store.kept.size).toBe(0)
  })

  test('stays without effect in this process when the store then refuses to end it', async () => {
    const { store, change, value } = await endedMeanwhile()
    const sound = store.destroy.bind(store)
    store.destroy = () => {
      throw new Error('down')
    }
    store.release('set')
    await settle()
    expect(store.kept.size).toBe(1)
    store.destroy = sound
    expect(await value()).toBeUndefined()
    expect(await change('3')).toBe('gone')
  })

  test('a session whose first write lands late is ended too, though the delete found nothing', async () => {
    const store = new ControlledExpressSessionStore()
    const adapter = adaptExpressSessionStore(store, { storeTimeout: limit })
    const handle = newHandle()
    const session = sessionWith({ subject: 'ann' })
    store.hold('set')
    const hung = expect(adapter.insert(handle, session, now)).rejects.toMatchObject(timedOut)
    await jest.advanceTimersByTimeAsync(limit * 1000)
    await hung
    expect(await adapter.delete(handle, now, { subject: 'bob' })).toBe('refused')
    expect(await adapter.delete(handle, now, { subject: 'ann' })).toBe('absent')
    store.release('set')
    await settle()
    expect(store.kept.size).toBe(0)
  })

  test('a delete that failed ends nothing: the session lives on', async () => {
    const { store, adapter, change, handle, value } = await kept()
    store.hold('set')
    const hung = expect(change('late')).rejects.toMatchObject(timedOut)
    await jest.advanceTimersByTimeAsync(limit * 1000)
    await hung
    const sound = store.destroy.bind(store)
    store.destroy = () => {
      throw new Error('down')
    }
    await expect(adapter.delete(handle, now)).rejects.toThrow('down')
    store.destroy = sound
    expect(await value()).toBe('1')
    store.release('set')
    await settle()
    expect(await value()).toBe('late')
  })

  test('a session that was not ended keeps it, as the documentation warns: over what was written since', async () => {
    const { store, change, value } = await kept()
    const plain = new ControlledExpressSessionStore(store.kept)
    store.hold('set')
    const hung = expect(change('late')).rejects.toMatchObject(timedOut)
    await jest.advanceTimersByTimeAsync(limit * 1000)
    await hung
    const held = store.set.bind(store)
    store.set = plain.set.bind(plain)
    expect(await change('2')).toBe('stored')
    store.set = held
    store.release('set')
    expect(await value()).toBe('late')
  })

  test('a new session under the same handle is not ended', async () => {
    const { store, adapter, session, handle, value } = await endedMeanwhile()
    const plain = new ControlledExpressSessionStore(store.kept)
    store.set = plain.set.bind(plain)
    await adapter.insert(handle, session, now)
    expect(await value()).toBe('1')
    store.release('set')
    await settle()
    expect(await value()).toBe('late')
  })
})

describe('memory', () => {
  const never = new Promise<void>(() => {})
  const record = (seconds: number) => recordWith({ expiresAt: at(seconds) })

  test('a write that was replied to, failed or not, is forgotten once no other write is open', async () => {
    const writes = new PendingWrites(() => Promise.resolve())
    const replies = [Promise.resolve(), Promise.reject(new Error('lost')), Promise.resolve()]
    for (const reply of replies) writes.add('h', record(60), reply, now)
    expect(writes.size).toBe(1)
    await settle()
    expect(writes.size).toBe(0)
  })

  test('a write without a reply is forgotten at the latest deadline that the writes of its session carry', () => {
    const writes = new PendingWrites(() => Promise.resolve())
    writes.add('h', record(60), never, now)
    writes.add('h', record(30), never, now)
    writes.add('other', record(600), never, at(59))
    expect(writes.size).toBe(2)
    writes.add('other', record(600), never, at(60))
    expect(writes.size).toBe(1)
  })

  test('of several writes the newest says whose session it will be', () => {
    const writes = new PendingWrites(() => Promise.resolve())
    expect(writes.recordOf('h')).toBeUndefined()
    for (const subject of ['ann', 'bob']) writes.add('h', recordWith({ subject }), never, now)
    expect(writes.recordOf('h')?.subject).toBe('bob')
  })

  test('an ended session is destroyed at each late reply and stays ended until the last', async () => {
    const destroyed: string[] = []
    const writes = new PendingWrites(async (handle) => destroyed.push(handle))
    let reply: () => void = () => {}
    writes.add('h', record(60), Promise.resolve(), now)
    writes.add(
      'h',
      record(60),
      new Promise<void>((resolve) => {
        reply = resolve
      }),
      now,
    )
    writes.setEnded('h', true)
    await settle()
    expect([destroyed.length, writes.isEnded('h')]).toEqual([1, true])
    reply()
    await settle()
    expect([destroyed.length, writes.isEnded('h')]).toEqual([2, false])
  })
})
