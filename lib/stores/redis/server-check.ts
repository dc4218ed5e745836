import { warnOnce } from '../../base/warnings'
import type { RedisLink } from './redis-link'

/**
 * Learns what time it is on the server, so that the first write can carry its time limit, and warns when the server evicts
 * keys. Waits for nothing and fails at nothing: what an ACL forbids, or a server that is away does not reply to, stays
 * unknown.
 *
 * @param key Decides which node of a cluster is asked.
 */
export async function checkServer(link: RedisLink, key: string): Promise<void> {
  await Promise.allSettled([learnTime(link, key), checkEviction(link, key)])
}

async function learnTime(link: RedisLink, key: string): Promise<void> {
  const sentAt = performance.now()
  const reply = await link.send(key, ['TIME'])
  if (!Array.isArray(reply)) return
  const [seconds, microseconds] = reply as unknown[]
  link.clock.learn(sentAt, Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000))
}

async function checkEviction(link: RedisLink, key: string): Promise<void> {
  const policy = /^maxmemory_policy:(\S+)/m.exec(String(await link.send(key, ['INFO', 'memory'])))?.[1]
  if (policy === undefined || policy === 'noeviction') return
  warnOnce('HOLDFAST_REDIS_EVICTION', `maxmemory-policy is ${policy}`)
}
