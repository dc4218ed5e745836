/** The program that `startOtherProcess` runs; see there. */
import { once } from 'node:events'
import { RedisStore as ConnectRedisStore } from 'connect-redis'
import { createClient } from 'redis'
import type { RecordChange } from '../../lib/session/record'
import { adaptExpressSessionStore } from '../../lib/stores/express-session/express-session-store'

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

const [, , address = ''] = process.argv
void work(address)
