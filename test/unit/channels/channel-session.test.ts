import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import {
  type ChannelEnd,
  type ChannelFollower,
  ChannelSession,
  type ChannelStore,
  type FieldChanges,
  SessionError,
} from '../../../lib/index'
import { quickTypeScript } from '../../support/example'

interface Shape {
  name?: string
  color?: string
  cart?: string[]
}

/** Keeps one session and a list of the changes to it, and replies when the test releases it. */
class OneSession implements ChannelStore {
  readonly followers = new Set<ChannelFollower>()
  readonly asked: { set: Record<string, string>; remove: string[] }[] = []
  values = new Map<string, string>()
  isOver = false
  failing = false
  maxBytes?: number
  held: Promise<void> = Promise.resolve()

  follow(_id: string, follower: ChannelFollower): () => void {
    this.followers.add(follower)
    follower.changed(new Map(this.values))
    return () => this.followers.delete(follower)
  }

  async change(_id: string, { set, remove }: FieldChanges): Promise<boolean> {
    this.asked.push({ set: Object.fromEntries(set), remove: [...remove] })
    await this.held
    if (this.failing) throw new Error('away')
    if (this.isOver) return false
    for (const [key, text] of set) this.values.set(key, text)
    for (const key of remove) this.values.delete(key)
    this.notify()
    return true
  }

  async end(): Promise<void> {
    await this.held
    if (this.failing) throw new Error('away')
    this.finish('ended')
  }

  /** As another client would. */
  write(key: string, value: unknown): void {
    this.values.set(key, JSON.stringify(value))
    this.notify()
  }

  notify(): void {
    for (const follower of [...this.followers]) follower.changed(new Map(this.values))
  }

  finish(reason: ChannelEnd): void {
    this.isOver = true
    for (const follower of [...this.followers]) follower.ended(reason)
  }
}

