import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { beforeEach, test } from 'node:test'
import { SpanStatusCode, trace } from '@opentelemetry/api'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

/** OpenTelemetry's instrumentation of node:http and Express, registered before both are loaded, as its guide has it. */

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
provider.register()
registerInstrumentations({
  tracerProvider: provider,
  instrumentations: [new HttpInstrumentation(), new ExpressInstrumentation()],
})
const require = createRequire(import.meta.url)
require('http')

const company = await import('./company.mts')
const { checkBesideBare, change, delays, listen, send, sessionsOf } = company

const behind =
  (version: string): import('./company.mts').Make =>
  (middleware) => {
    const app = require(version)()
    app.set('env', 'test')
    for (const one of middleware) app.use(one)
    app.get('/text', (_req: unknown, res: any) => res.send('hello'))
    app.get('/json', (_req: unknown, res: any) => res.status(202).json({ hello: ['world'] }))
    app.get('/moved', (_req: unknown, res: any) => res.redirect('/text'))
    app.get('/trace', (_req: unknown, res: any) =>
      res.json(trace.getActiveSpan()?.spanContext().traceId.length ?? null),
    )
    app.get('/streamed', (_req: unknown, res: any) => {
      res.writeHead(200, { 'Content-Type': 'text/plain' })
      res.write('early, ')
      setTimeout(() => res.end('late'), 10)
    })
    app.get('/fail', () => {
      throw new Error('a bug of the app')
    })
    return app
  }

for (const version of ['express', 'express4']) {
  checkBesideBare(`OpenTelemetry around ${version}`, behind(version), [
    { path: '/text' },
    { path: '/text', method: 'HEAD' },
    { path: '/json' },
    { path: '/moved' },
    { path: '/streamed' },
    { path: '/trace' },
    { path: '/no-such-page' },
  ])

  for (const [speed, delay] of delays) {
    void test(`OpenTelemetry around ${version}: the trace goes on behind the sessions, with ${speed}`, async () => {
      const port = await listen(await behind(version)([sessionsOf(delay).sessions, change]))
      assert.equal((await send(port, { path: '/trace' })).body, '32')
    })

    void test(`OpenTelemetry around ${version}: the span of a request has the status that the client gets, with ${speed}`, async () => {
      const { store, sessions } = sessionsOf(delay)
      const port = await listen(await behind(version)([sessions, change]))
      await send(port, { path: '/text' })
      store.fail('insert', delay === undefined ? 'throw' : 'reject')
      await send(port, { path: '/text' })
      assert.deepEqual(await statuses(), [
        [200, SpanStatusCode.UNSET],
        [503, SpanStatusCode.ERROR],
      ])
    })
  }
}

beforeEach(() => exporter.reset())

/** Of the spans of the server, in their order. */
async function statuses(): Promise<unknown[]> {
  // A span ends with the response's 'close', which may come after the client has seen the end.
  await new Promise((resolve) => setTimeout(resolve, 20))
  return exporter
    .getFinishedSpans()
    .filter(({ kind }) => kind === 1)
    .map(({ attributes, status }) => [
      attributes['http.response.status_code'] ?? attributes['http.status_code'],
      status.code,
    ])
}
