import { join } from 'node:path'
import { AppProcess } from '../support/app-process'
import { type ClientResponse, cookieOf, inParallel, maxAgeOf } from '../support/http-client'
import { RedisServer } from '../support/redis-server'

const main = join(__dirname, 'user-process-main.ts')
const timeouts = { idle: 500, renewal: 100, oldSessionAvailabilityAfterRenewal: 10 }

let redis: RedisServer
let one: AppProcess
let two: AppProcess

beforeAll(async () => {
  redis = await RedisServer.start()
  await start()
})
afterAll(async () => {
  await stop()
  await redis.stop()
})

afterEach(async () => {
  const client = await redis.connect()
  await client.flushAll()
  client.destroy()
})

/** The processes of all tests, whose clocks only go forward. */
async function start(skew = 0): Promise<void> {
  const options = { sessionTtl: 1000, timeouts }
  ;[one, two] = await Promise.all([
    AppProcess.start(redis.port, options, main),
    AppProcess.start(redis.port, { ...options, skew }, main),
  ])
}

async function stop(): Promise<void> {
  await Promise.all([one.stop(), two.stop()])
}

const processFor = (index: number): AppProcess => (index % 2 === 0 ? one : two)
const turn = (seconds: number): Promise<unknown> =>
  Promise.all([one, two].map((process) => process.get(`/turn/${seconds}`)))
const json = async (process: AppProcess, path: string, cookie?: string): Promise<any> =>
  JSON.parse((await process.get(path, cookie)).body)
const subjectOf = async (cookie: string, process = one): Promise<unknown> =>
  (await json(process, '/get', cookie)).subject
const handleIn = (cookie: string): string => cookie.slice('sid='.length, 'sid='.length + 16)
const handles = async (process: AppProcess): Promise<string[]> =>
  ((await json(process, '/list/ann')) as [string][]).map(([handle]) => handle).sort()
const newCookies = (responses: readonly ClientResponse[]): string[] =>
  responses.flatMap(({ cookies }) => cookies.filter((text) => !text.endsWith('=')))

/** Resolves when a request that has read its session waits at the barrier. */
async function reached(process: AppProcess, barrier: string): Promise<void> {
  while ((await json(process, `/waiting/${barrier}`)) !== true) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('60 logins in two processes are 60 entries, in the listing of either', async () => {
  const cookies = newCookies(await inParallel(60, (index) => processFor(index).get('/login/ann')))
  expect(cookies).toHaveLength(60)
  for (const process of [one, two]) expect(await handles(process)).toEqual(cookies.map(handleIn).sort())
  expect(await json(two, '/end-all/ann')).toBe(60)
  expect(await handles(one)).toEqual([])
})

test('50 requests at once in two processes issue one new id; the old one works for the overlap and not longer; every write is kept', async () => {
  for (let round = 0; round < 5; round++) {
    const cookie = cookieOf(await one.get('/login/ann'))
    await turn(100)
    for (const process of [one, two]) await process.get('/hook-calls')
    const responses = await inParallel(50, (index) => processFor(index).get(`/set/k${index}/1`, cookie))
    expect(responses.map(({ status }) => status)).toEqual(Array(50).fill(200))
    const [next = '', ...more] = newCookies(responses)
    expect(more).toEqual([])
    expect(maxAgeOf(responses.find(({ cookies }) => cookies.length > 0)!)).toBeGreaterThan(890)
    const hookCalls = [...(await json(one, '/hook-calls')), ...(await json(two, '/hook-calls'))] as string[]
    expect(hookCalls).toHaveLength(49)
    expect(hookCalls.filter((who) => who === 'another').length).toBeGreaterThan(0)
    expect(await subjectOf(next, one)).toBe('ann')
    await turn(9)
    expect((await one.get('/set/late/1', cookie)).cookies).toEqual([])
    expect((await two.get('/get', cookie)).cookies).toEqual([])
    await turn(1)
    expect([await subjectOf(cookie, one), await subjectOf(cookie, two)]).toEqual([null, null])
    const { subject, values } = await json(two, '/get', next)
    expect([subject, Object.keys(values as object).length]).toEqual(['ann', 51])
  }
})

test('50 requests that only read: one new id; each process asks at most once to renew, and once to record the access', async () => {
  const cookie = cookieOf(await one.get('/login/ann'))
  await turn(100)
  const client = await redis.connect()
  const scripts = async (): Promise<number> =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0)
  const before = await scripts()
  expect(newCookies(await inParallel(50, (index) => processFor(index).get('/get', cookie)))).toHaveLength(1)
  expect((await scripts()) - before).toBeLessThanOrEqual(4)
  client.destroy()
})

test('the same of the manager: of 50 reads in two processes one gets the new id', async () => {
  for (let round = 0; round < 5; round++) {
    const id = (await json(one, '/create/ann')) as string
    await turn(100)
    const reads = (await inParallel(50, (index) => json(processFor(index), `/read/ann/${id}`))) as [
      object,
      string | null,
    ][]
    const [next, ...more] = reads.flatMap(([, renewed]) => (renewed === null ? [] : [renewed]))
    expect(more).toEqual([])
    expect((await json(two, `/read/ann/${next}`))[1]).toBeNull()
    await turn(9)
    for (const process of [one, two]) expect((await json(process, `/read/ann/${id}`))[1]).toBeNull()
    await turn(1)
    for (const process of [one, two]) {
      expect(await json(process, `/read/ann/${id}`)).toBe('USER_SESSION_NOT_FOUND')
      expect((await json(process, `/read/ann/${next}`))[1]).toBeNull()
    }
    expect(await subjectOf(`sid=${next}`)).toBe('ann')
    await one.get('/end-all/ann')
  }
})

