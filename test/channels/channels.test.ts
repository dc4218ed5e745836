import { MemoryStore } from '../../lib'
import { type ChannelApp, startChannelApp } from '../support/channel-app'
import { type Kept, storeKinds } from '../support/store-kinds'

const kinds = storeKinds()
afterAll(() => Promise.all(kinds.map((kind) => kind.stop())))

describe.each(kinds)('channels on $name', (kind) => {
  let kept: Kept
  let app: ChannelApp

  beforeEach(async () => {
    kept = await kind.open()
    app = await startChannelApp({ store: kept.store })
  })

  afterEach(async () => {
    await app.close()
    await kept.close()
  })

  test('a handshake without a session gets no channel, and makes none', async () => {
    for (const cookie of ['', 'sid=made-up', `sid=${'A'.repeat(48)}`]) {
      const client = await app.connect(cookie)
      expect(await client.closed).toEqual({ code: 4400, reason: 'no session' })
    }
    expect((await kept.dump()).length).toBe(2)
  })

  test('a channel has the values of the session of the handshake, and none of its flash messages', async () => {
    const { cookie } = await app.get('/set/name/Ada')
    await app.get('/flash', cookie)
    const client = await app.connect(cookie)
    expect(await client.next('open')).toEqual({ name: 'Ada' })
    expect(app.channels[0]?.channelId).toBe((await app.get('/set/name/Ada', cookie)).text)
  })

  test('a channel is notified of what HTTP requests change', async () => {
    const { cookie } = await app.get('/set/name/Ada')
    const client = await app.connect(cookie)
    await app.get('/set/color/red', cookie)
    expect(await client.next('changed')).toEqual({ name: 'Ada', color: 'red' })
    await app.get('/unset/name', cookie)
    expect(await client.next('changed')).toEqual({ color: 'red' })
    expect(await client.value()).toEqual({ color: 'red' })
  })

  test('a value that a channel sets reaches HTTP requests and other channels', async () => {
    const { cookie } = await app.get('/set/name/Ada')
    const [one, other] = [await app.connect(cookie), await app.connect(cookie)]
    expect(await one.ask({ set: { name: 'Bo', cart: ['a'] } })).toBe('done')
    expect(JSON.parse((await app.get('/all', cookie)).text)).toEqual({ name: 'Bo', cart: ['a'] })
    expect(await other.next('changed')).toEqual({ name: 'Bo', cart: ['a'] })
    expect(one.received.filter((message) => 'changed' in message)).toEqual([])
  })

  test('values that a channel and HTTP requests set in parallel are all kept', async () => {
    const { cookie } = await app.get('/set/name/Ada')
    const client = await app.connect(cookie)
    const numbers = Array.from({ length: 20 }, (_, number) => number)
    await Promise.all([
      ...numbers.map((number) => app.get(`/set/http${number}/${number}`, cookie)),
      ...numbers.map((number) => client.ask({ update: { [`socket${number}`]: number } })),
    ])
    const all = JSON.parse((await app.get('/all', cookie)).text) as object
    expect(Object.keys(all).sort()).toEqual(
      ['name', ...numbers.flatMap((number) => [`http${number}`, `socket${number}`])].sort(),
    )
  })

  test('clear() ends the session for HTTP requests too', async () => {
    const { cookie } = await app.get('/set/name/Ada')
    const [one, other] = [await app.connect(cookie), await app.connect(cookie)]
    one.socket.send(JSON.stringify({ clear: true }))
    expect([await one.closed, await other.closed]).toEqual(Array(2).fill({ code: 4401, reason: 'ended' }))
    expect((await app.get('/all', cookie)).text).toBe('{}')
  })

  test.each([
    ['logout', (cookie: string) => app.get('/logout', cookie)],
    ['delete', (cookie: string) => app.sessions.delete(cookie.slice('sid='.length))],
  ])('%s closes the socket within a second', async (_name, end) => {
    const { cookie } = await app.get('/set/name/Ada')
    const client = await app.connect(cookie)
    const start = Date.now()
    await end(cookie)
    expect(await client.next('ended')).toBe('ended')
    expect(await client.closed).toEqual({ code: 4401, reason: 'ended' })
    expect(Date.now() - start).toBeLessThan(1000)
  })

  test.each(['/login/ada', '/regenerate'])('%s ends the channels that the id from before has opened', async (path) => {
    const { cookie } = await app.get('/set/name/Ada')
    const client = await app.connect(cookie)
    const after = await app.get(path, cookie)
    expect(await client.closed).toEqual({ code: 4401, reason: 'replaced' })
    const again = await app.connect(after.cookie)
    expect(await again.next('open')).toEqual({ name: 'Ada' })
    expect(await (await app.connect(cookie)).closed).toMatchObject({ code: 4400 })
    await app.get('/set/color/red', after.cookie)
    expect(await again.next('changed')).toEqual({ name: 'Ada', color: 'red' })
  })

  test('a stolen channel of a visitor cannot write to, read or end the login that follows', async () => {
    const { cookie } = await app.get('/set/name/planted')
    await app.connect(cookie)
    const [channel] = app.channels
    const { cookie: own } = await app.get('/login/ada', cookie)
    await expect(channel?.update({ role: 'admin' })).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' })
    await channel?.clear()
    expect(JSON.parse((await app.get('/all', own)).text)).toEqual({ name: 'planted' })
  })

  test('a channel of a session that has ended writes nothing', async () => {
    const { cookie } = await app.get('/login/ada')
    const { cookie: elsewhere } = await app.get('/login/ada')
    await app.connect(cookie)
    const [channel] = app.channels
    const ended = app.sessions.delete(cookie.slice('sid='.length))
    const late = channel?.update({ late: true })
    await ended
    await late?.catch(() => undefined)
    await expect(channel?.update({ late: true })).rejects.toMatchObject({ code: 'CHANNEL_CLOSED' })
    expect((await app.get('/all', cookie)).text).toBe('{}')
    expect((await app.get('/all', elsewhere)).text).not.toContain('later')
  })

  // A store that lists no users' sessions has nothing to show here; README's table says which do.
  if (!kind.lists) return
  describe('of a user', () => {
    test("a change reaches all of the user's sessions, and no other user's", async () => {
      const [here, there, else_] = [
        await app.get('/login/ada'),
        await app.get('/login/ada'),
        await app.get('/login/bo'),
      ]
      const [one, two, other] = [
        await app.connect(here.cookie),
        await app.connect(there.cookie),
        await app.connect(else_.cookie),
      ]
      expect(await one.ask({ update: { name: 'Ada L.' } })).toBe('done')
      expect(await two.next('changed')).toEqual({ name: 'Ada L.' })
      expect(JSON.parse((await app.get('/all', there.cookie)).text)).toEqual({ name: 'Ada L.' })
      expect(await other.value()).toEqual({})
      expect(await one.next('open')).toEqual({})
      expect(app.channels.map((channel) => channel.subject)).toEqual(['ada', 'ada', 'bo'])
    })

    test("a visitor's change stays in the visitor's session", async () => {
      const [here, there] = [await app.get('/set/a/1'), await app.get('/set/a/1')]
      const one = await app.connect(here.cookie)
      await one.ask({ update: { name: 'Ada' } })
      expect(JSON.parse((await app.get('/all', there.cookie)).text)).toEqual({ a: '1' })
    })
  })
})

test('an evicted session closes its socket', async () => {
  const app = await startChannelApp({ store: new MemoryStore({ maxSessions: 1 }) })
  const { cookie } = await app.get('/set/name/Ada')
  const client = await app.connect(cookie)
  await app.get('/set/name/Bo')
  expect(await client.closed).toEqual({ code: 4401, reason: 'ended' })
  await app.close()
})
