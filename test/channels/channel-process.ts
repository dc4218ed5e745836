import { createClient } from 'redis'
import { RedisStore } from '../../lib/redis'
import { startChannelApp } from '../support/channel-app'

/** A process of an app, on the Redis that the test names: sends the port on which it serves, and runs the commands that
 * it gets. */
async function work(url: string, checkInterval: number): Promise<void> {
  const client = createClient({ url })
  client.on('error', () => undefined)
  await client.connect()
  const store = new RedisStore({ client })
  const app = await startChannelApp({ store }, { checkInterval })
  process.on('message', ({ deleteAll }: { deleteAll: string }) => {
    void store.deleteAll(deleteAll, Date.now() / 1000).then((count) => process.send?.({ count }))
  })
  process.once('disconnect', () => process.exit())
  process.send?.({ port: app.port })
}

const [, , redisUrl = '', interval = '30'] = process.argv
void work(redisUrl, Number(interval))
