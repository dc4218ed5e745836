import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { initTRPC, tracked } from '@trpc/server'
import { createExpressMiddleware } from '@trpc/server/adapters/express'
import {
  Browser,
  checkBesideBare,
  delays,
  listen,
  login,
  logout,
  type Make,
  RawClient,
  send,
  sessionsOf,
  valuesOf,
} from './company.mts'

/** tRPC's adapter for Express: single calls, batches, batches that are streamed as JSON lines, subscriptions as server-sent
 * events. */

const require = createRequire(import.meta.url)

const t = initTRPC.context<{ req: any }>().create({ isDev: false })
const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))
const router = t.router({
  hello: t.procedure.query(() => 'hello'),
  late: t.procedure.query(async () => {
    await wait(30)
    return 'late'
  }),
  broken: t.procedure.query(() => {
    throw new Error('a bug of the app')
  }),
  streamed: t.procedure.query(async function* () {
    for (const part of ['one', 'two', 'three']) {
      yield part
      await wait(5)
    }
  }),
  events: t.procedure.subscription(async function* () {
    for (let id = 0; id < 3; id++) {
      yield tracked(String(id), { id })
      await wait(5)
    }
  }),
  visits: t.procedure.query(({ ctx: { req } }) => {
    req.session.set('visits', Number(req.session.get('visits') ?? 0) + 1)
    return { visits: req.session.get('visits'), user: req.session.subject ?? 'nobody' }
  }),
  /** Changes the session when the head has been sent, with the first part. */
  visitsInStream: t.procedure.query(async function* ({ ctx: { req } }) {
    yield 'begun'
    await wait(10)
    req.session.set('visits', Number(req.session.get('visits') ?? 0) + 1)
    yield 'changed'
  }),
  login: t.procedure.mutation(({ ctx: { req } }) => {
    login(req, 'ada')
    return 'welcome'
  }),
  logout: t.procedure.mutation(({ ctx: { req } }) => {
    logout(req)
    return 'bye'
  }),
})

const versions = ['express', 'express4'] as const

const behind =
  (version: string): Make =>
  (middleware) => {
    const app = require(version)()
    app.set('env', 'test')
    for (const one of middleware) app.use(one)
    app.use('/trpc', createExpressMiddleware({ router, createContext: ({ req }) => ({ req }) }))
    return app
  }

const asLines = { 'trpc-accept': 'application/jsonl' }
const asEvents = { Accept: 'text/event-stream' }

for (const version of versions) {
  checkBesideBare(`tRPC behind ${version}`, behind(version), [
    { path: '/trpc/hello' },
    { path: '/trpc/hello', method: 'HEAD' },
    { path: '/trpc/broken' },
    { path: '/trpc/unknown' },
    { path: '/trpc/hello,late,broken?batch=1' },
    { path: '/trpc/hello,late?batch=1', headers: asLines },
    { path: '/trpc/streamed?batch=1', headers: asLines },
    { path: '/trpc/events', headers: asEvents },
  ])
}

for (const [speed, delay] of delays) {
  void test(`tRPC: a procedure finds what the request before has stored, and logs in and out, with ${speed}`, async () => {
    const port = await listen(await behind('express')([sessionsOf(delay).sessions]))
    const browser = new Browser(port)
    const headers = { 'Content-Type': 'application/json' }
    const call = async (name: string, method = 'GET'): Promise<unknown> =>
      JSON.parse(
        (await browser.send({ path: `/trpc/${name}`, method, ...(method === 'POST' && { headers, body: '{}' }) })).body,
      ).result.data
    assert.deepEqual(await call('visits'), { visits: 1, user: 'nobody' })
    assert.deepEqual(await call('visits'), { visits: 2, user: 'nobody' })
    const before = browser.cookie
    assert.equal(await call('login', 'POST'), 'welcome')
    assert.notEqual(browser.cookie, before)
    const during = browser.cookie
    assert.deepEqual(await call('visits'), { visits: 3, user: 'ada' })
    assert.equal(await call('logout', 'POST'), 'bye')
    assert.deepEqual(await call('visits'), { visits: 1, user: 'nobody' })
    const late = JSON.parse((await send(port, { path: '/trpc/visits' }, during)).body)
    assert.deepEqual(late.result.data, { visits: 1, user: 'nobody' })
  })

  void test(`tRPC: a procedure whose change is not stored gives 503 and no cookie, with ${speed}`, async () => {
    const { store, sessions } = sessionsOf(delay)
    const port = await listen(await behind('express')([sessions]))
    store.fail('insert', delay === undefined ? 'throw' : 'reject')
    const response = await send(port, { path: '/trpc/visits' })
    assert.deepEqual([response.status, response.whole, valuesOf(response, 'set-cookie')], [503, true, []])
    assert.equal(response.body.includes('"visits"'), false)
  })

  void test(`tRPC: a change in the middle of a stream is stored before the next part, with ${speed}`, async () => {
    const { sessions } = sessionsOf(delay)
    const port = await listen(await behind('express')([sessions]))
    const browser = new Browser(port)
    await browser.send({ path: '/trpc/visits' })
    const client = await RawClient.open(port)
    client.get('/trpc/visitsInStream?batch=1', { ...asLines, Connection: 'close', Cookie: browser.cookie ?? '' })
    await client.until((received) => received.includes('changed'))
    const { body } = await browser.send({ path: '/trpc/visits' })
    assert.deepEqual(JSON.parse(body).result.data, { visits: 3, user: 'nobody' })
    await client.untilClosed()
  })
}
