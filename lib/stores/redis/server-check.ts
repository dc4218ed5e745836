import { warnOnce } from '../../base/warnings'
import type { RedisLink } from './redis-link'

/**
 * Warns when a server evicts keys: each master of a cluster is asked. Waits for nothing and fails at nothing: what an ACL
 * forbids, or a server that is away does not reply to, stays unknown.
 */
export async function checkEviction(link: RedisLink): Promise<void> {
  const replies = await Promise.allSettled(link.sendToMasters(['INFO', 'memory']))
  for (const reply of replies) {
    const text = reply.status === 'fulfilled' ? String(reply.value) : ''
    const policy = /^maxmemory_policy:(\S+)/m.exec(text)?.[1]
    if (policy === undefined || policy === 'noeviction') continue
    warnOnce('HOLDFAST_REDIS_EVICTION', `maxmemory-policy is ${policy}`)
    return
  }
}
