import cluster from 'node:cluster'
import { forgetWarnings } from '../../../lib/base/warnings'
import { resolveOptions } from '../../../lib/service/resolve-options'
import type { SessionOptions } from '../../../lib/service/session-options'
import { sessionMiddleware } from '../../../lib/session-middleware'
import { MemoryStore } from '../../../lib/stores/memory-store'

const code = (options: unknown): string => {
  try {
    resolveOptions(options as SessionOptions)
    return 'accepted'
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('resolveOptions gives the defaults when it is given nothing', () => {
  const { sessionTtl, storeTimeout, idLength, cookie, timeouts, store, maxBytes, cacheControl } = resolveOptions()
  expect({ sessionTtl, storeTimeout, idLength, timeouts, maxBytes, cacheControl }).toEqual({
    sessionTtl: 86_400,
    storeTimeout: 5,
    idLength: 24,
    timeouts: {},
    maxBytes: 65_536,
    cacheControl: 'no-store',
  })
  expect(cookie.settings).toEqual({
    path: '/',
    secure: 'auto',
    httpOnly: true,
    sameSite: 'lax',
    partitioned: false,
    persistent: true,
  })
  expect(store).toBeInstanceOf(MemoryStore)
})

test('undefined is absent, and what was given stays as it was', () => {
  const options = {
    cookie: { name: undefined, path: undefined },
    sessionTtl: undefined,
    timeouts: { idle: undefined },
  }
  const before = JSON.stringify(options)
  expect(resolveOptions(options as unknown as SessionOptions).cookie.settings.path).toBe('/')
  expect(JSON.stringify(options)).toBe(before)
})

test.each<[string, unknown, string]>([
  ['null', null, 'INVALID_OPTION'],
  ['an array', [], 'INVALID_OPTION'],
  ['a number', 5, 'INVALID_OPTION'],
  ['an unknown key', { ttl: 5 }, 'INVALID_OPTION'],
  ['__proto__ as own key', JSON.parse('{"__proto__":1}'), 'INVALID_OPTION'],
  ['cookie null', { cookie: null }, 'INVALID_OPTION'],
  ['cookie key', { cookie: { maxAge: 5 } }, 'INVALID_OPTION'],
  ['cookie name', { cookie: { name: 'a b' } }, 'INVALID_OPTION'],
  ['cookie name empty', { cookie: { name: '' } }, 'INVALID_OPTION'],
  ['cookie path', { cookie: { path: '/;evil' } }, 'INVALID_OPTION'],
  ['cookie path type', { cookie: { path: 5 } }, 'INVALID_OPTION'],
  ['cookie domain', { cookie: { domain: 'a b' } }, 'INVALID_OPTION'],
  ['cookie httpOnly', { cookie: { httpOnly: 'yes' } }, 'INVALID_OPTION'],
  ['cookie secure', { cookie: { secure: 'yes' } }, 'INVALID_OPTION'],
  ['cookie sameSite', { cookie: { sameSite: 'Lax' } }, 'INVALID_OPTION'],
  ['cookie sameSite none', { cookie: { sameSite: 'none' } }, 'INVALID_OPTION'],
  ['cookie sameSite none, not secure', { cookie: { sameSite: 'none', secure: false } }, 'INVALID_OPTION'],
  ['cookie sameSite none, secure', { cookie: { sameSite: 'none', secure: true } }, 'accepted'],
  ['cookie priority', { cookie: { priority: 'urgent' } }, 'INVALID_OPTION'],
  ['cookie partitioned', { cookie: { partitioned: true } }, 'INVALID_OPTION'],
  ['cookie partitioned, secure', { cookie: { partitioned: true, secure: true } }, 'accepted'],
  ['cookie __Host- with domain', { cookie: { name: '__Host-a', domain: 'example.com' } }, 'INVALID_OPTION'],
  ['cookie __Host- with path', { cookie: { name: '__host-a', path: '/x' } }, 'INVALID_OPTION'],
  ['cookie __Host- not secure', { cookie: { name: '__Host-a', secure: false } }, 'INVALID_OPTION'],
  ['cookie __Secure- not secure', { cookie: { name: '__Secure-a', secure: false } }, 'INVALID_OPTION'],
  ['cookie __Host-', { cookie: { name: '__Host-a' } }, 'accepted'],
  ['sessionTtl 0', { sessionTtl: 0 }, 'INVALID_OPTION'],
  ['sessionTtl text', { sessionTtl: '5' }, 'INVALID_OPTION'],
  ['sessionTtl Infinity', { sessionTtl: Infinity }, 'INVALID_OPTION'],
  ['sessionTtl of a day in milliseconds', { sessionTtl: 86_400_000 }, 'INVALID_OPTION'],
  ['sessionTtl of 400 days', { sessionTtl: 34_560_000 }, 'accepted'],
  ['sessionTtl of 400 days and a second', { sessionTtl: 34_560_001 }, 'INVALID_OPTION'],
  ['secret undefined', { secret: undefined }, 'INVALID_OPTION'],
  ['store undefined', { store: undefined }, 'INVALID_OPTION'],
  ['storeTimeout NaN', { storeTimeout: NaN }, 'INVALID_OPTION'],
  ['storeTimeout of five seconds in milliseconds', { storeTimeout: 5000 }, 'INVALID_OPTION'],
  ['storeTimeout of 300 seconds', { storeTimeout: 300 }, 'accepted'],
  ['storeTimeout of 300 seconds and some', { storeTimeout: 300.5 }, 'INVALID_OPTION'],
  ['maxBytes 0', { maxBytes: 0 }, 'INVALID_OPTION'],
  ['maxBytes 1.5', { maxBytes: 1.5 }, 'INVALID_OPTION'],
  ['maxBytes text', { maxBytes: '64kb' }, 'INVALID_OPTION'],
  ['maxBytes 1', { maxBytes: 1 }, 'accepted'],
  ['maxBytes Infinity', { maxBytes: Infinity }, 'accepted'],
  ['cacheControl true', { cacheControl: true }, 'INVALID_OPTION'],
  ['cacheControl public', { cacheControl: 'public' }, 'INVALID_OPTION'],
  ['cacheControl private', { cacheControl: 'private' }, 'accepted'],
  ['cacheControl false', { cacheControl: false }, 'accepted'],
  ['idLength 15', { idLength: 15 }, 'INVALID_SESSION_ID_LENGTH'],
  ['idLength 16.5', { idLength: 16.5 }, 'INVALID_SESSION_ID_LENGTH'],
  ['idLength 257', { idLength: 257 }, 'INVALID_SESSION_ID_LENGTH'],
  ['idLength 16', { idLength: 16 }, 'accepted'],
  ['idle 0', { timeouts: { idle: 0 } }, 'INVALID_IDLE_TIMEOUT'],
  ['idle too long', { sessionTtl: 10, timeouts: { idle: 10 } }, 'INVALID_IDLE_TIMEOUT'],
  ['renewal text', { timeouts: { renewal: '5', oldSessionAvailabilityAfterRenewal: 1 } }, 'INVALID_RENEW_TIMEOUT'],
  ['renewal alone', { timeouts: { renewal: 5 } }, 'OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL_REQUIRED'],
  ['overlap of a whole renewal', { timeouts: { renewal: 5, oldSessionAvailabilityAfterRenewal: 5 } }, 'accepted'],
  [
    'overlap too long',
    { sessionTtl: 9, timeouts: { renewal: 5, oldSessionAvailabilityAfterRenewal: 9 } },
    'INVALID_OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL',
  ],
  [
    'overlap alone',
    { timeouts: { oldSessionAvailabilityAfterRenewal: 5 } },
    'INVALID_OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL',
  ],
  ['renewal', { timeouts: { renewal: 5, oldSessionAvailabilityAfterRenewal: 1 } }, 'accepted'],
  ['timeouts key', { timeouts: { idel: 5 } }, 'INVALID_OPTION'],
  ['secret empty', { secret: '' }, 'INVALID_OPTION'],
  ['secret list empty', { secret: [] }, 'INVALID_OPTION'],
  ['secret list', { secret: ['a long enough secret', ''] }, 'INVALID_OPTION'],
  ['store class', { store: MemoryStore }, 'INVALID_OPTION'],
  ['store text', { store: 'redis' }, 'INVALID_OPTION'],
  ['context', { context: {} }, 'INVALID_OPTION'],
  ['hook', { readUserSessionHook: true }, 'INVALID_OPTION'],
  ['hooks key', { renewSessionHooks: { onRenew: () => undefined } }, 'INVALID_OPTION'],
  ['hooks value', { renewSessionHooks: { onOldSessionDeleteFailure: 1 } }, 'INVALID_OPTION'],
  ['clock', { clock: 5 }, 'INVALID_OPTION'],
])('%s', (_name, options, expected) => {
  expect(code(options)).toBe(expected)
  if (expected !== 'accepted') {
    expect(() => sessionMiddleware(options as SessionOptions)).toThrow(expect.objectContaining({ code: expected }))
  }
})

test('the error for an option that is given as undefined says that its source is not set', () => {
  expect(() => resolveOptions({ secret: undefined } as never)).toThrow(
    /^secret is given, and is undefined: .* is not set; /,
  )
})

test('the error for a misspelt option names the nearest option, and never shows a secret', () => {
  expect(() => resolveOptions({ sesionTtl: 1 } as never)).toThrow('did you mean sessionTtl?')
  expect(() => resolveOptions({ cookie: { samesite: 'lax' } } as never)).toThrow('did you mean sameSite?')
  expect(() => resolveOptions({ resave: true } as never)).toThrow('unknown option "resave"; it accepts store,')
  expect(() => resolveOptions({ secret: ['hunter2-hunter2-hunter2', 5] } as never)).toThrow(/^secret is 5/)
})

describe('warnings', () => {
  const emitted: [string, string][] = []
  let spy: jest.SpyInstance
  beforeEach(() => {
    forgetWarnings()
    emitted.length = 0
    spy = jest
      .spyOn(process, 'emitWarning')
      .mockImplementation(((text: string, { code: of }: { code: string }) => emitted.push([of, text])) as never)
  })
  afterEach(() => spy.mockRestore())

  test('resolveOptions warns of a short secret once', () => {
    resolveOptions({ secret: 'keyboard cat' })
    resolveOptions({ secret: 'keyboard cat' })
    expect(emitted.map(([of]) => of)).toEqual(['HOLDFAST_SHORT_SECRET'])
    expect(emitted[0]?.[1]).not.toContain('keyboard')
  })

  test('resolveOptions warns of the memory store in production once, with what to use instead', () => {
    const before = process.env['NODE_ENV']
    process.env['NODE_ENV'] = 'production'
    try {
      resolveOptions()
      resolveOptions({ store: new MemoryStore() })
    } finally {
      process.env['NODE_ENV'] = before
    }
    expect(emitted).toEqual([['HOLDFAST_MEMORY_STORE', expect.stringContaining('RedisStore')]])
  })
})

test('the array of secrets is copied: an app that empties its own does not switch signing off', () => {
  const secrets = ['a secret of sixteen characters', 'another of sixteen characters']
  const { cookie } = resolveOptions({ secret: secrets })
  const signed = cookie.write('A'.repeat(48), true, 60)
  secrets.length = 0
  expect(cookie.write('A'.repeat(48), true, 60)).toBe(signed)
  expect(signed).toContain('s%3A')
})

describe('a storeTimeout that is more likely meant in milliseconds', () => {
  const warned = (storeTimeout: number): string[] => {
    forgetWarnings()
    const emitted = jest.spyOn(process, 'emitWarning').mockImplementation()
    resolveOptions({ storeTimeout })
    return emitted.mock.calls.map(([message]) => String(message))
  }
  afterEach(() => jest.restoreAllMocks())

  test.each([100, 250])('%d warns, and names the option', (storeTimeout) => {
    expect(warned(storeTimeout)).toEqual([expect.stringContaining(`(storeTimeout is ${storeTimeout} seconds)`)])
  })

  test.each([0.05, 5, 60, 99])('%d does not', (storeTimeout) => {
    expect(warned(storeTimeout)).toEqual([])
  })
})

describe('a lifetime that is a round number of minutes in milliseconds', () => {
  const warned = (sessionTtl: number): string[] => {
    forgetWarnings()
    const emitted = jest.spyOn(process, 'emitWarning').mockImplementation()
    resolveOptions({ sessionTtl })
    return emitted.mock.calls.map(([message]) => String(message)).filter((message) => message.includes('milliseconds'))
  }
  afterEach(() => jest.restoreAllMocks())

  test.each([1_800_000, 3_600_000, 900_000, 28_800_000])('%d warns, and names the option', (sessionTtl) => {
    expect(warned(sessionTtl)).toEqual([expect.stringContaining(`(sessionTtl is ${sessionTtl} seconds)`)])
  })

  test.each([60, 3600, 86_400, 7 * 86_400, 30 * 86_400, 100 * 86_400, 365 * 86_400])('%d does not', (sessionTtl) => {
    expect(warned(sessionTtl)).toEqual([])
  })
})

describe('a MemoryStore in one of several processes', () => {
  const warned = (): (string | undefined)[] => {
    forgetWarnings()
    const emitted = jest.spyOn(process, 'emitWarning').mockImplementation()
    resolveOptions()
    return emitted.mock.calls.map(([, options]) => (options as { code?: string }).code)
  }
  const { send } = process
  afterEach(() => {
    jest.restoreAllMocks()
    jest.replaceProperty(cluster, 'isWorker', false)
    Object.assign(process, { send })
    delete process.env['NODE_APP_INSTANCE']
  })

  test('warns outside production in a worker of the cluster', () => {
    jest.replaceProperty(cluster, 'isWorker', true)
    Object.assign(process, { send: () => true })
    expect(warned()).toEqual(['HOLDFAST_MEMORY_STORE_IN_SEVERAL_PROCESSES'])
  })

  test.each([
    ['0', []],
    ['1', ['HOLDFAST_MEMORY_STORE_IN_SEVERAL_PROCESSES']],
  ])('that pm2 gave the number %s', (instance, codes) => {
    process.env['NODE_APP_INSTANCE'] = instance
    expect(warned()).toEqual(codes)
  })
})
