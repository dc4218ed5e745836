import { RedisStore as ConnectRedisStore } from 'connect-redis'
import { hashId, mintId, mintIdFor } from '../../lib/id/session-id'
import { matchId } from '../../lib/session/lifetime'
import type { RecordChange } from '../../lib/session/record'
import type { SessionStore } from '../../lib/session/store'
import { adaptExpressSessionStore } from '../../lib/stores/express-session/express-session-store'
import { type OtherProcess, startOtherProcess } from '../support/other-process'
import { RedisServer } from '../support/redis-server'
import { recordWith, setting } from './samples'

// What README's table of stores says of several processes over one store written for express-session: this process, and
// another one that stops between the get and the set of a change.

let server: RedisServer
let client: Awaited<ReturnType<RedisServer['connect']>>
let here: SessionStore
let there: OtherProcess

beforeAll(async () => {
  server = await RedisServer.start()
  client = await server.connect()
  here = adaptExpressSessionStore(new ConnectRedisStore({ client }))
  there = await startOtherProcess(server.url)
})
afterAll(async () => {
  await there.stop()
  client.destroy()
  await server.stop()
})

const now = () => Date.now() / 1000

async function inserted() {
  const id = mintId(24)
  const handle = id.slice(0, 16)
  const times = { createdAt: now(), issuedAt: now(), accessedAt: now(), expiresAt: now() + 3600 }
  await here.insert(
    handle,
    { record: recordWith({ ...times, hash: hashId(id) }), fields: new Map([['cart', '1']]) },
    now(),
  )
  const opens = async (candidate: string) => {
    const loaded = await here.load(handle, now())
    return loaded === undefined ? undefined : matchId(loaded.record, hashId(candidate), now())
  }
  const fields = async () => Object.fromEntries((await here.load(handle, now()))?.fields ?? [])
  return { id, handle, opens, fields }
}

function login(handle: string): { id: string; change: RecordChange } {
  const id = mintIdFor(handle, 24)
  const bind = { subject: 'ann', createdAt: now(), expiresAt: now() + 3600 }
  return {
    id,
    change: { epoch: 0, replace: { hash: hashId(id), issuedAt: now() }, bind, ...setting({ role: '"admin"' }) },
  }
}

function renewal(handle: string, from: string): { id: string; change: RecordChange } {
  const id = mintIdFor(handle, 24)
  const renew = { from: hashId(from), to: hashId(id), issuedAt: now(), previousUntil: now() + 60 }
  return { id, change: { epoch: 0, renew } }
}

describe('what holds, however the requests overlap', () => {
  test('saves that do not meet keep each other', async () => {
    const { handle, fields } = await inserted()
    await here.change(handle, setting({ a: '1' }), now())
    const goOn = await there.beginChange(handle, { epoch: 0 }, { b: '2' })
    expect(await goOn()).toBe('stored')
    await here.change(handle, setting({ c: '3' }), now())
    expect(await fields()).toEqual({ cart: '1', a: '1', b: '2', c: '3' })
  })

  test('a session that was ended before a save begins to be stored stays ended', async () => {
    const { handle } = await inserted()
    await here.delete(handle, now())
    const goOn = await there.beginChange(handle, { epoch: 0 }, { b: '2' })
    expect(await goOn()).toBe('gone')
    expect(await here.load(handle, now())).toBeUndefined()
  })

  test('a save that began on the id from before a login writes nothing into it', async () => {
    const { handle, id, opens, fields } = await inserted()
    const { id: loggedIn, change } = login(handle)
    await here.change(handle, change, now())
    const goOn = await there.beginChange(handle, { epoch: 0 }, { b: '2' })
    expect(await goOn()).toBe('gone')
    expect(await fields()).toEqual({ cart: '1', role: '"admin"' })
    expect([await opens(loggedIn), await opens(id)]).toEqual(['current', undefined])
  })

  test('a renewal after a renewal issues no second id', async () => {
    const { handle, id, opens } = await inserted()
    const first = renewal(handle, id)
    const second = renewal(handle, id)
    expect(await here.change(handle, first.change, now())).toBe('renewed')
    expect(await (await there.beginChange(handle, second.change))()).toBe('stored')
    expect([await opens(first.id), await opens(second.id), await opens(id)]).toEqual(['pending', undefined, 'renewed'])
  })
})

describe('what does not hold when another process writes between the get and the set of a save', () => {
  test('what the other wrote is lost', async () => {
    const { handle, fields } = await inserted()
    const goOn = await there.beginChange(handle, { epoch: 0 }, { b: '2' })
    expect(await here.change(handle, setting({ a: '1' }), now())).toBe('stored')
    expect(await goOn()).toBe('stored')
    expect(await fields()).toEqual({ cart: '1', b: '2' })
  })

  test('a session that the other ended is back', async () => {
    const { handle, id, opens } = await inserted()
    const goOn = await there.beginChange(handle, { epoch: 0 }, { b: '2' })
    expect(await here.delete(handle, now())).toBe('ended')
    expect(await goOn()).toBe('stored')
    expect(await opens(id)).toBe('current')
  })

  test('a login in the other is undone, and nothing of it is opened by the id from before', async () => {
    const { handle, id, opens, fields } = await inserted()
    const goOn = await there.beginChange(handle, { epoch: 0 }, { b: '2' })
    const { id: loggedIn, change } = login(handle)
    expect(await here.change(handle, change, now())).toBe('stored')
    expect(await goOn()).toBe('stored')
    expect([await opens(loggedIn), await opens(id)]).toEqual([undefined, 'current'])
    expect(await fields()).toEqual({ cart: '1', b: '2' })
    expect((await here.load(handle, now()))?.record.subject).toBeUndefined()
  })

  test('two renewals both issue an id, of which the one that was stored last opens the session', async () => {
    const { handle, id, opens } = await inserted()
    const [first, second] = [renewal(handle, id), renewal(handle, id)]
    const goOn = await there.beginChange(handle, second.change)
    expect(await here.change(handle, first.change, now())).toBe('renewed')
    expect(await goOn()).toBe('renewed')
    expect([await opens(first.id), await opens(second.id), await opens(id)]).toEqual([undefined, 'pending', 'renewed'])
  })
})
