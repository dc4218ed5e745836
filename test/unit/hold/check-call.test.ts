import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { checkCall, headerPairs, type Method } from '../../../lib/hold/check-call'

const newResponse = (): ServerResponse => new ServerResponse(new IncomingMessage(new Socket()))

/** What Node itself says to a call, on a response of its own. */
function codeOfNode(method: Method, args: readonly unknown[], prepare: (res: ServerResponse) => void): unknown {
  const res = newResponse()
  prepare(res)
  return codeOf(() => (res[method] as (...args: readonly unknown[]) => unknown)(...args))
}

function codeOf(act: () => unknown): unknown {
  try {
    act()
    return 'fine'
  } catch (error) {
    return [(error as { code?: string }).code, (error as Error).constructor.name]
  }
}

const values = [
  undefined,
  null,
  '',
  'x',
  0,
  7,
  7n,
  true,
  {},
  [],
  Symbol('x'),
  Buffer.from('x'),
  new Uint8Array(2),
  new Uint16Array(2),
  new ArrayBuffer(2),
  new DataView(new ArrayBuffer(2)),
]
const name = (value: unknown): string =>
  `${typeof value} ${Object.prototype.toString.call(value)} ${typeof value === 'symbol' ? '' : String(value)}`

describe('checkCall throws where Node does', () => {
  test.each(values.map((value) => [name(value), value]))('write of %s', (_name, value) => {
    expect(codeOf(() => checkCall(newResponse(), 'write', [value], true))).toEqual(
      codeOfNode('write', [value], () => undefined),
    )
  })

  test.each(values.map((value) => [name(value), value]))('end with %s', (_name, value) => {
    expect(codeOf(() => checkCall(newResponse(), 'end', [value], true))).toEqual(
      codeOfNode('end', [value], () => undefined),
    )
  })

  test.each([100, 199, 200, 599, 999, '200', 200.9].map((value) => [value]))(
    'and nowhere else: writeHead(%p)',
    (status) => {
      expect(codeOf(() => checkCall(newResponse(), 'writeHead', [status], true))).toBe('fine')
      expect(codeOfNode('writeHead', [status], () => undefined)).toBe('fine')
    },
  )

  test.each([0, 99, 1000, -200, NaN, Infinity, undefined, null, 'x', {}].map((value) => [value]))(
    'writeHead(%p)',
    (status) => {
      expect(codeOf(() => checkCall(newResponse(), 'writeHead', [status], true))).toEqual(
        codeOfNode('writeHead', [status], () => undefined),
      )
    },
  )

  test.each([
    ['a bad name', [200, { 'a b': '1' }]],
    ['a bad value', [200, { a: 'x\r\ny' }]],
    ['no value', [200, { a: undefined }]],
    ['a bad message', [200, 'x\r\ny']],
    ['half a pair', [200, ['a']]],
  ] as const)('writeHead with %s', (_name, args) => {
    const ours = codeOf(() => checkCall(newResponse(), 'writeHead', args, true))
    // Node checks the headers when it has some already.
    expect(ours).toEqual(codeOfNode('writeHead', args, (res) => res.setHeader('x', '1')))
  })

  test.each(['write', 'end', 'flushHeaders'] as const)('%s with a status that cannot be', (method) => {
    for (const status of [99, 1000, NaN]) {
      const res = newResponse()
      res.statusCode = status
      expect(codeOf(() => checkCall(res, method, ['x'], true))).toEqual(
        codeOfNode(method, ['x'], (own) => (own.statusCode = status)),
      )
      // Once there is a head, it does not matter any more.
      expect(codeOf(() => checkCall(res, method, ['x'], false))).toBe('fine')
    }
  })

  test('an unknown encoding is refused before a byte is sent, for text and bytes', () => {
    for (const chunk of ['x', Buffer.from('x')]) {
      expect(codeOf(() => checkCall(newResponse(), 'write', [chunk, 'klingon'], true))).toEqual([
        'ERR_UNKNOWN_ENCODING',
        'TypeError',
      ])
      expect(codeOf(() => checkCall(newResponse(), 'end', [chunk, 'klingon'], false))).toEqual([
        'ERR_UNKNOWN_ENCODING',
        'TypeError',
      ])
      for (const encoding of ['utf8', 'UTF-8', 'hex', 'latin1', 'buffer', '', undefined, null, () => undefined]) {
        expect(codeOf(() => checkCall(newResponse(), 'write', [chunk, encoding], true))).toBe('fine')
      }
    }
  })

  test('a stub of a response has no status, and nothing is wrong with that', () => {
    expect(codeOf(() => checkCall({} as never, 'end', ['x'], true))).toBe('fine')
  })
})

test('headerPairs reads every form of headers', () => {
  expect(headerPairs(undefined)).toEqual([])
  expect(headerPairs(null)).toEqual([])
  expect(headerPairs('x')).toEqual([])
  expect(headerPairs({ a: 1, b: ['2'] })).toEqual([
    ['a', 1],
    ['b', ['2']],
  ])
  expect(headerPairs(['a', 1, 'b', 2, 'a', 3])).toEqual([
    ['a', 1],
    ['b', 2],
    ['a', 3],
  ])
  expect(
    headerPairs([
      ['a', 1],
      ['a', 2],
    ]),
  ).toEqual([
    ['a', 1],
    ['a', 2],
  ])
  expect(headerPairs(['', 1, 'b', 2])).toEqual([['b', 2]])
})
