import {
  type ChannelOptions,
  type ChannelSession,
  MemoryStore,
  SessionManager,
  type SessionOptions,
  type SessionStore,
} from '../../lib'
import { ControlledStore } from '../support/controlled-store'
import { hashId } from '../../lib/id/session-id'
import { FakeSocket, handshake, turn } from '../support/fake-socket'

// The machine's clock and its timers, and nothing by which promises or sockets come to their turn.
beforeEach(() => {
  jest.useFakeTimers({
    doNotFake: ['nextTick', 'setImmediate', 'clearImmediate', 'queueMicrotask', 'performance', 'hrtime'],
    now: 1_700_000_000_000,
  })
})
afterEach(() => jest.useRealTimers())

interface Opened {
  readonly sessions: SessionManager
  readonly id: string
  readonly socket: FakeSocket
  readonly channel: ChannelSession
  /** Makes a request with the session, as HTTP does. */
  use(): Promise<void>
}

async function open(options: SessionOptions, channelOptions: ChannelOptions = {}): Promise<Opened> {
  const sessions = new SessionManager({ store: new MemoryStore(), ...options })
  const id = await sessions.create({ name: 'Ada' })
  const socket = new FakeSocket()
  const channel = await sessions.openChannel<Record<string, unknown>>(socket, handshake(id), channelOptions)
  if (channel === undefined) throw new Error('no channel')
  await turn()
  return {
    sessions,
    id,
    socket,
    channel,
    async use() {
      await sessions.read(id)
      await turn()
    },
  }
}

async function pass(seconds: number): Promise<void> {
  for (let left = seconds; left > 0; left -= 5) {
    jest.advanceTimersByTime(Math.min(left, 5) * 1000)
    await turn()
  }
}

test('the absolute deadline closes the socket', async () => {
  const { socket, channel } = await open({ sessionTtl: 600 })
  await pass(599)
  expect(socket.closedWith).toBeUndefined()
  await pass(2)
  expect([socket.closedWith, channel.ended]).toEqual([[4401, 'expired'], 'expired'])
})

test('an idle session closes its socket', async () => {
  const { socket } = await open({ timeouts: { idle: 60 } })
  await pass(59)
  expect(socket.closedWith).toBeUndefined()
  await pass(2)
  expect(socket.closedWith).toEqual([4401, 'expired'])
})

test('a session that HTTP requests use stays open, up to its absolute deadline', async () => {
  const { socket, use } = await open({ sessionTtl: 300, timeouts: { idle: 60 } })
  for (let minute = 0; minute < 5; minute++) {
    await pass(50)
    await use()
  }
  expect(socket.closedWith).toBeUndefined()
  await pass(49)
  expect(socket.closedWith).toBeUndefined()
  await pass(2)
  expect(socket.closedWith).toEqual([4401, 'expired'])
})

test('messages, pings and writes do not count as use by default', async () => {
  const { socket, channel } = await open({ timeouts: { idle: 60 } })
  for (let i = 0; i < 5; i++) {
    await pass(10)
    socket.emit('message', Buffer.from('hello'))
    socket.emit('ping', Buffer.from(''))
    await channel.update({ count: i })
  }
  await pass(11)
  expect(socket.closedWith).toEqual([4401, 'expired'])
})

test('a handshake does not count as use: a page that reconnects is not a user who does something', async () => {
  const { sessions, id, socket } = await open({ timeouts: { idle: 60 } })
  await pass(30)
  expect(await sessions.openChannel(new FakeSocket(), handshake(id))).toBeDefined()
  await pass(31)
  expect(socket.closedWith).toEqual([4401, 'expired'])
})

test('messages count as use with messagesAreActivity; pings do not; the absolute deadline stays', async () => {
  const { socket } = await open({ sessionTtl: 200, timeouts: { idle: 60 } }, { messagesAreActivity: true })
  for (let i = 0; i < 3; i++) {
    await pass(50)
    socket.emit('message', Buffer.from('hello'))
    await turn()
  }
  expect(socket.closedWith).toBeUndefined()
  await pass(49)
  expect(socket.closedWith).toBeUndefined()
  await pass(2)
  expect(socket.closedWith).toEqual([4401, 'expired'])
  const other = await open({ timeouts: { idle: 60 } }, { messagesAreActivity: true })
  await pass(50)
  other.socket.emit('ping', Buffer.from(''))
  other.socket.emit('pong', Buffer.from(''))
  await pass(11)
  expect(other.socket.closedWith).toEqual([4401, 'expired'])
})

