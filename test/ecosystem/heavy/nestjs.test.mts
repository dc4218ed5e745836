import 'reflect-metadata'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, test } from 'node:test'
import holdfast, { type RequestHandler } from '../../../lib/index.js'
import controlled from '../../support/controlled-store.js'
import raw from '../../support/raw-client.js'

/** NestJS on Express, with and without sessions: the same bytes, and 503 from a failing save. */

// The compiler may find no packages of this folder. Decorators are called as functions, as none are compiled here.
const nest = '@nestjs/common'
const core = '@nestjs/core'
const { Catch, Controller, Get, HttpCode, Module, Post, Redirect, Req } = await import(nest)
const { NestFactory } = await import(core)

const { fetchRaw } = raw

class Routes {
  text(): string {
    return 'hello'
  }
  json(): object {
    return { hello: ['world'] }
  }
  redirect(): void {
    return
  }
  async count(req: any): Promise<object> {
    await Promise.resolve()
    req.session.set('count', Number(req.session.get('count') ?? 0) + 1)
    return { count: req.session.get('count') }
  }
  fail(): never {
    throw new Error('a bug of the app')
  }
}

function decorate(name: keyof Routes, ...decorators: any[]): void {
  for (const one of decorators) one(Routes.prototype, name, Object.getOwnPropertyDescriptor(Routes.prototype, name))
}
Controller()(Routes)
decorate('text', Get('/text'))
decorate('json', Post('/json'), HttpCode(202))
decorate('redirect', Get('/redirect'), Redirect('/text', 303))
decorate('count', Get('/count'))
Req()(Routes.prototype, 'count', 0)
decorate('fail', Get('/fail'))

const App = class {
  readonly name = 'app'
}
Module({ controllers: [Routes] })(App)

class Filter {
  catch(error: any, host: any): void {
    host
      .switchToHttp()
      .getResponse()
      .status(error.statusCode ?? 500)
      .json({ filtered: error.code ?? error.message })
  }
}
Catch()(Filter)

const running: any[] = []

async function start(middleware: readonly RequestHandler[], filters: readonly object[] = []): Promise<number> {
  const app = await NestFactory.create(App, { logger: false })
  for (const one of middleware) app.use(one)
  if (filters.length > 0) app.useGlobalFilters(...filters)
  await app.listen(0, '127.0.0.1')
  running.push(app)
  return ((app.getHttpServer() as Server).address() as AddressInfo).port
}

function sessionsOf(delay: number | undefined): {
  store: InstanceType<typeof controlled.ControlledStore>
  sessions: RequestHandler
} {
  const store = new controlled.ControlledStore()
  store.delay = delay
  return { store, sessions: holdfast.sessionMiddleware({ store }) }
}

const change: RequestHandler = (req: IncomingMessage, _res: ServerResponse, next) => {
  ;(req as any).session.set('changed', true)
  next()
}

afterEach(async () => {
  for (const app of running.splice(0)) {
    const server = app.getHttpServer() as Server
    const closed = once(server, 'close')
    server.closeAllConnections()
    await app.close()
    await closed
  }
})

const ours = ['date', 'set-cookie', 'cache-control', 'vary']
const comparable = (response: any): unknown => ({
  ...response,
  headers: response.headers.filter(([name]: [string]) => !ours.includes(name.toLowerCase())),
})

for (const delay of [undefined, 5]) {
  const speed = delay === undefined ? 'a store that replies at once' : 'a store that replies later'

  void test(`NestJS sends the bytes that it sends without sessions, with ${speed}`, async () => {
    const bare = await start([])
    const port = await start([sessionsOf(delay).sessions, change])
    for (const [path, method] of [
      ['/text', 'GET'],
      ['/text', 'HEAD'],
      ['/json', 'POST'],
      ['/redirect', 'GET'],
      ['/fail', 'GET'],
      ['/no-such-page', 'GET'],
    ] as const) {
      const response = await fetchRaw(port, path, { method })
      assert.deepEqual(comparable(response), comparable(await fetchRaw(bare, path, { method })), `${method} ${path}`)
      assert.notEqual(raw.sessionCookie(response), undefined)
    }
  })

  void test(`NestJS keeps what a controller sets, with ${speed}`, async () => {
    const port = await start([sessionsOf(delay).sessions])
    const first = await fetchRaw(port, '/count')
    const cookie = raw.sessionCookie(first) ?? ''
    const second = await fetchRaw(port, '/count', { headers: { cookie } })
    assert.deepEqual([first.body, second.body], ['{"count":1}', '{"count":2}'])
  })

  for (const path of ['/count', '/redirect', '/no-such-page']) {
    void test(`NestJS responds to ${path} without a filter with 503 when the save fails, with ${speed}`, async () => {
      const { store, sessions } = sessionsOf(delay)
      const port = await start([sessions, change])
      store.fail('insert', delay === undefined ? 'throw' : 'reject')
      const response = await fetchRaw(port, path)
      assert.equal(response.status, 503)
      assert.equal(response.whole, true)
      assert.equal(response.body.includes('session store'), false)
      assert.equal(raw.sessionCookie(response), undefined)
    })

    void test(`NestJS responds to ${path} through a filter for all exceptions with 503 when the save fails, with ${speed}`, async () => {
      const { store, sessions } = sessionsOf(delay)
      const port = await start([sessions, change], [new Filter()])
      store.fail('insert', delay === undefined ? 'throw' : 'reject')
      const response = await fetchRaw(port, path)
      assert.equal(response.status, 503)
      assert.equal(response.body, '{"filtered":"STORE_UNAVAILABLE"}')
      assert.equal(response.whole, true)
      assert.equal(raw.sessionCookie(response), undefined)
      assert.deepEqual(raw.valuesOf(response, 'Retry-After'), ['5'])
    })
  }
}
