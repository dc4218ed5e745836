import 'reflect-metadata'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  atTheEnd,
  Browser,
  change,
  checkBesideBare,
  delays,
  listen,
  login,
  logout,
  type Make,
  send,
  sessionsOf,
  valuesOf,
} from './company.mts'

/** NestJS on Express, with and without sessions: the same bytes, and 503 from a failing save. */

// The compiler may find no packages of this folder. Decorators are called as functions, as none are compiled here.
const common = '@nestjs/common'
const core = '@nestjs/core'
const { Catch, Controller, Get, HttpCode, Module, Post, Redirect, Req } = await import(common)
const { NestFactory } = await import(core)

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
  login(req: any): object {
    login(req, 'ada')
    return { user: req.session.subject ?? 'ada' }
  }
  logout(req: any): object {
    logout(req)
    return { user: req.session.subject ?? null }
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
for (const name of ['login', 'logout'] as const) decorate(name, Get(`/${name}`))
for (const name of ['count', 'login', 'logout']) Req()(Routes.prototype, name, 0)
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

/** @param filters For all exceptions. */
const nest =
  (filters: readonly object[] = []): Make =>
  async (middleware) => {
    const app = await NestFactory.create(App, { logger: false })
    for (const one of middleware) app.use(one)
    if (filters.length > 0) app.useGlobalFilters(...filters)
    await app.init()
    atTheEnd(() => app.close())
    return app.getHttpAdapter().getInstance()
  }

checkBesideBare('NestJS', nest(), [
  { path: '/text' },
  { path: '/text', method: 'HEAD' },
  { path: '/json', method: 'POST' },
  { path: '/redirect' },
  { path: '/fail' },
  { path: '/no-such-page' },
])

for (const [speed, delay] of delays) {
  void test(`NestJS keeps what a controller sets, logs in and out, with ${speed}`, async () => {
    const browser = new Browser(await listen(await nest()([sessionsOf(delay).sessions])))
    const json = async (path: string): Promise<unknown> => JSON.parse((await browser.send({ path })).body)
    assert.deepEqual([await json('/count'), await json('/count')], [{ count: 1 }, { count: 2 }])
    const before = browser.cookie
    assert.deepEqual(await json('/login'), { user: 'ada' })
    assert.notEqual(browser.cookie, before)
    assert.deepEqual(
      [await json('/count'), await json('/logout'), await json('/count')],
      [{ count: 3 }, { user: null }, { count: 1 }],
    )
  })

  for (const path of ['/count', '/redirect', '/no-such-page']) {
    void test(`NestJS responds to ${path} through a filter for all exceptions with 503 when the save fails, with ${speed}`, async () => {
      const { store, sessions } = sessionsOf(delay)
      const port = await listen(await nest([new Filter()])([sessions, change]))
      store.fail('insert', delay === undefined ? 'throw' : 'reject')
      const response = await send(port, { path })
      assert.deepEqual([response.status, response.whole], [503, true])
      assert.equal(response.body, '{"filtered":"STORE_UNAVAILABLE"}')
      assert.deepEqual([valuesOf(response, 'set-cookie'), valuesOf(response, 'retry-after')], [[], ['5']])
    })
  }

  void test(`NestJS without a filter shows nothing of the store when the save fails, with ${speed}`, async () => {
    const { store, sessions } = sessionsOf(delay)
    const port = await listen(await nest()([sessions, change]))
    store.fail('insert', delay === undefined ? 'throw' : 'reject')
    const { status, body } = await send(port, { path: '/count' })
    assert.deepEqual([status, body.includes('session store')], [503, false])
  })
}
