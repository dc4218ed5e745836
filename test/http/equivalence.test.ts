import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { sessionMiddleware } from '../../lib'
import { listen, passTurns, stopApps } from '../support/app'
import { ControlledStore } from '../support/controlled-store'
import type { TestRequest, TestResponse } from '../support/server-kinds'
import { fetchRaw, type RawResponse } from '../support/raw-client'

afterEach(stopApps)

/** What a handler saw: return values, callbacks, exceptions, events. */
type Note = (what: string, value?: unknown) => void
type Script = (res: TestResponse, note: Note) => unknown

const attempt = (note: Note, what: string, act: () => unknown): void => {
  try {
    act()
    note(what, 'fine')
  } catch (error) {
    note(what, (error as { code?: string }).code ?? String(error))
  }
}
const called = (note: Note, what: string) => (error?: any) => note(what, error?.code ?? 'called')

/** Handlers that must find no difference, whether their response was held or not. */
const scripts: Record<string, Script> = {
  'returns the response from end': (res, note) => note('end', res.end('x') === res),
  'returns the response from writeHead': (res, note) => (note('writeHead', res.writeHead(200) === res), res.end()),
  'returns nothing from flushHeaders': (res, note) => (note('flush', (res as any).flushHeaders()), res.end()),
  'calls back once from end': (res, note) => res.end('x', called(note, 'end')),
  'calls back once from end without a body': (res, note) => res.end(called(note, 'end')),
  'calls back once from end with an encoding': (res, note) => res.end('eA==', 'base64', called(note, 'end')),
  'calls back from both ends': (res, note) => (res.end('x', called(note, 'first')), res.end(called(note, 'second'))),
  'calls back from an end after the end': (res, note) => {
    res.end('x')
    res.on('finish', () => res.end(called(note, 'late')))
  },
  'calls back from each write, in order': (res, note) => {
    res.write('a', called(note, 'a'))
    res.write('62', 'hex', called(note, 'b'))
    res.end('c', called(note, 'c'))
  },
  'takes undefined for what is left out': (res, note) => {
    res.write('a', undefined as never, called(note, 'a'))
    res.end(undefined, undefined as never, called(note, 'b'))
  },
  'takes null for the end of a body': (res, note) => res.end(null, called(note, 'end')),
  'has a Content-Length when there is one write': (res) => res.end('four'),
  'has none when there are two': (res) => (res.write('fo'), res.end('ur')),
  'writes nothing at all': (res) => (res.write(''), res.write(Buffer.alloc(0)), res.end()),
  'writes typed arrays': (res) => (res.write(new Uint8Array([104, 105])), res.end(new Uint8Array([33]))),
  'writes latin1': (res) => res.end('caf\u00e9', 'latin1'),
  'complains of a write after the end': (res, note) => {
    res.on('error', (error: any) => note('error', error.code))
    res.end('x')
    res.write('y', called(note, 'write'))
  },
  'complains of a body in the second end': (res, note) => {
    res.on('error', (error: any) => note('error', error.code))
    res.end('x')
    res.end('y', called(note, 'end'))
  },
  'refuses a number': (res, note) => {
    attempt(note, 'write', () => res.write(7))
    attempt(note, 'end', () => res.end(7 as never))
    note('sent', res.headersSent)
    res.end('x')
  },
  'refuses null and undefined': (res, note) => {
    attempt(note, 'null', () => res.write(null))
    attempt(note, 'undefined', () => res.write(undefined))
    res.end('x')
  },
  'refuses them after the first write, too': (res, note) => {
    res.write('a')
    attempt(note, 'write', () => res.write({}))
    attempt(note, 'end', () => res.end({} as never))
    res.end('x')
  },
  'refuses an impossible status': (res, note) => {
    attempt(note, 'writeHead', () => res.writeHead(1000))
    attempt(note, 'nothing', () => res.writeHead(undefined as never))
    res.statusCode = 99
    attempt(note, 'end', () => res.end())
    attempt(note, 'write', () => res.write('x'))
    res.statusCode = 200
    res.end('x')
  },
  'refuses an impossible header': (res, note) => {
    attempt(note, 'name', () => res.writeHead(200, { 'a b': '1' }))
    attempt(note, 'value', () => res.writeHead(200, { a: 'x\ny' }))
    attempt(note, 'undefined', () => res.writeHead(200, { a: undefined }))
    attempt(note, 'message', () => res.writeHead(200, 'x\ny'))
    attempt(note, 'odd', () => (res.setHeader('x', '1'), res.writeHead(200, ['a'])))
    res.statusMessage = 'fine'
    res.end('x')
  },
  'has sent its headers once something was written': (res, note) => {
    note('before', [res.headersSent, res.writableEnded])
    res.write('x')
    note('between', [res.headersSent, res.writableEnded])
    res.end()
    note('after', [res.headersSent, res.writableEnded])
  },
  'refuses headers once something was written': (res, note) => {
    res.setHeader('X-A', '1')
    res.write('x')
    attempt(note, 'setHeader', () => res.setHeader('X-B', '1'))
    attempt(note, 'appendHeader', () => res.appendHeader('X-A', '2'))
    attempt(note, 'removeHeader', () => res.removeHeader('X-A'))
    attempt(note, 'setHeaders', () => res.setHeaders(new Map([['X-C', '1']])))
    attempt(note, 'writeHead', () => res.writeHead(201))
    note('getHeader', [res.getHeader('x-a'), res.hasHeader('x-b')])
    res.end()
  },
  'refuses headers after writeHead and flushHeaders': (res, note) => {
    res.writeHead(202, 'Taken', { 'X-A': '1' })
    note('status', [res.statusCode, res.statusMessage])
    attempt(note, 'setHeader', () => res.setHeader('X-B', '1'))
    res.flushHeaders()
    attempt(note, 'again', () => res.writeHead(201))
    attempt(note, 'the same', () => res.writeHead(202))
    res.end('x')
  },
  'ignores a status that comes after the head': (res) => {
    res.write('x')
    res.statusCode = 404
    res.statusMessage = 'Lost'
    res.end()
  },
  'keeps the status of writeHead': (res) => (res.writeHead(203), (res.statusCode = 404), res.end('x')),
  'sends writeHead over setHeader': (res) => {
    res.setHeader('X-A', 'set')
    res.setHeader('X-B', 'set')
    res.writeHead(200, { 'x-a': 'head' })
    res.end('x')
  },
  'sends a flat array': (res) => res.writeHead(200, ['X-A', '1', 'X-B', '2']).end('x'),
  'sends a flat array with repeats': (res) => res.writeHead(200, ['X-A', '1', 'X-A', '2']).end('x'),
  'sends a nested array': (res) =>
    res
      .writeHead(200, [
        ['X-A', '1'],
        ['X-A', '2'],
        ['X-B', '3'],
      ] as never)
      .end('x'),
  'sends arrays of values': (res) => res.writeHead(200, 'Yes', { 'X-A': ['1', '2'], 'X-B': 3 }).end('x'),
  'sends cookies of its own': (res) => res.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] }).end('x'),
  'sends trailers': (res) => {
    res.setHeader('Trailer', 'X-Sum')
    res.write('x')
    res.addTrailers({ 'X-Sum': '1' })
    res.end()
  },
  'is not chunked when it says its length': (res) => {
    res.setHeader('Content-Length', 2)
    res.write('o')
    res.end('k')
  },
  'has no body where there is none': (res, note) => {
    res.statusCode = 204
    res.write('lost', called(note, 'write'))
    res.end('lost', called(note, 'end'))
  },
  'corks and uncorks': (res, note) => {
    res.cork()
    res.write('a')
    res.write('b')
    note('corked', res.writableCorked)
    res.uncork()
    res.end('c')
  },
  'pipes a stream': (res) => Readable.from(['a', Buffer.from('b'), 'c']).pipe(res),
  'writes later': async (res) => {
    res.write('a')
    await passTurns(2)
    res.write('b')
    await passTurns(2)
    res.end('c')
  },
  'gives early hints': (res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload' })
    res.writeProcessing()
    res.end('x')
  },
  'closes the connection': (res) => (res.setHeader('Connection', 'close'), res.end('x')),
  'cuts the connection in the middle': async (res, note) => {
    res.write('half')
    await passTurns(3)
    res.destroy()
    note('destroyed', res.destroyed)
    res.write('x', called(note, 'write'))
  },
}

