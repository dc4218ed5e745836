import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MemoryStore, SessionManager } from '../../lib'
import { ChannelHub } from '../../lib/channels/channel-hub'
import { openChannel } from '../../lib/channels/open-channel'
import { RedisStore } from '../../lib/redis'
import { resolveOptions } from '../../lib/service/resolve-options'
import { SessionService } from '../../lib/service/session-service'
import type { SessionStore, StoreListener } from '../../lib/session/store'
import { type ChannelApp, startChannelApp } from '../support/channel-app'
import { FakeSocket, handshake, turn } from '../support/fake-socket'
import { RedisServer } from '../support/redis-server'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function heap(): Promise<number> {
  await turn(5)
  collect()
  await turn(5)
  collect()
  return process.memoryUsage().heapUsed
}

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

/** The count of timers once the test runner's own short ones, which share the process, have fired. */
async function timersDownTo(most: number): Promise<number> {
  for (let i = 0; i < 100 && timers() > most; i++) await new Promise((resolve) => setTimeout(resolve, 20))
  return timers()
}

/** A memory store that counts who listens. */
function counting(): { store: SessionStore; listening: () => number } {
  const memory = new MemoryStore()
  let listening = 0
  const subscribe = memory.subscribe.bind(memory)
  memory.subscribe = (listener: StoreListener) => {
    listening++
    const stop = subscribe(listener)
    return () => {
      listening--
      stop()
    }
  }
  return { store: memory, listening: () => listening }
}

test('10 000 sockets opened and closed leave nothing: no listener, no entry, no timer, no memory', async () => {
  const { store, listening } = counting()
  const service = new SessionService(resolveOptions({ store }))
  const hub = new ChannelHub(service)
  const sessions = new SessionManager({ store })
  const ids = await Promise.all(Array.from({ length: 100 }, () => sessions.create({ name: 'Ada' })))
  const round = async (count: number): Promise<void> => {
    const sockets = Array.from({ length: count }, () => new FakeSocket())
    const channels = await Promise.all(
      sockets.map((socket, index) =>
        openChannel<object>(service, hub, socket, handshake(ids[index % 100] ?? ''), { messagesAreActivity: true }),
      ),
    )
    expect([hub.size, listening()]).toEqual([Math.min(100, count), 1])
    for (const channel of channels) {
      channel?.onChange(() => undefined)
      channel?.onEnd(() => undefined)
    }
    await channels[0]?.set({ name: 'Bo' })
    await turn()
    for (const socket of sockets) socket.hangUp()
    expect(hub.size).toBe(0)
    for (const socket of sockets) expect(socket.countListeners()).toBe(0)
  }
  await round(500)
  const [before, beforeTimers] = [await heap(), timers()]
  for (let i = 0; i < 10; i++) await round(1000)
  const [after, afterTimers] = [await heap(), await timersDownTo(beforeTimers)]
  expect(afterTimers).toBeLessThanOrEqual(beforeTimers)
  // Less than 100 bytes a socket: noise.
  expect(after - before).toBeLessThan(1_000_000)
  hub.close()
  expect(listening()).toBe(0)
})

test('10 000 sockets that get no channel leave nothing either', async () => {
  const { store, listening } = counting()
  const service = new SessionService(resolveOptions({ store }))
  const hub = new ChannelHub(service)
  const socket = new FakeSocket()
  for (let i = 0; i < 10_000; i++) {
    await openChannel(service, hub, socket, handshake(`${'A'.repeat(40)}${i % 2 === 0 ? 'AAAAAAAA' : '%'}`))
  }
  await turn()
  expect([socket.countListeners(), hub.size, listening()]).toEqual([0, 0, 0])
})

test('a client that leaves while its channel is opened leaves nothing', async () => {
  const { store } = counting()
  const service = new SessionService(resolveOptions({ store }))
  const hub = new ChannelHub(service)
  const id = await new SessionManager({ store }).create()
  const sockets = Array.from({ length: 100 }, () => new FakeSocket())
  const opened = sockets.map((socket) => openChannel(service, hub, socket, handshake(id)))
  for (const socket of sockets) socket.hangUp()
  expect(await Promise.all(opened)).toEqual(Array(100).fill(undefined))
  await turn()
  expect([hub.size, sockets.map((socket) => socket.countListeners())]).toEqual([0, Array(100).fill(0)])
})

test('50 sockets of a user that all write at once cost two writes into all sessions, one after the other', async () => {
  const memory = new MemoryStore()
  let running = 0
  const most: number[] = []
  const store: SessionStore = Object.assign(memory, {
    changeAll: async (...args: Parameters<MemoryStore['changeAll']>) => {
      most.push(++running)
      await turn()
      running--
      return MemoryStore.prototype.changeAll.apply(memory, args)
    },
  })
  const service = new SessionService(resolveOptions({ store }))
  const hub = new ChannelHub(service)
  const sessions = new SessionManager({ store })
  const ids = await Promise.all(Array.from({ length: 50 }, () => sessions.users.create('ada', { ip: '' })))
  const channels = await Promise.all(
    ids.map((id) => openChannel<Record<string, number>>(service, hub, new FakeSocket(), handshake(id))),
  )
  await Promise.all(channels.map(async (channel, index) => channel?.update({ [`key${index}`]: index })))
  expect(most).toEqual([1, 1])
  await turn()
  for (const channel of channels) expect(Object.keys(channel?.get() ?? {})).toHaveLength(50)
  hub.close()
})

describe('real sockets over Redis', () => {
  let server: RedisServer
  let app: ChannelApp
  let client: Awaited<ReturnType<RedisServer['connect']>>

  beforeAll(async () => {
    server = await RedisServer.start()
    client = await server.connect()
    app = await startChannelApp({ store: new RedisStore({ client }) })
  })
  afterAll(async () => {
    await app.close()
    client.destroy()
    await server.stop()
  })

  const connections = async () => (await client.sendCommand<string>(['CLIENT', 'LIST'])).trim().split('\n').length

  test('some hundred of them leave no key, no connection and no timer', async () => {
    const { cookie } = await app.get('/login/ada')
    const round = async (): Promise<void> => {
      const opened = await Promise.all(Array.from({ length: 100 }, () => app.connect(cookie)))
      await Promise.all(opened.map((one) => one.close()))
    }
    await round()
    const [keys, lines, running] = [await client.dbSize(), await connections(), timers()]
    for (let i = 0; i < 3; i++) await round()
    expect(app.channels.every((channel) => channel.closed)).toBe(true)
    expect([await client.dbSize(), await connections()]).toEqual([keys, lines])
    expect(timers()).toBeLessThanOrEqual(running + 1)
  })
})
