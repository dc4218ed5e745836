import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { ChangeResult, RecordChange } from '../../lib/session/record'
import { quickProgram } from './built-program'

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
  const child = fork(quickProgram(join(__dirname, 'other-process-main.ts')), [redisUrl])
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
        const reply = await done
        return 'result' in reply ? reply.result : 'gone'
      }
    },
    async stop() {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}
