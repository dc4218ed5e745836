/*
 * `npm run bench -- redis-server`: what sessions cost Redis itself, which all processes of an app share: bytes a session
 * takes, and the time of the server for a read, a write, an insert, a login. Starts its own Redis, and measures connect-redis
 * and this package in turns within one run. No stopwatch: Redis counts the microseconds of its commands (INFO commandstats).
 */
import { RedisStore as ConnectRedis } from 'connect-redis'
import { hashId, mintId } from '../lib/id/session-id'
import { RedisStore } from '../lib/redis'
import type { SessionRecord } from '../lib/session/record'
import { RedisProcess } from './redis-process'
import { type Client, commandTimes, connect, infoOf } from './redis-usage'
import type { Report } from './report'
import { median } from './rounds'

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 15)
const sessions = 2000
const lanes = 16
const day = 86_400

/** One kind of session store: what it does for each operation of {@link operations}. */
interface Contender {
  readonly name: string
  readonly prefix: string
  /** Commands that its operations send; what scripts call by themselves is counted within the script. */
  readonly commands: readonly string[]
  readonly insert: (which: number) => Promise<unknown>
  readonly read: (which: number) => Promise<unknown>
  readonly write: (which: number) => Promise<unknown>
  readonly login?: (which: number) => Promise<unknown>
  readonly writeOfUser?: (which: number) => Promise<unknown>
  readonly readOfUser?: (which: number) => Promise<unknown>
}

const operations = ['insert', 'read', 'write', 'login', 'readOfUser', 'writeOfUser'] as const
type Operation = (typeof operations)[number]

const headings: Record<Operation, string> = {
  insert: 'insert',
  read: 'read',
  write: 'write',
  login: 'login',
  readOfUser: 'read, signed in',
  writeOfUser: 'write, signed in',
}

function connectRedis(client: Client): Contender {
  const prefix = 'es:'
  const store = new ConnectRedis({ client, prefix })
  const ids = Array.from({ length: sessions }, () => mintId(24).slice(0, 32))
  const idOf = (which: number) => ids[which] ?? ''
  const cookie = { originalMaxAge: day * 1000, expires: new Date(Date.now() + day * 1000), httpOnly: true, path: '/' }
  const data = (views: number) => ({ cookie, views }) as never
  let views = 0
  return {
    name: 'connect-redis',
    prefix,
    commands: ['get', 'set', 'expire'],
    insert: (which) => store.set(idOf(which), data(1)),
    // express-session moves the deadline of each session that a request has only read.
    read: async (which) => {
      await store.get(idOf(which))
      await store.touch(idOf(which), data(1))
    },
    write: async (which) => {
      await store.get(idOf(which))
      await store.set(idOf(which), data(++views))
    },
  }
}

function holdfast(client: Client): Contender {
  const prefix = 'hf:'
  const store = new RedisStore({ client, prefix })
  const ids = Array.from({ length: 2 * sessions }, () => mintId(24))
  const handleOf = (which: number) => (ids[which] ?? '').slice(0, 16)
  const made = Math.round(Date.now()) / 1000
  const record = (which: number, parts: Partial<SessionRecord> = {}): SessionRecord => ({
    hash: hashId(ids[which] ?? ''),
    epoch: 0,
    createdAt: made,
    issuedAt: made,
    accessedAt: made,
    expiresAt: made + day,
    ...parts,
  })
  let views = 0
  const write = async (which: number) => {
    await store.load(handleOf(which), made)
    const fields = { set: new Map([['v:views', String(++views)]]), remove: [] }
    if ((await store.change(handleOf(which), { epoch: 0, fields }, made)) !== 'stored') throw new Error('not stored')
  }
  const user = (which: number) => which + sessions
  const context = { ip: '203.0.113.7' }
  const fields = new Map([['v:views', '1']])
  return {
    name: 'holdfast',
    prefix,
    commands: ['evalsha', 'hgetall'],
    insert: (which) => store.insert(handleOf(which), { record: record(which), fields }, made),
    read: async (which) => store.load(handleOf(which), made),
    write,
    login: (which) => {
      const subject = `user-${which}`
      return store.insert(handleOf(user(which)), { record: record(user(which), { subject, context }), fields }, made)
    },
    readOfUser: async (which) => store.load(handleOf(user(which)), made),
    writeOfUser: (which) => write(user(which)),
  }
}

/** Microseconds of the server for one operation. */
async function timeOf(client: Client, { commands, ...contender }: Contender, operation: Operation): Promise<number> {
  let next = 0
  const lane = async () => {
    while (next < sessions) await contender[operation]?.(next++)
  }
  const times = await commandTimes(client, () => Promise.all(Array.from({ length: lanes }, lane)))
  const sum = commands.reduce((total, command) => total + (times.get(command) ?? 0), 0)
  return sum / sessions
}

/** Bytes that a session takes: by what the memory of the server has grown with all of them, and by MEMORY USAGE of one. */
async function bytesOf(client: Client, contender: Contender, operation: 'insert' | 'login'): Promise<[number, number]> {
  await client.flushAll()
  const before = await infoOf(client, 'used_memory')
  for (let which = 0; which < sessions; which++) await contender[operation]?.(which)
  const grown = ((await infoOf(client, 'used_memory')) - before) / sessions
  let sum = 0
  const keys = await client.keys(`${contender.prefix}*`)
  for (const key of keys) sum += (await client.memoryUsage(key)) ?? 0
  return [grown, sum / sessions]
}

export async function run(report: Report): Promise<void> {
  const redis = await RedisProcess.start()
  try {
    const client = await connect(redis.port)
    const contenders = [connectRedis(client), holdfast(client)]
    const bytes: string[][] = []
    for (const contender of contenders) {
      const [grown, usage] = await bytesOf(client, contender, 'insert')
      bytes.push([contender.name, grown.toFixed(0), usage.toFixed(0)])
      if (contender.login === undefined) continue
      const [grownByLogin, usageOfLogin] = await bytesOf(client, contender, 'login')
      bytes.push([`${contender.name}, login with its index`, grownByLogin.toFixed(0), usageOfLogin.toFixed(0)])
    }
    await client.flushAll()
    const times = contenders.map(() => operations.map((): number[] => []))
    for (let round = 0; round < rounds; round++) {
      for (const [which, operation] of operations.entries()) {
        for (const [index, contender] of contenders.entries()) {
          if (contender[operation] !== undefined) {
            times[index]?.[which]?.push(await timeOf(client, contender, operation))
          }
        }
      }
      await client.flushAll()
    }
    const head = ['store', 'memory of Redis', 'MEMORY USAGE']
    report.table('redis-bytes', 'Bytes of Redis for a session with one small value', head, bytes)
    const show = (of: readonly number[]) =>
      of.length === 0 ? '' : `${median(of).toFixed(1)} (${Math.min(...of).toFixed(1)})`
    report.table(
      'redis-time',
      `Microseconds of Redis a request: median of ${rounds} interleaved rounds of ${sessions}, and the least`,
      ['store', ...operations.map((operation) => headings[operation])],
      contenders.map(({ name }, index) => [name, ...(times[index] ?? []).map(show)]),
    )
    client.destroy()
  } finally {
    await redis.stop()
  }
}
