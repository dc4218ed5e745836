import { Session, SessionManager } from '../../lib'
import { type ChannelApp, startChannelApp } from '../support/channel-app'
import { type Kept, storeKinds } from '../support/store-kinds'
import { codeOf } from '../support/turned-clock'

const kinds = storeKinds()
afterAll(() => Promise.all(kinds.map((kind) => kind.stop())))

/** Its name, its quotes and it take this many bytes in a session. */
const valueOf = (key: string, bytes: number) => ({ [key]: 'x'.repeat(bytes - key.length - 2) })
const maxBytes = 100

describe.each(kinds)('maxBytes on $name', (kind) => {
  let kept: Kept
  let sessions: SessionManager

  beforeEach(async () => {
    kept = await kind.open()
    sessions = new SessionManager({ store: kept.store, maxBytes })
  })
  afterEach(async () => {
    await sessions.close()
    await kept.close()
  })

  test('create refuses more, to the byte, and stores nothing', async () => {
    const empty = await kept.dump()
    expect(await codeOf(sessions.create(valueOf('a', 101)))).toBe('SESSION_TOO_LARGE')
    expect(await kept.dump()).toBe(empty)
    const id = await sessions.create(valueOf('a', 100))
    expect(await sessions.get(id)).toEqual(valueOf('a', 100))
  })

  test('update counts the whole session that it would make, and stores nothing of what is too large', async () => {
    const id = await sessions.create(valueOf('a', 60))
    expect(await codeOf(sessions.update(id, { ...valueOf('b', 41), c: null }))).toBe('SESSION_TOO_LARGE')
    expect(await sessions.get(id)).toEqual(valueOf('a', 60))
    expect(await sessions.update(id, valueOf('b', 40))).toBe(true)
    expect(await sessions.update(id, { ...valueOf('b', 99), a: null })).toBe(true)
    expect(await sessions.update(id, valueOf('b', 100))).toBe(true)
    expect(await sessions.get(id)).toEqual(valueOf('b', 100))
  })

  test('update counts the flash messages that wait for the next request', async () => {
    const session = await sessions.read(null)
    session.set('a', 1)
    session.flash('note', 'x'.repeat(50))
    const id = (await sessions.save(session)) ?? ''
    expect(await codeOf(sessions.update(id, valueOf('b', 50)))).toBe('SESSION_TOO_LARGE')
    expect(await sessions.update(id, valueOf('b', 42))).toBe(true)
    expect(await sessions.get(id)).toEqual({ a: 1, ...valueOf('b', 42) })
  })

  test('update lets a session shrink that was larger under another limit', async () => {
    const before = new SessionManager({ store: kept.store })
    const id = await before.create(valueOf('a', 300))
    expect(await sessions.update(id, valueOf('a', 200))).toBe(true)
    expect(await codeOf(sessions.update(id, valueOf('b', 10)))).toBe('SESSION_TOO_LARGE')
    expect(await sessions.get(id)).toEqual(valueOf('a', 200))
  })

  test('save refuses a session that was made by hand with more', async () => {
    const session = new Session(undefined, [valueOf('a', 200), {}])
    session.set('b', 'x')
    expect(await codeOf(sessions.save(session))).toBe('SESSION_TOO_LARGE')
    expect(await sessions.get(session.id)).toBeUndefined()
  })

  if (kind.lists) {
    test('users.updateAll refuses values that are more by themselves, for every session', async () => {
      const ids = [await sessions.users.create('ann', { ip: '' }), await sessions.users.create('ann', { ip: '' })]
      expect(await codeOf(sessions.users.updateAll('ann', { ...valueOf('a', 60), ...valueOf('b', 41) }))).toBe(
        'SESSION_TOO_LARGE',
      )
      for (const id of ids) expect(await sessions.get(id)).toEqual({})
      expect(await sessions.users.updateAll('ann', { ...valueOf('a', 60), ...valueOf('b', 40) })).toBe(2)
    })
  }

  describe('a channel', () => {
    let app: ChannelApp
    beforeEach(async () => {
      app = await startChannelApp({ store: kept.store, maxBytes })
    })
    afterEach(() => app.close())

    test('refuses a change that makes the session larger, holds nothing of it, and goes on', async () => {
      const { cookie } = await app.get('/set/name/Ada')
      const client = await app.connect(cookie)
      expect(await client.ask({ update: valueOf('draft', 200) })).toEqual('SESSION_TOO_LARGE')
      expect(await client.ask({ set: { name: 'Ada', ...valueOf('draft', 92) } })).toEqual('SESSION_TOO_LARGE')
      expect(await client.value()).toEqual({ name: 'Ada' })
      expect(await client.ask({ update: valueOf('draft', 91) })).toBe('done')
      expect(await client.ask({ update: { more: 1 } })).toEqual('SESSION_TOO_LARGE')
      expect(JSON.parse((await app.get('/all', cookie)).text)).toEqual({ name: 'Ada', ...valueOf('draft', 91) })
      expect(await client.ask({ update: { draft: null, more: 1 } })).toBe('done')
    })
  })
})
