import { RedisStore } from '../../lib/redis'
import { deleteScript } from '../../lib/stores/redis/scripts'
import { RedisServer } from '../support/redis-server'
import { wrapClient } from '../support/wrapped-client'
import { describeStore } from './store-contract'

/** A client that loses the connection after each script and sends it again, as the `redis` package does behind a
 * sentinel. A repeated delete finds nothing to end, which is all that can be said of it. */
async function open() {
  const server = await RedisServer.start()
  const client = wrapClient(await server.connect(), async (args, send) => {
    if (args[0] === 'EVALSHA' && args[1] !== deleteScript.sha) await send()
    return send()
  })
  return { newStore: () => new RedisStore({ client }), close: () => server.stop() }
}

describeStore('RedisStore whose commands are repeated', open, { listing: true })
