import { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import express from 'express'
import { passTurns, startApp, stopApps } from '../support/app'
import { ControlledStore, holdingStore } from '../support/controlled-store'
import { bare, express5, serverKinds, type TestResponse } from '../support/server-kinds'
import { fetchRaw, parseResponse, RawClient } from '../support/raw-client'

const methods = ['write', 'end', 'writeHead', 'writeHeader', 'flushHeaders']

afterEach(stopApps)

test('a held response of Express gets no properties, for each would cost as much as all the rest', async () => {
  const names: string[][] = []
  const { port } = await startApp({
    kind: express5,
    handler(req, res) {
      const before = Object.getOwnPropertyNames(res)
      req.session.set('n', 1)
      names.push(Object.getOwnPropertyNames(res).filter((name) => !before.includes(name)))
      res.end()
    },
  })
  await fetchRaw(port)
  expect(names).toEqual([[]])
})

test('Node keeps its own prototype, and Express finds its methods where they were', async () => {
  const before = methods.map((name) => Reflect.get(ServerResponse.prototype, name) as unknown)
  for (const kind of serverKinds) {
    const { port } = await startApp({ kind, handler: (req, res) => (req.session.set('n', 1), res.end()) })
    await fetchRaw(port)
  }
  expect(methods.map((name) => Reflect.get(ServerResponse.prototype, name) as unknown)).toEqual(before)
  expect(Object.keys(express.response)).not.toEqual(expect.arrayContaining(['end']))
})

test.each([express5, bare])('what is called after the end goes to Node: $name', async (kind) => {
  const errors: unknown[] = []
  const { port } = await startApp({
    kind,
    handler(req, res) {
      req.session.set('n', 1)
      res.on('error', () => undefined).end('whole')
      res.write('more', (error) => errors.push(error))
    },
  })
  expect(await fetchRaw(port)).toMatchObject({ status: 200, body: 'whole' })
  await passTurns()
  expect(errors).toEqual([expect.objectContaining({ code: 'ERR_STREAM_WRITE_AFTER_END' })])
})

test.each([express5, bare])(
  'a stream that is piped in is unpiped when its response is discarded: $name',
  async (kind) => {
    const store = new ControlledStore()
    store.fail('insert', 'reject')
    let source: Readable | undefined
    const { port } = await startApp({
      kind,
      store,
      handler(req, res) {
        req.session.set('n', 1)
        source = new Readable({ read: () => undefined })
        source.push('of the old response')
        source.pipe(res)
      },
    })
    expect(await fetchRaw(port)).toMatchObject({ status: 503, body: 'sorry: STORE_UNAVAILABLE' })
    expect(source?.listenerCount('data')).toBe(0)
  },
)

test('responses of one Express that are not held go their way beside one that is', async () => {
  const store = holdingStore()
  const { port } = await startApp({
    kind: express5,
    store,
    handler(req, res: TestResponse) {
      if (req.url === '/held') req.session.set('n', 1)
      res['send'](req.url)
    },
  })
  const held = await RawClient.open(port)
  held.get('/held', { Connection: 'close' })
  await store.asked('insert')
  expect(await fetchRaw(port, '/free')).toMatchObject({ status: 200, body: '/free' })
  expect(held.received).toBe('')
  store.release('insert')
  expect(parseResponse(await held.untilClosed())).toMatchObject({ status: 200, body: '/held' })
})
