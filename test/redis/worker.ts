import { createClient } from 'redis'
import { RedisStore } from '../../lib/redis'
import type { RecordChange } from '../../lib/session/record'

/** What a process of its own is to do: these changes, all at once, to one session. Sets come as lists of pairs. */
export interface Work {
  readonly url: string
  readonly handle: string
  readonly now: number
  readonly changes: readonly (Omit<RecordChange, 'fields'> & { set?: [string, string][]; remove?: string[] })[]
}

/** Reports that it is ready, waits for its work, does it, and sends the result of each change. */
process.on('message', ({ url, handle, now, changes }: Work) => {
  void (async () => {
    const client = await createClient({ url }).connect()
    const store = new RedisStore({ client })
    const results = await Promise.all(
      changes.map(({ set = [], remove = [], ...change }) =>
        store.change(handle, { ...change, fields: { set: new Map(set), remove } }, now),
      ),
    )
    process.send?.(results, () => process.exit())
  })()
})
process.send?.('ready')
