import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { at, newHandle, newHash, sessionWith } from '../contract/samples'
import { quickProgram } from '../support/built-program'
import { withRedis } from '../support/with-redis'
import type { Work } from './worker'

const redis = withRedis()

/** The same session, changed by two processes at once; resolves to what each change of each process came to. */
async function inTwoProcesses(handle: string, changes: (process: number) => Work['changes']): Promise<string[][]> {
  const workers = await Promise.all(
    [0, 1].map(async () => {
      const worker = fork(quickProgram(join(__dirname, 'worker.ts')))
      await once(worker, 'message')
      return worker
    }),
  )
  return Promise.all(
    workers.map(async (worker: ChildProcess, process) => {
      const reply = once(worker, 'message') as Promise<[string[]]>
      worker.send({ url: redis.server.url, handle, now: at(1), changes: changes(process) } satisfies Work)
      const [results] = await reply
      await once(worker, 'exit')
      return results
    }),
  )
}

async function kept(fields: Record<string, string> = {}): Promise<[string, string]> {
  const [handle, hash] = [newHandle(), newHash()]
  await redis.store.insert(handle, sessionWith({ hash }, fields), at(0))
  return [handle, hash]
}

const many = Array.from({ length: 200 }, (_, index) => index)

test('400 changes from two processes: every field is kept, every removal stays', async () => {
  const [handle] = await kept(Object.fromEntries(many.map((index) => [`v:old${index}`, '1'])))
  const results = await inTwoProcesses(handle, (process) =>
    many.map((index) => ({
      set: [[`v:${process}.${index}`, '1']],
      remove: index % 2 === process ? [`v:old${index}`] : [],
    })),
  )
  expect(results.flat()).toEqual(Array(400).fill('stored'))
  const fields = (await redis.store.load(handle, at(1)))?.fields
  expect([...(fields?.keys() ?? [])].sort()).toEqual(many.flatMap((index) => [`v:0.${index}`, `v:1.${index}`]).sort())
})

test('400 renewals of one id from two processes: one is carried out, and all fields are kept', async () => {
  const [handle, from] = await kept()
  const results = await inTwoProcesses(handle, (process) =>
    many.map((index) => ({
      epoch: 0,
      renew: { from, to: newHash(), issuedAt: at(1), previousUntil: at(9) },
      set: [[`v:${process}.${index}`, '1']],
    })),
  )
  expect(results.flat().filter((result) => result === 'renewed')).toHaveLength(1)
  expect(results.flat().filter((result) => result === 'stored')).toHaveLength(399)
  const loaded = await redis.store.load(handle, at(1))
  expect(loaded?.record.hash).toBe(from)
  expect(loaded?.record.pending).toHaveLength(1)
  expect(loaded?.fields.size).toBe(400)
})

test('400 logins on one epoch from two processes: one is carried out, the others write nothing', async () => {
  const [handle] = await kept()
  const results = await inTwoProcesses(handle, () =>
    many.map(() => {
      const hash = newHash()
      return {
        epoch: 0,
        replace: { hash, issuedAt: at(1) },
        bind: { subject: `u${hash}`, createdAt: at(1), expiresAt: at(99) },
        set: [[`v:${hash}`, '1']],
      }
    }),
  )
  expect(results.flat().filter((result) => result === 'stored')).toHaveLength(1)
  const loaded = await redis.store.load(handle, at(1))
  expect(loaded?.record.epoch).toBe(1)
  expect([...(loaded?.fields.keys() ?? [])]).toEqual([`v:${loaded?.record.hash}`])
  expect(loaded?.record.subject).toBe(`u${loaded?.record.hash}`)
})