test('recordActivity counts as use once', async () => {
  const { socket, channel } = await open({ timeouts: { idle: 60 } })
  await pass(50)
  channel.recordActivity()
  await pass(50)
  expect(socket.closedWith).toBeUndefined()
  await pass(11)
  expect(socket.closedWith).toEqual([4401, 'expired'])
})

test('use is recorded in steps: a flood of messages is a few store commands', async () => {
  const store = new MemoryStore()
  const { socket } = await open({ store, timeouts: { idle: 60 } }, { messagesAreActivity: true })
  const change = jest.spyOn(store, 'change')
  for (let i = 0; i < 1000; i++) {
    jest.advanceTimersByTime(10)
    socket.emit('message', Buffer.from('hello'))
  }
  expect(change.mock.calls.length).toBeLessThanOrEqual(4)
  expect(change.mock.calls.length).toBeGreaterThan(0)
})

test('a login of another length is another session: the channel of the id from before ends', async () => {
  const { sessions, id, socket } = await open({ sessionTtl: 600 })
  const session = await sessions.read(id)
  session.regenerateId()
  await sessions.save(session)
  await turn()
  expect(socket.closedWith).toEqual([4401, 'replaced'])
})

test('the channel of a renewed id ends by itself when the overlap is over', async () => {
  const store = new MemoryStore()
  const { sessions, id, socket, channel } = await open({ store })
  const now = Date.now() / 1000
  const next = id.slice(0, 16) + 'n'.repeat(32)
  const renew = { from: hashId(id), to: hashId(next), issuedAt: now, previousUntil: now + 10 }
  const fields = { set: new Map([['v:renewed', 'true']]), remove: [] }
  expect(store.change(id.slice(0, 16), { renew, fields }, now)).toBe('renewed')
  const other = await sessions.openChannel(new FakeSocket(), handshake(next))
  expect(other).toBeDefined()
  await pass(9)
  expect([socket.closedWith, channel.get()]).toEqual([undefined, { name: 'Ada', renewed: true }])
  await pass(2)
  expect([socket.closedWith, channel.ended]).toEqual([[4401, 'replaced'], 'replaced'])
})

