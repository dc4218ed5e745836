/** The old names; to be removed when the last test has gone over to app.ts and http-client.ts. */
import type { Router } from 'express'
import type { SessionOptions } from '../../lib'
import { startApp as start, type TestApp as App } from './app'

export { type ClientResponse as Answer, cookieOf, idOf } from './http-client'

export interface TestApp extends App {
  open(name: string): void
  gate(name: string): Promise<void>
  reached(name: string): Promise<void>
}

export async function startApp(
  options: SessionOptions,
  routes: (app: Router, test: Pick<TestApp, 'gate'>) => void,
): Promise<TestApp> {
  const app = await start({
    ...options,
    routes: (router, gates) => routes(router, { gate: (name) => gates.pass(name) }),
  })
  const { gates } = app
  return Object.assign(app, {
    open: (name: string) => gates.open(name),
    gate: (name: string) => gates.pass(name),
    reached: (name: string) => gates.reached(name),
  })
}
