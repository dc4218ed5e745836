import { setTimeout as sleep } from 'node:timers/promises'
import connectPgSimple from 'connect-pg-simple'
import { RedisStore as ConnectRedisStore } from 'connect-redis'
import session from 'express-session'
import { Pool } from 'pg'
import { createClient } from 'redis'
import sessionFileStore from 'session-file-store'
import { hashId, mintId } from '../../lib/id/session-id'
import type { RecordChange } from '../../lib/session/record'
import type { SessionStore } from '../../lib/session/store'
import {
  adaptExpressSessionStore,
  type ExpressSessionStore,
  isExpressSessionStore,
} from '../../lib/stores/express-session/express-session-store'
import { type StoreHome, storesOfOthers } from '../support/express-session-stores'
import { freePort } from '../support/redis-server'
import { newHandle, recordWith, setting } from './samples'

const seconds = () => Date.now() / 1000

function lasting(ttl: number, id = mintId(24)) {
  const now = seconds()
  const times = { createdAt: now, issuedAt: now, accessedAt: now, expiresAt: now + ttl }
  const record = recordWith({ ...times, hash: hashId(id), subject: 'ann', context: { ip: '192.0.2.1' } })
  return { id, handle: id.slice(0, 16), session: { record, fields: new Map([['a', '1']]) } }
}

const homes = new Map<string, StoreHome>()

beforeAll(async () => {
  for (const { name, open } of storesOfOthers) homes.set(name, await open())
})
afterAll(async () => {
  await Promise.all([...homes.values()].map((home) => home.close()))
})

function homeOf(name: string): StoreHome {
  const home = homes.get(name)
  if (home === undefined) throw new Error(`${name} is not open`)
  return home
}

describe.each(storesOfOthers)('$name', ({ name, takesGarbage }) => {
  let home: StoreHome
  let raw: ExpressSessionStore
  let store: SessionStore

  beforeAll(() => {
    home = homeOf(name)
    raw = home.newStore()
    store = adaptExpressSessionStore(raw)
  })

  test('is recognised', () => {
    expect(isExpressSessionStore(raw)).toBe(true)
  })

  test('keeps what the documentation shows, and no id', async () => {
    const { id, handle, session } = lasting(3600)
    await store.insert(handle, session, seconds())
    await store.change(handle, setting({ b: '2' }), seconds())
    const text = (await home.read(handle)) ?? ''
    const { cookie, holdfast } = JSON.parse(text)
    expect(Math.abs(Date.parse(cookie.expires) / 1000 - session.record.expiresAt)).toBeLessThan(0.1)
    expect({ holdfast }).toEqual({
      holdfast: { version: 1, record: JSON.parse(JSON.stringify(session.record)), fields: { a: '1', b: '2' } },
    })
    expect(text).toContain(hashId(id))
    expect(text).not.toContain(id.slice(16))
  })

  test('50 parallel changes through two adapters keep each other', async () => {
    const { handle, session } = lasting(60)
    await store.insert(handle, session, seconds())
    const other = adaptExpressSessionStore(raw)
    const change = (i: number) =>
      (i % 2 === 0 ? store : other).change(handle, setting({ [`k${i}`]: `${i}` }), seconds())
    await Promise.all(Array.from({ length: 50 }, async (_, i) => change(i)))
    expect((await store.load(handle, seconds()))?.fields.size).toBe(51)
  })

  test('a session that was ended among changes stays ended', async () => {
    const { handle, session } = lasting(60)
    await store.insert(handle, session, seconds())
    const change = async () => store.change(handle, setting({ b: '2' }), seconds())
    const results = await Promise.all([change(), change(), store.delete(handle, seconds()), change(), change()])
    expect(results).toEqual(['stored', 'stored', 'ended', 'gone', 'gone'])
    expect(await home.read(handle)).toBeUndefined()
  })

  test.each([
    ['a session of express-session', '{"cookie":{"originalMaxAge":null,"expires":null,"path":"/"},"user":"ann"}', true],
    ['a list', '[1]', true],
    ['text', '"holdfast"', true],
    ['half a session', '{"cookie":{},"holdfast":{"version":1,"record":{"hash":', false],
    ['nothing at all', '', false],
  ])('%s in its place is no session', async (_name, text, isJson) => {
    if (!isJson && !takesGarbage) return
    for (const call of [
      (handle: string) => store.load(handle, seconds()),
      (handle: string) => store.change(handle, setting({ b: '2' }), seconds()),
      (handle: string) => store.delete(handle, seconds()),
    ]) {
      const handle = newHandle()
      await home.plant(handle, text)
      expect([undefined, 'gone', 'absent']).toContain(await call(handle))
      expect([text, undefined]).toContain(await home.read(handle))
      await new Promise((resolve) => raw.destroy(handle, resolve))
    }
  })
})

test('every store drops sessions by itself, not before their time and soon after it', async () => {
  const ages = storesOfOthers.map(async ({ name }) => {
    const home = homeOf(name)
    const store = adaptExpressSessionStore(home.newStore())
    const dropped = async (handle: string) => {
      await home.sweep()
      return (await home.read(handle)) === undefined
    }
    const inserted = lasting(2)
    const shortened = lasting(3600)
    await store.insert(inserted.handle, inserted.session, seconds())
    await store.insert(shortened.handle, shortened.session, seconds())
    const bind = { createdAt: seconds(), expiresAt: seconds() + 2 }
    await store.change(shortened.handle, { bind }, seconds())
    expect([name, await dropped(inserted.handle), await dropped(shortened.handle)]).toEqual([name, false, false])
    expect(await store.load(inserted.handle, seconds())).toBeDefined()
    await sleep(bind.expiresAt * 1000 - Date.now() + 1)
    expect(await store.load(inserted.handle, seconds())).toBeUndefined()
    // connect-redis and connect-pg-simple count in whole seconds, rounded up.
    for (let tries = 0; tries < 50 && !(await dropped(shortened.handle)); tries++) await sleep(50)
    expect([name, await dropped(inserted.handle), await dropped(shortened.handle)]).toEqual([name, true, true])
  })
  await Promise.all(ages)
})

test('session-file-store with its own settings reads several times before it says that a session is unknown', async () => {
  const { options } = homeOf('session-file-store').newStore() as unknown as { options: { path: string } }
  const retrying = new (sessionFileStore(session))({ path: options.path, reapInterval: -1, logFn: () => {} })
  expect(await adaptExpressSessionStore(retrying).load(newHandle(), seconds())).toBeUndefined()
})

describe('a backend that is away is an error, never "no such session"', () => {
  const change: RecordChange = setting({ a: '1' })

  async function refuses(raw: ExpressSessionStore): Promise<void> {
    const store = adaptExpressSessionStore(raw)
    const { handle, session } = lasting(60)
    await expect(store.load(handle, seconds())).rejects.toBeDefined()
    await expect(store.change(handle, change, seconds())).rejects.toBeDefined()
    await expect(store.insert(handle, session, seconds())).rejects.toBeDefined()
    await expect(store.delete(handle, seconds())).rejects.toBeDefined()
  }

  test('connect-redis', async () => {
    await refuses(new ConnectRedisStore({ client: createClient() }))
  })

  test.each([
    ['on a port', async () => ({ host: '127.0.0.1', port: await freePort() })],
    ['on a Unix socket that is not there', () => ({ host: '/nonexistent' })],
  ])('connect-pg-simple %s', async (_name, address) => {
    const pool = new Pool({ ...(await address()), user: 'postgres' })
    await refuses(new (connectPgSimple(session))({ pool, pruneSessionInterval: false }))
    await pool.end()
  })
})
