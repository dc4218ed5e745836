import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { quickProgram } from '../support/built-program'
import { Client, get } from '../support/channel-app'
import { RedisServer } from '../support/redis-server'

/** An app in two processes over one Redis. */
class Process {
  readonly child: ChildProcess
  readonly port: number

  private constructor(child: ChildProcess, port: number) {
    this.child = child
    this.port = port
  }

  static async start(url: string, checkInterval = 30): Promise<Process> {
    const child = fork(quickProgram(join(__dirname, 'channel-process.ts')), [url, String(checkInterval)])
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    return new Process(child, port)
  }

  get(path: string, cookie?: string): Promise<{ text: string; cookie: string }> {
    return get(this.port, path, cookie)
  }

  connect(cookie: string): Promise<Client> {
    return Client.open(this.port, cookie)
  }

  async deleteAll(subject: string): Promise<number> {
    const reply = once(this.child, 'message')
    this.child.send({ deleteAll: subject })
    const [{ count }] = (await reply) as [{ count: number }]
    return count
  }

  async stop(): Promise<void> {
    const ended = once(this.child, 'exit')
    this.child.disconnect()
    await ended
  }
}

let server: RedisServer
let admin: Awaited<ReturnType<RedisServer['connect']>>
let one: Process
let other: Process

beforeAll(async () => {
  server = await RedisServer.start()
  admin = await server.connect()
  ;[one, other] = await Promise.all([Process.start(server.url), Process.start(server.url)])
}, 30_000)
afterAll(async () => {
  await Promise.all([one.stop(), other.stop()])
  admin.destroy()
  await server.stop()
})

/** A logged-in visitor whose channel has got all changes so far. */
async function visitor(subject: string, at = one): Promise<{ cookie: string; handle: string; client: Client }> {
  const { cookie, text: handle } = await at.get(`/login/${subject}`)
  const client = await at.connect(cookie)
  await client.next('open')
  await subscribed()
  return { cookie, handle, client }
}

/** The first channel of a process subscribes; the channel finds what was published before that by reading its session. */
async function subscribed(): Promise<void> {
  while ((await subscribers()) === 0) await pause(5)
  await pause(50)
}

async function subscribers(): Promise<number> {
  return (await admin.sendCommand<string>(['CLIENT', 'LIST', 'TYPE', 'PUBSUB']))
    .split('\n')
    .filter((line) => line !== '').length
}

async function within(seconds: number, act: () => Promise<unknown>): Promise<void> {
  const start = Date.now()
  await act()
  expect(Date.now() - start).toBeLessThan(seconds * 1000)
}

test('a channel sees what the other process changes', async () => {
  const { cookie, client } = await visitor('ada')
  await within(1, async () => {
    await other.get('/set/name/Ada', cookie)
    expect(await client.next('changed')).toEqual({ name: 'Ada' })
  })
})

test("what a channel sets is there in the other process, for HTTP, for channels, and for all of the user's sessions", async () => {
  const here = await visitor('bo')
  const there = await visitor('bo', other)
  await within(1, async () => {
    expect(await here.client.ask({ update: { name: 'Bo' } })).toBe('done')
    expect(await there.client.next('changed')).toEqual({ name: 'Bo' })
  })
  expect((await other.get('/all', there.cookie)).text).toBe('{"name":"Bo"}')
  expect((await other.get('/all', here.cookie)).text).toBe('{"name":"Bo"}')
})

test('parallel writes of channels and of HTTP requests in both processes are all kept', async () => {
  const { cookie, client } = await visitor('cy')
  const elsewhere = await other.connect(cookie)
  const numbers = Array.from({ length: 10 }, (_, number) => number)
  await Promise.all(
    numbers.flatMap((number) => [
      one.get(`/set/a${number}/1`, cookie),
      other.get(`/set/b${number}/1`, cookie),
      client.ask({ update: { [`c${number}`]: 1 } }),
      elsewhere.ask({ update: { [`d${number}`]: 1 } }),
    ]),
  )
  expect(Object.keys(JSON.parse((await one.get('/all', cookie)).text) as object)).toHaveLength(40)
})

