import { ChannelHub } from '../../../lib/channels/channel-hub'
import type { ChannelEnd } from '../../../lib/channels/channel-store'
import { SessionManager } from '../../../lib/index'
import { resolveOptions } from '../../../lib/service/resolve-options'
import { SessionService } from '../../../lib/service/session-service'
import { MemoryStore } from '../../../lib/stores/memory-store'

const ends: ChannelEnd[] = []
const follower = { changed: () => undefined, ended: (reason: ChannelEnd) => void ends.push(reason) }

test('a channel stays open when the only other one of its session closes while it is being opened', async () => {
  const store = new MemoryStore()
  const service = new SessionService(resolveOptions({ store }))
  const hub = new ChannelHub(service)
  const verified = await service.find(await new SessionManager({ store }).create({ a: 1 }))
  if (verified === undefined) throw new Error('there is no session')

  const close = (await hub.open(verified, 30))?.follow(verified.handle, follower)
  const opening = hub.open(verified, 30)
  // In the turn in which the second one gets its store, and before it follows.
  void opening.then(() => close?.())
  ;(await opening)?.follow(verified.handle, follower)

  await new Promise((resolve) => setImmediate(resolve))
  expect([ends, hub.size]).toEqual([[], 1])
  hub.close()
  expect(ends).toEqual(['closed'])
  store.close()
})