describe('when the store fails', () => {
  /** A memory store that can be away. */
  function faulty(): { store: SessionStore; away: boolean; loads: number } {
    const memory = new MemoryStore()
    const state = {
      away: false,
      loads: 0,
      store: {
        load: async (handle: string, now: number) => {
          state.loads++
          if (state.away) throw new Error('away')
          return memory.load(handle, now)
        },
        insert: (handle, session) => memory.insert(handle, session),
        change: (handle, change, now) => memory.change(handle, change, now),
        delete: (handle, now) => memory.delete(handle, now),
      } satisfies SessionStore,
    }
    return state
  }

  test('a channel re-reads a store without notifications within the check interval', async () => {
    const { store } = faulty()
    const { sessions, id, channel, socket } = await open({ store }, { checkInterval: 10 })
    await sessions.update(id, { name: 'Bo' })
    await turn()
    expect(channel.get()).toEqual({ name: 'Ada' })
    await pass(10)
    expect(channel.get()).toEqual({ name: 'Bo' })
    await sessions.delete(id)
    await pass(10)
    expect(socket.closedWith).toEqual([4401, 'ended'])
  })

  test('the check interval is jittered: no channel re-reads late, and not all re-read at the same time', async () => {
    const state = faulty()
    const sessions = new SessionManager({ store: state.store })
    for (let i = 0; i < 100; i++) await sessions.openChannel(new FakeSocket(), handshake(await sessions.create()))
    const before = state.loads
    const counts: number[] = []
    for (let second = 0; second < 30; second++) {
      jest.advanceTimersByTime(1000)
      await turn()
      counts.push(state.loads - before)
    }
    expect(counts[21]).toBe(0)
    expect(counts[26]).toBeGreaterThan(20)
    expect(counts[26]).toBeLessThan(95)
    expect(counts[29]).toBeGreaterThanOrEqual(100)
  })

  test('a channel stays open while the store fails, and re-reads soon afterwards', async () => {
    const state = faulty()
    const { sessions, id, channel, socket } = await open({ store: state.store }, { checkInterval: 10 })
    state.away = true
    await pass(20)
    expect([socket.closedWith, channel.get()]).toEqual([undefined, { name: 'Ada' }])
    state.away = false
    await sessions.update(id, { name: 'Bo' })
    await pass(2)
    expect(channel.get()).toEqual({ name: 'Bo' })
  })

  test('a channel ends at the absolute deadline also while the store fails', async () => {
    const state = faulty()
    const { socket } = await open({ store: state.store, sessionTtl: 600 })
    state.away = true
    await pass(602)
    expect(socket.closedWith).toEqual([4401, 'expired'])
  })

  test('a handshake while the store fails is closed with 1013, and openChannel rejects with the reason', async () => {
    const state = faulty()
    const sessions = new SessionManager({ store: state.store })
    const id = await sessions.create()
    state.away = true
    const socket = new FakeSocket()
    await expect(sessions.openChannel(socket, handshake(id))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(socket.closedWith?.[0]).toBe(1013)
    await turn()
    expect(socket.countListeners()).toBe(0)
  })
})

test('a socket is terminated when its client does not confirm the close', async () => {
  const { sessions, id, socket } = await open({})
  socket.closesInReturn = false
  await sessions.delete(id)
  await turn()
  expect([socket.closedWith, socket.terminated]).toEqual([[4401, 'ended'], false])
  await pass(5)
  expect(socket.terminated).toBe(true)
})

test.each<[string, ChannelOptions, unknown]>([
  ['another code', { closeCode: 4000 }, [4000, 'ended']],
  ['none', { closeCode: false }, undefined],
])('the socket is closed, or left open, as the option closeCode says: %s', async (_name, options, closed) => {
  const { sessions, id, socket, channel } = await open({}, options)
  await sessions.delete(id)
  await turn()
  expect([socket.closedWith, channel.ended]).toEqual([closed, 'ended'])
})

test("the app's own listeners come before the closing, and may still send", async () => {
  const { sessions, id, socket, channel } = await open({})
  const states: number[] = []
  channel.onEnd(() => states.push(socket.readyState))
  await sessions.delete(id)
  await turn()
  expect(states).toEqual([1])
})

test('the subscription ends some seconds after the last channel has closed', async () => {
  const store = new MemoryStore()
  const stopped = jest.fn()
  const subscribe = jest.spyOn(store, 'subscribe').mockReturnValue(stopped)
  const { sessions, id, socket } = await open({ store })
  const other = new FakeSocket()
  await sessions.openChannel(other, handshake(id))
  socket.hangUp()
  await pass(10)
  other.hangUp()
  await pass(4)
  expect([subscribe.mock.calls.length, stopped.mock.calls.length]).toEqual([1, 0])
  await pass(2)
  expect([stopped.mock.calls.length, jest.getTimerCount()]).toEqual([1, 1])
})

test('closing the manager closes the sockets with 1001, and refuses new channels', async () => {
  const { sessions, id, socket, channel } = await open({})
  await sessions.close()
  await turn()
  expect([socket.closedWith, channel.ended]).toEqual([[1001, 'closed'], 'closed'])
  expect(
    await sessions
      .openChannel(new FakeSocket(), handshake(id))
      .catch((error: unknown) => (error as { code: string }).code),
  ).toBe('STORE_CLOSED')
})

test('a channel of a visitor that was not yet notified of the login cannot end it', async () => {
  // Without change notifications: the channel learns of the login only at its next check.
  const store = new ControlledStore()
  store.delay = undefined
  const { sessions, id, channel } = await open({ store })
  const visitor = await store.load(id.slice(0, 16), Date.now() / 1000)
  const { epoch, createdAt } = visitor?.record ?? { epoch: 0, createdAt: 0 }
  const replace = { hash: 'h'.repeat(43), issuedAt: createdAt }
  const bind = { subject: 'ada', createdAt: createdAt + 1, expiresAt: createdAt + 600 }
  expect(await store.change(id.slice(0, 16), { epoch, replace, bind }, createdAt + 1)).toBe('stored')
  await channel.clear()
  expect((await sessions.users.readAll('ada')).size).toBe(1)
})
