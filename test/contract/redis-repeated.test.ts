import { RedisStore } from '../../lib/redis'
import { claimScript } from '../../lib/stores/redis/claim-script'
import { deleteScript } from '../../lib/stores/redis/scripts'
import { RedisServer } from '../support/redis-server'
import { wrapClient } from '../support/wrapped-client'
import { describeStore } from './store-contract'

const once = [deleteScript.sha, claimScript.sha]

/** A client that loses the connection after each script and sends it again, as the `redis` package does behind a
 * sentinel. A repeated delete finds nothing to end, which is all that can be said of it; a repeated claim finds its own
 * record, and cannot know that it is. */
async function open() {
  const server = await RedisServer.start()
  const client = wrapClient(await server.connect(), async (args, send) => {
    if (args[0] === 'EVALSHA' && !once.includes(args[1] ?? '')) await send()
    return send()
  })
  return { newStore: () => new RedisStore({ client }), close: () => server.stop() }
}

describeStore('RedisStore whose commands are repeated', open, { listing: true })