describe('a plain holder', () => {
  test('holds nothing at first', () => {
    const session = new ChannelSession<Shape>()
    expect([session.get(), session.sessionChanged, session.channelId, session.closed]).toEqual([
      undefined,
      false,
      '',
      false,
    ])
  })

  test('takes over an initial value without marking it changed', () => {
    const session = new ChannelSession<Shape>()
    session.setInitial({ name: 'Ada' })
    expect([session.get(), session.sessionChanged]).toEqual([{ name: 'Ada' }, false])
  })

  test('gives back the very object that was set, at once', () => {
    const session = new ChannelSession<Shape>()
    const value = { name: 'Ada' }
    void session.set(value)
    expect(session.get()).toBe(value)
    expect(session.sessionChanged).toBe(true)
  })

  test.each<[string, Shape, boolean]>([
    ['an equal value', { name: 'Ada', color: 'red' }, false],
    ['an equal value in another order', { color: 'red', name: 'Ada' }, false],
    ['an absent value spelt out', { name: 'Ada', color: 'red', cart: undefined as never }, false],
    ['another value', { name: 'Ada', color: 'blue' }, true],
    ['a key more', { name: 'Ada', color: 'red', cart: [] }, true],
    ['a key fewer', { name: 'Ada' }, true],
  ])('compares what is held with what was taken over: %s', (_name, value, changed) => {
    const session = new ChannelSession<Shape>()
    session.setInitial({ name: 'Ada', color: 'red' })
    void session.set(value)
    expect(session.sessionChanged).toBe(changed)
  })

  test('is unchanged again when the old value is set again, or another one is taken over', () => {
    const session = new ChannelSession<Shape>()
    session.setInitial({ name: 'Ada' })
    void session.set({ name: 'Bo' })
    void session.set({ name: 'Ada' })
    expect(session.sessionChanged).toBe(false)
    void session.set({ name: 'Bo' })
    session.setInitial({ name: 'Cy' })
    expect([session.get(), session.sessionChanged]).toEqual([{ name: 'Cy' }, false])
  })

  test('sees a change in place', () => {
    const session = new ChannelSession<Shape>()
    session.setInitial({ cart: ['a'] })
    session.get()?.cart?.push('b')
    expect([session.get(), session.sessionChanged]).toEqual([{ cart: ['a', 'b'] }, true])
  })

  test('updates some keys, and removes those that are null', () => {
    const session = new ChannelSession<Shape>()
    session.setInitial({ name: 'Ada', color: 'red' })
    void session.update({ name: 'Bo', color: null })
    expect(session.get()).toEqual({ name: 'Bo' })
  })

  test('clears', () => {
    const session = new ChannelSession<Shape>()
    session.setInitial({ name: 'Ada' })
    void session.clear()
    expect([session.get(), session.sessionChanged]).toEqual([undefined, true])
    void session.set({ name: 'Bo' })
    expect(session.get()).toEqual({ name: 'Bo' })
  })

  test('refuses at once what JSON cannot carry, and what is no object', () => {
    const session = new ChannelSession<Record<string, unknown>>()
    expect(() => session.set({ n: 1n })).toThrow(expect.objectContaining({ code: 'INVALID_SESSION_VALUE' }))
    expect(() => session.set(null as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
    expect(session.get()).toBeUndefined()
  })

  test.each([
    ['a list', []],
    ['a Map', new Map([['name', 'Bo']])],
    ['a promise', Promise.resolve({ name: 'Bo' })],
    ['an empty key', { '': 1 }],
  ])('refuses %s, and holds what it held', (_title, given) => {
    const session = new ChannelSession<Record<string, unknown>>()
    session.setInitial({ name: 'Ada' })
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' })
    for (const act of [() => session.set(given as never), () => session.update(given as never)]) {
      expect(act).toThrow(refused)
    }
    expect(() => session.setInitial(given as never)).toThrow(refused)
    expect(session.get()).toEqual({ name: 'Ada' })
  })
})

describe('with a channel store', () => {
  let store: OneSession

  function open(): ChannelSession<Shape> {
    return new ChannelSession<Shape>(store, 'one')
  }

  beforeEach(() => {
    store = new OneSession()
    store.values = new Map([
      ['name', '"Ada"'],
      ['color', '"red"'],
    ])
  })

  test('needs a channel id', () => {
    expect(() => new ChannelSession(store)).toThrow(SessionError)
  })

  test('shows what is stored, as unchanged', () => {
    expect([open().get(), open().sessionChanged]).toEqual([{ name: 'Ada', color: 'red' }, false])
  })

  test('stores only what differs, and is unchanged once it is stored', async () => {
    const session = open()
    const stored = session.set({ name: 'Bo', color: 'red', cart: [] })
    expect([session.get(), session.sessionChanged]).toEqual([{ name: 'Bo', color: 'red', cart: [] }, true])
    await stored
    expect(store.asked).toEqual([{ set: { name: '"Bo"', cart: '[]' }, remove: [] }])
    expect(session.sessionChanged).toBe(false)
  })

  test('removes what is left out', async () => {
    await open().set({ name: 'Ada' })
    expect(store.asked).toEqual([{ set: {}, remove: ['color'] }])
  })

  test('asks nothing of the store when nothing differs', async () => {
    await open().set({ color: 'red', name: 'Ada' })
    expect(store.asked).toEqual([])
  })

  test('keeps a change in place at the next set', async () => {
    const session = open()
    const value = session.get()
    if (value !== undefined) value.name = 'Bo'
    await session.set(value ?? {})
    expect(store.asked).toEqual([{ set: { name: '"Bo"' }, remove: [] }])
  })

  test('publishes to its listeners the changes of other channels, not its own', async () => {
    const [one, other] = [open(), open()]
    const received: string[] = []
    one.onChange((value) => received.push(`one ${JSON.stringify(value)}`))
    other.onChange((value) => received.push(`other ${JSON.stringify(value)}`))
    await one.update({ name: 'Bo' })
    expect(received).toEqual(['other {"name":"Bo","color":"red"}'])
    expect([one.get(), other.get()]).toEqual([
      { name: 'Bo', color: 'red' },
      { name: 'Bo', color: 'red' },
    ])
  })

  test('calls no listener when no value differs, and none that was removed', () => {
    const session = open()
    const received: Shape[] = []
    const stop = session.onChange((value) => received.push(value))
    store.notify()
    stop()
    store.write('name', 'Bo')
    expect(received).toEqual([])
  })

  test('does not undo what came in between and was not seen', async () => {
    const session = open()
    const seen = session.get()
    store.write('color', 'blue')
    await session.set({ ...seen, name: 'Bo' })
    expect(store.asked).toEqual([{ set: { name: '"Bo"' }, remove: [] }])
    expect(session.get()).toEqual({ name: 'Bo', color: 'blue' })
  })

  test('shows the value that it sets, whatever change arrives before the store has it', async () => {
    const session = open()
    const received: Shape[] = []
    session.onChange((value) => received.push(value))
    let release = () => {}
    store.held = new Promise((resolve) => (release = resolve))
    const stored = session.update({ name: 'Bo' })
    store.write('color', 'blue')
    expect([session.get(), received]).toEqual([{ name: 'Bo', color: 'blue' }, [{ name: 'Bo', color: 'blue' }]])
    release()
    await stored
    expect([session.get(), session.sessionChanged]).toEqual([{ name: 'Bo', color: 'blue' }, false])
  })

  test('stores one after the other, and what piles up in one go', async () => {
    const session = open()
    let release = () => {}
    store.held = new Promise((resolve) => (release = resolve))
    const stored = [session.update({ name: 'Bo' })]
    await Promise.resolve()
    stored.push(session.update({ name: 'Cy', color: null }), session.update({ color: 'green' }))
    await new Promise((resolve) => setImmediate(resolve))
    expect(store.asked).toHaveLength(1)
    release()
    await Promise.all(stored)
    expect(store.asked).toEqual([
      { set: { name: '"Bo"' }, remove: [] },
      { set: { name: '"Cy"', color: '"green"' }, remove: [] },
    ])
  })

  test('holds on to what could not be stored, and brings it along next time', async () => {
    const session = open()
    store.failing = true
    await expect(session.update({ name: 'Bo' })).rejects.toThrow('away')
    expect([session.get(), session.sessionChanged]).toEqual([{ name: 'Bo', color: 'red' }, true])
    store.failing = false
    await session.update({ color: 'blue' })
    expect([store.asked.at(-1), session.sessionChanged]).toEqual([
      { set: { name: '"Bo"', color: '"blue"' }, remove: [] },
      false,
    ])
  })

  test('refuses what the store would not take, counting what is under way and what failed', async () => {
    store.maxBytes = 40
    const session = open()
    const first = session.update({ cart: ['x'.repeat(10)] })
    const tooLarge = { code: 'SESSION_TOO_LARGE' }
    await expect(session.update({ name: 'x'.repeat(10) })).rejects.toMatchObject(tooLarge)
    await expect(session.set({ name: 'x'.repeat(40) })).rejects.toMatchObject(tooLarge)
    await first
    store.failing = true
    await expect(session.update({ color: 'green' })).rejects.toThrow('away')
    await expect(session.update({ name: 'Alana' })).rejects.toMatchObject(tooLarge)
    store.failing = false
    await session.update({ cart: null })
    expect(session.get()).toEqual({ name: 'Ada', color: 'green' })
    expect([Object.fromEntries(store.values), session.sessionChanged]).toEqual([
      { name: '"Ada"', color: '"green"' },
      false,
    ])
  })

  test.each(['session.close()', 'store.failing = true'])(
    'a rejection without a handler ends no process: %s',
    (trouble) => {
      const script = `
      const { ChannelSession } = require('./lib')
      const store = { follow: (_id, follower) => (follower.changed(new Map()), () => {}), change: async () => { throw new Error('away') } }
      const session = new ChannelSession(store, 'one')
      ${trouble}
      session.set({ name: 'Ada' })
      setTimeout(() => console.log('alive'), 20)`
      const printed = execFileSync(process.execPath, [...quickTypeScript, '-e', script], {
        encoding: 'utf8',
        cwd: join(__dirname, '../../..'),
      })
      expect(printed).toBe('alive\n')
    },
  )

  test('clear() empties the channel at once, and ends the session for all its channels', async () => {
    const [one, other] = [open(), open()]
    const cleared = one.clear()
    expect(one.get()).toBeUndefined()
    await cleared
    expect([one.ended, other.ended, other.get()]).toEqual(['ended', 'ended', undefined])
  })

  test('clears after what was set before, and takes nothing after it', async () => {
    const session = open()
    const stored = session.set({ name: 'Bo' })
    const cleared = session.clear()
    const late = session.set({ name: 'Cy' })
    await expect(late).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' })
    await Promise.all([stored, cleared])
    expect(store.asked).toHaveLength(1)
  })

  test('shows the session again when it could not be ended', async () => {
    const session = open()
    store.failing = true
    await expect(session.clear()).rejects.toThrow('away')
    expect([session.get(), session.ended]).toEqual([{ name: 'Ada', color: 'red' }, undefined])
  })

  test.each(['ended', 'expired', 'replaced', 'closed'] as const)(
    'calls onEnd with the reason when the session is %s',
    async (reason) => {
      const session = open()
      const received: string[] = []
      session.onEnd((why) => received.push(why))
      store.finish(reason)
      expect([received, session.ended, session.closed, session.get(), session.sessionChanged]).toEqual([
        [reason],
        reason,
        true,
        undefined,
        false,
      ])
      await expect(session.set({ name: 'Bo' })).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' })
      await session.clear()
      expect(store.followers.size).toBe(0)
    },
  )

  test('an onEnd listener that is added after the end is called once', async () => {
    const session = open()
    store.finish('ended')
    const received: string[] = []
    session.onEnd((why) => received.push(why))
    const stop = session.onEnd((why) => received.push(`stopped ${why}`))
    stop()
    expect(received).toEqual([])
    await Promise.resolve()
    expect(received).toEqual(['ended'])
  })

  test('a store that finds the session over says so with false', async () => {
    const session = open()
    store.isOver = true
    await expect(session.set({ name: 'Bo' })).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' })
  })

  test('a session that is over from the start ends the channel at once', () => {
    const over: ChannelStore = {
      follow: (_id, follower) => {
        follower.ended('expired')
        return () => undefined
      },
      change: () => false,
      end: () => undefined,
    }
    expect(new ChannelSession(over, 'one')).toMatchObject({ ended: 'expired', closed: true })
  })

  test('a closed channel follows nothing, keeps its values, and calls no listener', () => {
    const session = open()
    const received = jest.fn()
    session.onChange(received)
    session.onEnd(received)
    session.close()
    session.close()
    store.write('name', 'Bo')
    store.finish('ended')
    expect([session.get(), session.ended, session.closed]).toEqual([{ name: 'Ada', color: 'red' }, undefined, true])
    expect(received).not.toHaveBeenCalled()
    expect(store.followers.size).toBe(0)
  })

  test('a listener that throws does not keep the others from being called', () => {
    const session = open()
    const received = jest.fn()
    const later = jest.spyOn(process, 'nextTick').mockImplementation(() => {})
    session.onChange(() => {
      throw new Error('mine')
    })
    session.onChange(received)
    store.write('name', 'Bo')
    expect(received).toHaveBeenCalledTimes(1)
    const [thrower] = later.mock.calls[0] as unknown as [() => void]
    later.mockRestore()
    expect(thrower).toThrow('mine')
  })

  test('the same function may listen twice', () => {
    const session = open()
    const received = jest.fn()
    const stop = session.onChange(received)
    session.onChange(received)
    stop()
    store.write('name', 'Bo')
    expect(received).toHaveBeenCalledTimes(1)
  })
})