/** Node itself does not let them through where a response has no body. */
const needBody = new Set(['sends trailers', 'cuts the connection in the middle'])

interface Run {
  readonly response: RawResponse
  readonly notes: readonly string[]
}

async function run(script: Script, method: string, store?: ControlledStore): Promise<Run> {
  const notes: string[] = []
  const sessions = sessionMiddleware({ store: store ?? new ControlledStore() })
  const note: Note = (what, value) => notes.push(`${what}: ${JSON.stringify(value)}`)
  const act = (res: ServerResponse): void => {
    for (const event of ['finish', 'close']) res.on(event, () => note(event))
    void script(res, note)
  }
  const { port } = await listen((req, res) => {
    if (store === undefined) {
      act(res)
      return
    }
    sessions(req, res, () => {
      const { session } = req as TestRequest
      session.set('user', 'ada')
      act(res)
    })
  })
  const response = await fetchRaw(port, '/', { method })
  await passTurns(2)
  return { response: withoutOurs(response), notes }
}

/** Without what the session adds, and what changes from second to second. */
function withoutOurs(response: RawResponse): RawResponse {
  const headers = response.headers.filter(([name, value]) => {
    if (name === 'Set-Cookie') return !value.startsWith('sid=')
    return name !== 'Date' && !(name === 'Cache-Control' && value === 'no-store')
  })
  return { ...response, headers: headers.sort(([one], [other]) => one.localeCompare(other)) }
}

describe.each([
  ['a store that replies later', 0],
  ['a store that replies at once', undefined],
])('a handler sees the same with a held response as with a bare one: %s', (_name, delay) => {
  test.each(Object.entries(scripts))('%s', async (name, script) => {
    for (const method of needBody.has(name) ? ['GET'] : ['GET', 'HEAD']) {
      const store = new ControlledStore()
      store.delay = delay
      const [plain, held] = [await run(script, method), await run(script, method, store)]
      expect(held).toEqual(plain)
      expect(store.calls).toEqual(['insert'])
    }
  })
})

test('the plain server is a plain server', async () => {
  const { response, notes } = await run((res) => res.writeHead(201, 'Made', { 'X-A': '1' }).end('x'), 'GET')
  expect(response).toMatchObject({ statusLine: 'HTTP/1.1 201 Made', body: 'x', whole: true })
  expect(response.headers).toContainEqual(['X-A', '1'])
  expect(notes).toEqual(['finish: undefined', 'close: undefined'])
})