test.each<[string, string, (cookie: string) => Promise<unknown>]>([
  ['logout', 'ended', (cookie) => other.get('/logout', cookie)],
  ['deleteAll', 'ended', () => other.deleteAll('di')],
  ['another login on the session', 'replaced', (cookie) => other.get('/login/di', cookie)],
  [
    'a clear by another channel',
    'ended',
    async (cookie) => (await other.connect(cookie)).socket.send('{"clear":true}'),
  ],
])('%s in the other process closes the socket within a second', async (_name, reason, end) => {
  const { cookie, client } = await visitor('di')
  await within(1, async () => {
    await end(cookie)
    expect(await client.closed).toEqual({ code: 4401, reason })
  })
})

test('channels re-read what changed while the subscription was down, as soon as it is up again', async () => {
  const ended = await visitor('ed')
  const changed = await visitor('flo')
  await within(2, async () => {
    await admin.sendCommand(['CLIENT', 'KILL', 'TYPE', 'PUBSUB'])
    await Promise.all([other.get('/logout', ended.cookie), other.get('/set/name/Flo', changed.cookie)])
    expect(await ended.client.closed).toEqual({ code: 4401, reason: 'ended' })
    expect(await changed.client.next('changed')).toEqual({ name: 'Flo' })
  })
  await other.get('/set/name/Florence', changed.cookie)
  expect(await changed.client.next('changed')).toEqual({ name: 'Florence' })
})

test('the periodic check finds changes that were not published', async () => {
  const patient = await Process.start(server.url, 1)
  const [changed, ended, dropped] = [
    await visitor('gus', patient),
    await visitor('hal', patient),
    await visitor('ida', patient),
  ]
  await within(2, async () => {
    // For Redis no process watches these any more: so nothing is published.
    for (const { handle } of [changed, ended]) await admin.hDel(`sess:${handle}`, 'w')
    await Promise.all([
      other.get('/set/name/Gus', changed.cookie),
      other.get('/logout', ended.cookie),
      // As a server does that runs out of memory.
      admin.del(`sess:${dropped.handle}`),
    ])
    expect(await changed.client.next('changed')).toEqual({ name: 'Gus' })
    expect([await ended.client.closed, await dropped.client.closed]).toEqual(
      Array(2).fill({ code: 4401, reason: 'ended' }),
    )
  })
  // The read has marked the session as watched again: the next change is published at once.
  expect(await admin.hExists(`sess:${changed.handle}`, 'w')).toBe(1)
  await patient.stop()
})

test('hundreds of sockets share one subscription a process, and leave no key behind', async () => {
  const cookies = await Promise.all(Array.from({ length: 20 }, async () => (await one.get('/set/name/many')).cookie))
  const clients = await Promise.all(Array.from({ length: 300 }, (_, index) => one.connect(cookies[index % 20] ?? '')))
  await subscribed()
  expect(await subscribers()).toBeLessThanOrEqual(2)
  const changes = clients
    .filter((_, index) => index % 20 === 3)
    .map((client) => client.next('changed') as Promise<unknown>)
  await other.get('/set/name/new', cookies[3])
  expect(await Promise.all(changes)).toEqual(Array(15).fill({ name: 'new' }))
  const keys = await admin.dbSize()
  await Promise.all(clients.map((client) => client.close()))
  expect(await admin.dbSize()).toBe(keys)
})

test('a process that dies leaves nothing behind but a watch that runs out', async () => {
  const doomed = await Process.start(server.url)
  const { handle, cookie } = await visitor('joe', doomed)
  const ended = once(doomed.child, 'exit')
  doomed.child.kill('SIGKILL')
  await ended
  const until = Number(await admin.hGet(`sess:${handle}`, 'w'))
  expect(until - Date.now()).toBeGreaterThan(0)
  expect(until - Date.now()).toBeLessThanOrEqual(90_000)
  expect(await admin.pTTL(`sess:${handle}`)).toBeGreaterThan(0)
  expect((await one.get('/set/a/1', cookie)).text).toBe(handle)
})
