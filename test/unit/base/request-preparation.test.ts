import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import express from 'express'
import express4 from 'express4'
import { RequestPreparation } from '../../../lib/base/request-preparation'

setFlagsFromString('--allow-natives-syntax')
/** False for an object whose properties V8 keeps in a table. */
const hasClass = runInNewContext('(object) => %HasFastProperties(object)') as (object: object) => boolean

const isTableOfUse = Number.parseInt(process.versions.node) < 24
const own = Symbol('own')
let server: Server | undefined

afterEach(() => server?.close())

interface Seen {
  readonly classes: readonly [req: boolean, res: boolean]
  readonly isPrepared: boolean
  readonly symbols: readonly string[]
}

/** What a handler behind the preparation has seen of requests that came one after the other. */
async function requestsOf(appFor: (handler: RequestListener) => RequestListener, count: number): Promise<Seen[]> {
  const preparation = new RequestPreparation((req) => Object.defineProperty(req, own, { value: 1 }))
  const seen: Seen[] = []
  const handler = (req: IncomingMessage, res: ServerResponse): void => {
    const isPrepared = Object.hasOwn(req, own)
    const symbols = [...Object.getOwnPropertySymbols(req), ...Object.getOwnPropertySymbols(res)].map(String)
    seen.push({ classes: [hasClass(req), hasClass(res)], isPrepared, symbols })
    if (!isPrepared) preparation.startFor(req)
    res.end()
  }
  server = createServer(appFor(handler)).listen(0)
  for (let sent = 0; sent < count; sent++) {
    await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)).text()
  }
  return seen
}

test.each([
  ['Express 5', express],
  ['Express 4', express4 as unknown as typeof express],
])('properties of requests and responses of %s stand in tables where V8 makes classes of them', async (_name, kind) => {
  const seen = await requestsOf((handler) => kind().use(handler) as RequestListener, 4)
  expect(seen.map(({ isPrepared }) => isPrepared)).toEqual([false, true, true, true])
  const after = [!isTableOfUse, !isTableOfUse]
  expect(seen.map(({ classes }) => classes)).toEqual([[true, true], after, after, after])
  expect(seen.flatMap(({ symbols }) => symbols).filter((symbol) => /first|second/.test(symbol))).toEqual([])
})

test('requests and responses of a server without Express keep their classes, which they share', async () => {
  const seen = await requestsOf((handler) => handler, 4)
  expect(seen.map(({ isPrepared }) => isPrepared)).toEqual([false, true, true, true])
  expect(seen.map(({ classes }) => classes)).toEqual(Array.from({ length: 4 }, () => [true, true]))
})

test('a request that is given to a server by hand, without a response, is prepared', () => {
  const preparation = new RequestPreparation((req) => Object.defineProperty(req, own, { value: 1 }))
  const given = createServer()
  preparation.startFor(Object.setPrototypeOf({ socket: { server: given } }, express.request) as object)
  const req = { headers: {} }
  given.emit('request', req)
  expect(Object.hasOwn(req, own)).toBe(true)
})
