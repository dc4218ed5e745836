import { fork } from 'node:child_process'
import { once } from 'node:events'
import { RedisStore as ConnectRedisStore } from 'connect-redis'
import { createClient } from 'redis'
import type { ChangeResult, RecordChange } from '../../lib/session/record'
import { adaptExpressSessionStore } from '../../lib/stores/express-session/express-session-store'

type Message = { changing: true } | { result: ChangeResult }

/** Another process of an app whose sessions are in connect-redis. */
export interface OtherProcess {
  /** Begins to change a session, and stops between its `get` and its `set`, where such a store lets others in. Resolves
   * when it is there, to a function that lets it go on and resolves to the result. */
  beginChange(
    handle: string,
    change: Omit<RecordChange, 'fields'>,
    set?: Record<string, string>,
  ): Promise<() => Promise<ChangeResult>>
  stop(): Promise<void>
}

/** Starts one, on the Redis with that address. */
export async function startOtherProcess(redisUrl: string): Promise<OtherProcess> {
  const child = fork(__filename, [redisUrl], { execArgv: ['--import', 'tsx'] })
  const next = async () => ((await once(child, 'message')) as [Message])[0]
  await next()
  return {
    async beginChange(handle, change, set = {}) {
      const there = next()
      child.send({ handle, change, set })
      const message = await there
      if ('result' in message) return async () => message.result
      return async () => {
        const done = next()
        child.send('go on')
        const answer = await done
        return 'result' in answer ? answer.result : 'gone'
      }
    },
    async stop() {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}

async function work(url: string): Promise<void> {
  const client = createClient({ url })
  await client.connect()
  const slow = new ConnectRedisStore({ client })
  const set = slow.set.bind(slow)
  slow.set = async (...args) => {
    process.send?.({ changing: true })
    await once(process, 'message')
    return set(...args)
  }
  const store = adaptExpressSessionStore(slow)
  process.on('message', (asked) => {
    if (typeof asked !== 'object' || asked === null) return
    const { handle, change, set } = asked as { handle: string; change: RecordChange; set: Record<string, string> }
    const fields = { set: new Map(Object.entries(set)), remove: [] }
    void store.change(handle, { ...change, fields }, Date.now() / 1000).then((result) => process.send?.({ result }))
  })
  process.once('disconnect', () => client.destroy())
  process.send?.({ result: 'gone' })
}

const [, script, address] = process.argv
if (script === __filename && address !== undefined) void work(address)