test('the same of the manager: deleteAll that races with create and read leaves a listing that is true', async () => {
  for (let round = 0; round < 5; round++) {
    const before = (await inParallel(20, (index) => json(processFor(index), '/create/ann'))) as string[]
    await turn(100)
    const [during, reads] = (await Promise.all([
      inParallel(20, (index) => json(processFor(index), '/create/ann')),
      inParallel(20, (index) => json(processFor(index), `/read/ann/${before[index]}`)),
      two.get('/end-all/ann'),
    ])) as [string[], ([object, string | null] | string)[], unknown]
    const renewed = reads.flatMap((read) => (typeof read === 'string' || read[1] === null ? [] : [read[1]]))
    const live = new Set<string>()
    for (const id of [...during, ...renewed]) {
      if (typeof (await json(one, `/read/ann/${id}`)) !== 'string') live.add(id.slice(0, 16))
    }
    for (const process of [one, two]) expect(await handles(process)).toEqual([...live].sort())
    for (const id of before) expect(await json(two, `/read/ann/${id}`)).toBe('USER_SESSION_NOT_FOUND')
    await one.get('/end-all/ann')
  }
})

test('a login in one process during the overlap of the other ends the old id at once, everywhere', async () => {
  const cookie = cookieOf(await one.get('/login/ann'))
  await turn(100)
  const renewed = cookieOf(await two.get('/get', cookie))
  const loggedIn = cookieOf(await one.get('/login/ann', cookie))
  for (const process of [one, two]) {
    expect([
      await subjectOf(cookie, process),
      await subjectOf(renewed, process),
      await subjectOf(loggedIn, process),
    ]).toEqual([null, null, 'ann'])
    expect(await handles(process)).toEqual([handleIn(loggedIn)])
  }
})

test('a request in flight in one process across deleteAll in the other revives nothing and sets no cookie', async () => {
  const cookie = cookieOf(await one.get('/login/ann'))
  await turn(100)
  const slow = one.get('/set/a/1?wait=slow', cookie)
  await reached(one, 'slow')
  expect(await json(two, '/end-all/ann')).toBe(1)
  await one.get('/open/slow')
  expect(await slow).toMatchObject({ status: 200, cookies: [] })
  for (const process of [one, two]) {
    expect([await subjectOf(cookie, process), await handles(process)]).toEqual([null, []])
  }
})

test('deleteAll in one process that races with logins and renewals in both leaves a listing that is true', async () => {
  for (let round = 0; round < 5; round++) {
    const before = newCookies(await inParallel(20, (index) => processFor(index).get('/login/ann')))
    await turn(100)
    const [during, renewed] = await Promise.all([
      inParallel(20, (index) => processFor(index).get('/login/ann')),
      inParallel(20, (index) => processFor(index).get(`/set/k/${index}`, before[index])),
      two.get('/end-all/ann'),
      inParallel(10, (index) => processFor(index).get('/list/ann')),
    ])
    const live = new Set<string>()
    for (const cookie of newCookies([...during, ...renewed])) {
      if ((await subjectOf(cookie)) === 'ann') live.add(handleIn(cookie))
    }
    for (const process of [one, two]) expect(await handles(process)).toEqual([...live].sort())
    for (const cookie of before) expect(await subjectOf(cookie)).toBeNull()
    await one.get('/end-all/ann')
  }
})

test('a role that changes in one process is there at the next request in the other', async () => {
  const cookies = newCookies(await inParallel(4, (index) => processFor(index).get('/login/ann')))
  const slow = one.get('/set/cart/apples?wait=cart', cookies[0])
  await reached(one, 'cart')
  expect(await json(two, '/update-all/ann/role/editor')).toBe(4)
  await one.get('/open/cart')
  await slow
  const roles = await Promise.all(
    cookies.map(async (cookie, index) => (await json(processFor(index), '/get', cookie)).values),
  )
  expect(roles).toEqual([{ role: 'editor', cart: 'apples' }, ...Array(3).fill({ role: 'editor' })])
})

test('clocks that differ by four seconds: one new id, the overlap off by no more, the absolute deadline where it was', async () => {
  await stop()
  await start(4)
  const cookie = cookieOf(await one.get('/login/ann'))
  const { expiresAt } = await json(one, '/get', cookie)
  await turn(100)
  const responses = await inParallel(50, (index) => processFor(index).get(`/set/k${index}/1`, cookie))
  const [next = '', ...more] = newCookies(responses)
  expect(more).toEqual([])
  expect(await subjectOf(next, two)).toBe('ann')
  await turn(5)
  expect([await subjectOf(cookie, one), await subjectOf(cookie, two)]).toEqual(['ann', 'ann'])
  await turn(9)
  expect([await subjectOf(cookie, one), await subjectOf(cookie, two)]).toEqual([null, null])
  for (const process of [one, two]) expect((await json(process, '/get', next)).expiresAt).toBe(expiresAt)
})
