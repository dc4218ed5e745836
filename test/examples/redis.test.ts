import { type RunningExample, startExample, Visitor } from '../support/example'
import { RedisServer } from '../support/redis-server'

const command = ['npx', 'tsx', 'examples/redis/start.ts']

describe('two processes on a Redis that is there', () => {
  let redis: RedisServer
  let example: RunningExample

  beforeAll(async () => {
    redis = await RedisServer.start()
    example = await startExample(command, { REDIS_URL: redis.url })
  }, 60_000)

  afterAll(async () => {
    await example.stop()
    await redis.stop()
  })

  test('take turns, and each knows what the other has stored', async () => {
    const visitor = new Visitor(example.url)
    const pages = []
    for (let visit = 1; visit <= 4; visit++) pages.push(await visitor.open('/'))
    const names = pages.map((page) => page.slice('process '.length, 'process '.length + 1))
    expect([names[0], names[1]].sort()).toEqual(['A', 'B'])
    expect(names.slice(2)).toEqual(names.slice(0, 2))
    expect(pages.map((page) => page.slice(page.indexOf(': ') + 2))).toEqual(
      [1, 2, 3, 4].map((visit) => `visit ${visit} of a stranger\n`),
    )
    expect(example.output()).toContain('GET / -> process A')
    expect(example.output()).toContain('GET / -> process B')
  })

  test('a sign-in on one is a sign-in on the other, and so is a sign-out', async () => {
    const visitor = new Visitor(example.url)
    await visitor.open('/')
    await visitor.send('/sign-in/ada')
    const signedIn = [visitor.text, await visitor.open('/'), await visitor.open('/')]
    expect(signedIn).toEqual(Array(3).fill(expect.stringContaining('of ada')))
    const thief = new Visitor(example.url)
    for (const [name, value] of visitor.cookies) thief.cookies.set(name, value)
    await visitor.send('/sign-out')
    expect([await thief.open('/'), await thief.open('/')]).toEqual([
      expect.stringContaining('visit 1 of a stranger'),
      expect.stringContaining('visit 2 of a stranger'),
    ])
  })

  test('every record has a deadline', async () => {
    const client = await redis.connect()
    const keys = await client.keys('example:*')
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys) expect(await client.ttl(key)).toBeGreaterThan(0)
    client.destroy()
  })
})

test('without REDIS_URL it starts a Redis of its own', async () => {
  const example = await startExample(command, { REDIS_URL: undefined })
  const visitor = new Visitor(example.url)
  expect([await visitor.open('/'), await visitor.open('/')]).toEqual([
    expect.stringContaining('visit 1'),
    expect.stringContaining('visit 2'),
  ])
  await example.stop()
  await expect(visitor.open('/')).rejects.toThrow('fetch failed')
}, 60_000)
