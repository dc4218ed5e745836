import { type ChannelEnd, type ChannelSession, MemoryStore, type SessionManager, type SessionStore } from '../../lib'
import { RedisStore } from '../../lib/redis'
import { startApp, type TestApp } from '../support/app'
import { FakeSocket, handshake, turn } from '../support/fake-socket'
import { idOf } from '../support/http-client'
import { withRedis } from '../support/with-redis'
import { codeOf, turnedClock, type TurnedClock } from '../support/turned-clock'

interface Shape {
  name?: string
  step?: string
}

const redis = withRedis()

describe.each<[string, (clock: TurnedClock) => SessionStore]>([
  ['memory', (clock) => new MemoryStore({ clock })],
  ['Redis', () => new RedisStore({ client: redis.client, prefix: `renewed-${Math.random()}:` })],
])('%s: a channel whose id was renewed', (_name, storeFor) => {
  let clock: TurnedClock
  let store: SessionStore
  let sessions: SessionManager

  let app: TestApp

  beforeEach(async () => {
    clock = turnedClock()
    store = storeFor(clock)
    // Sooner than the hub's watch ends, 90 s after the clock of its last read: after that the store publishes no change.
    const timeouts = { renewal: 60, oldSessionAvailabilityAfterRenewal: 10 }
    app = await startApp({
      store,
      clock,
      timeouts,
      routes: (routes) => {
        routes.get('/:step', (req, res) => {
          req.session.set('step', req.params.step)
          res.json(req.params.step)
        })
      },
    })
    sessions = app.sessions
  })
  afterEach(async () => {
    await app.close()
    await sessions.close()
    await store.close?.()
  })

  async function open(id: string): Promise<{ channel: ChannelSession<Shape>; socket: FakeSocket }> {
    const socket = new FakeSocket()
    const channel = await sessions.openChannel<Shape>(socket, handshake(id))
    if (channel === undefined) throw new Error('no channel')
    return { channel, socket }
  }

  /** Waits until the channel has this value. */
  async function reaches(channel: ChannelSession<Shape>, step: string): Promise<void> {
    if (channel.get()?.step === step) return
    await new Promise<void>((resolve) => {
      const stop = channel.onChange((session) => {
        if (session.step !== step) return
        stop()
        resolve()
      })
    })
  }

  /** Renews the id, and uses the new one; the channel has followed both. */
  async function renew(id: string, channel: ChannelSession<Shape>): Promise<string> {
    clock.now += 60
    const renewing = await app.get('/renewed', `sid=${id}`)
    const next = idOf(renewing)
    await reaches(channel, 'renewed')
    await app.get('/used', `sid=${next}`)
    await reaches(channel, 'used')
    return next
  }

  const ending = (channel: ChannelSession<Shape>) =>
    new Promise<ChannelEnd>((resolve) => {
      channel.onEnd(resolve)
    })

  test('works while the overlap lasts, and ends with "replaced" when it is over', async () => {
    const id = await sessions.create({ name: 'Ada' })
    const { channel, socket } = await open(id)
    const next = await renew(id, channel)
    clock.now += 9
    await channel.update({ name: 'Bo' })
    expect(await sessions.get(next)).toMatchObject({ name: 'Bo' })
    clock.now += 1
    const ended = ending(channel)
    // Refused at once, although the channel has no notification yet.
    expect(await codeOf(channel.update({ name: 'Eve' }))).toBe('CHANNEL_CLOSED')
    expect(await ended).toBe('replaced')
    await turn()
    expect(socket.closedWith).toEqual([4401, 'replaced'])
    expect(await sessions.get(next)).toMatchObject({ name: 'Bo' })
  })

  test('does not end the session by clear when the overlap is over', async () => {
    const id = await sessions.create({ name: 'Ada' })
    const { channel } = await open(id)
    const next = await renew(id, channel)
    clock.now += 10
    const ended = ending(channel)
    await channel.clear()
    expect(await ended).toBe('replaced')
    expect(await sessions.get(next)).toMatchObject({ name: 'Ada' })
  })

  test('leaves the channel of the new id open when it ends', async () => {
    const id = await sessions.create({ name: 'Ada' })
    const { channel } = await open(id)
    const next = await renew(id, channel)
    const later = await open(next)
    clock.now += 10
    const ended = ending(channel)
    await channel.update({ name: 'Eve' }).catch(() => undefined)
    expect(await ended).toBe('replaced')
    await later.channel.update({ name: 'Cy' })
    expect([later.channel.ended, await sessions.get(next)]).toMatchObject([undefined, { name: 'Cy' }])
  })

  test('is not opened when the overlap is over', async () => {
    const id = await sessions.create({ name: 'Ada' })
    const { channel } = await open(id)
    await renew(id, channel)
    clock.now += 10
    expect(await sessions.openChannel(new FakeSocket(), handshake(id))).toBeUndefined()
  })
})
