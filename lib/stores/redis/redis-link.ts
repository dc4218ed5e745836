import { createHash } from 'node:crypto'
import type { CallDeadline } from '../../base/call-deadline'
import { SessionError } from '../../base/errors'
import { digits } from './record-layout'
import { RedisClock } from './redis-clock'

/* What the store needs of a client of the `redis` package, written down here so that major versions 5 and 6 fit alike
 * and an app that imports the store does not need the package's types. Raw commands and not `client.hGetAll()`: those would read
 * from the client-side cache or from a replica where the app has one, and either may still show a session that was
 * ended. */

/** `createClient()`, or a pool of such clients. */
export interface RedisNodeClient {
  readonly isOpen: boolean
  readonly isReady?: boolean
  sendCommand(args: string[], options?: object): Promise<unknown>
}

/** `createCluster()`. */
export interface RedisClusterClient {
  readonly isOpen: boolean
  readonly masters?: readonly unknown[]
  nodeClient(node: unknown): unknown
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
    options?: object,
  ): Promise<unknown>
}

/** `createSentinel()`. */
export interface RedisSentinelClient {
  readonly isOpen: boolean
  getSentinelNode(): unknown
  sendCommand(isReadonly: boolean | undefined, args: string[], options?: object): Promise<unknown>
}

/** A connected client of the `redis` package, version 5 or 6. */
export type RedisStoreClient = RedisNodeClient | RedisClusterClient | RedisSentinelClient

/** A Lua script with the name by which Redis knows it once it has seen it. */
export interface Script {
  readonly text: string
  readonly sha: string
}

/** The status of a script that came too late; see scripts.ts. */
export const lateStatus = 9

export function nameScript(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

/** Replies as text and flat arrays in either protocol version, whatever mapping the app gave its client (37 is the
 * RESP3 map). */
const replyOptions = { typeMapping: { 37: Array } }

/** Seconds, and a part of the time that is left; see `replyMargin`. */
const longestMargin = 0.25
const marginPart = 0.1

/** How long a command may wait for a lost connection to come back, in milliseconds. After that it is taken out of the
 * client's queue: a save that has failed for the app is not carried out minutes later. */
const offlineWait = 5000

/** Milliseconds without a reply after which a node of a cluster may be dead. */
const slowReply = 1000
/** Milliseconds between two times that the other nodes are asked. */
const askInterval = 1000
/** How many nodes are asked. */
const nodesAsked = 6

/** The time limit of a command while the server's clock is unknown to it, in milliseconds: none. */
const noLimit = 9_999_999_999_999
const done: readonly unknown[] = [1]
const absent: readonly unknown[] = [0]

/** Sends commands on one key to the node that holds it: always a master, so that each write is seen by the next read. */
export class RedisLink {
  /** The server's clock. */
  readonly clock = new RedisClock()
  readonly #send: (key: string, args: string[]) => Promise<unknown>
  #learning: Promise<void> | undefined

  readonly #client: RedisStoreClient

  constructor(client: RedisStoreClient) {
    this.#send = senderFor(client)
    this.#client = client
  }

  send(key: string, args: string[]): Promise<unknown> {
    return this.#send(key, args)
  }

  /** The replies of all masters of a cluster, or of the only one. */
  sendToMasters(args: string[]): Promise<unknown>[] {
    const client = this.#client
    if (!isCluster(client)) return [this.#send('', args)]
    const { masters = [] } = client
    return masters.map(async (master) => {
      const node = (await client.nodeClient(master)) as RedisNodeClient
      return node.sendCommand(args, replyOptions)
    })
  }

  /**
   * Runs a script that begins with `readLimit` (scripts.ts): not after the deadline, by the clock of the server. Resolves to
   * its reply as an array without the server's time: [1] for a positive number, [0] for a negative one.
   *
   * @param args Without the time limit, which comes first.
   */
  async runWithin(
    deadline: CallDeadline,
    script: Script,
    key: string,
    args: readonly string[],
  ): Promise<readonly unknown[]> {
    if (this.clock.isUnknown) {
      await this.#learnTime(key)
      if (deadline.isOver) throw tooLate()
    }
    for (let mayRepeat = true; ; mayRepeat = false) {
      const sentAt = performance.now()
      const remaining = deadline.remainingAt(sentAt)
      const limit = this.clock.earliest(sentAt + (remaining - replyMargin(remaining)) * 1000)
      const command = ['EVALSHA', script.sha, '1', key, limitArgument(limit, this.clock.isDue(sentAt)), ...args]
      let reply: unknown
      try {
        // Not by way of `run`: an async function more is a promise more for each write.
        reply = await this.#send(key, command)
      } catch (error) {
        reply = await this.#sendText(error, script, key, command)
      }
      if (typeof reply === 'number') {
        this.clock.learn(sentAt, Math.abs(reply))
        return reply > 0 ? done : absent
      }
      if (!Array.isArray(reply)) return absent
      const [status, time, ...said] = reply as unknown[]
      this.clock.learn(sentAt, time)
      if (status !== lateStatus) return [status, ...said]
      // The caller still waits: then the server's clock, or the server, is another one now.
      if (deadline.isOver || !mayRepeat) throw tooLate()
    }
  }

  /** Asks for the server's time, once for all who wait for it. What an ACL forbids stays unknown. */
  #learnTime(key: string): Promise<void> {
    this.#learning ??= (async () => {
      try {
        const sentAt = performance.now()
        const reply = await this.#send(key, ['TIME'])
        if (!Array.isArray(reply)) return
        const [seconds, microseconds] = reply as unknown[]
        this.clock.learn(sentAt, Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000))
      } catch (error) {
        if (!isReply(error)) throw error
      } finally {
        this.#learning = undefined
      }
    })()
    return this.#learning
  }

  /** Runs a script on one key. */
  async run(script: Script, key: string, args: readonly string[]): Promise<unknown> {
    const command = ['EVALSHA', script.sha, '1', key, ...args]
    try {
      return await this.#send(key, command)
    } catch (error) {
      return this.#sendText(error, script, key, command)
    }
  }

  /** A server that has forgotten a script (SCRIPT FLUSH, restart, failover, a slot's new node) did nothing yet when it says so,
   * and gets the whole text. */
  #sendText(error: unknown, script: Script, key: string, [, , ...args]: readonly string[]): Promise<unknown> {
    if (!isReplyError(error, 'NOSCRIPT')) throw error
    return this.#send(key, ['EVAL', script.text, ...args])
  }
}

/**
 * A time limit as scripts take it (`checkLimit` of scripts.ts): a second less than the limit, as thirteen digits. A server's
 * time in whole seconds, ten digits, that is at most this text is in time, by the order of texts.
 *
 * @param limit In milliseconds.
 * @param asksTime Whether the reply is to have the server's time: a zero in front leaves the number as it is, and makes a text
 *   that no time is at most.
 */
export function limitArgument(limit: number | undefined, asksTime: boolean): string {
  const text = digits((limit ?? noLimit) - 1000)
  return asksTime ? `0${text}` : text
}

/**
 * How long before a call fails for its caller the server refuses it, in seconds: the reply to a command that was
 * just in time has to come back in time as well, or a change is stored that was reported as failed.
 */
function replyMargin(remaining: number): number {
  return Math.min(longestMargin, remaining * marginPart)
}

export function tooLate(): SessionError {
  return new SessionError('STORE_TIMEOUT', 'RedisStore: the time limit of the call has passed')
}

/** Whether Redis refused a command with this code. */
export function isReplyError(error: unknown, code: string): boolean {
  return error instanceof Error && error.message.startsWith(code)
}

/** The prefix that the app gave its client for all keys (`keyPrefix`, version 6), which raw commands do not get. */
export function keyPrefixOf(client: RedisStoreClient): string {
  const prefix = (client as { _keyPrefix?: string | Buffer })._keyPrefix
  return prefix === undefined ? '' : prefix.toString()
}

function senderFor(client: RedisStoreClient): (key: string, args: string[]) => Promise<unknown> {
  checkClient(client)
  if (isCluster(client)) return clusterSender(client)
  if (isSentinel(client)) return (_key, args) => client.sendCommand(false, args, replyOptions)
  return (_key, args) => {
    if (client.isReady !== false) return client.sendCommand(args, replyOptions)
    return client.sendCommand(args, { ...replyOptions, abortSignal: AbortSignal.timeout(offlineWait) })
  }
}

/**
 * Commands for a cluster. The client learns of a new topology only from a node that says MOVED, and a master that died says
 * nothing: version 5 sends the commands of its slots to it for ever. So when a command fails without a reply, or has none
 * after a while, the other nodes are asked for its key: one that is alive says where it is now.
 */
function clusterSender(client: RedisClusterClient): (key: string, args: string[]) => Promise<unknown> {
  let lastAsked = -Infinity
  const askOthers = (key: string): void => {
    const now = performance.now()
    if (now - lastAsked < askInterval) return
    lastAsked = now
    // Without a key the client takes one node after the other.
    for (let i = 0; i < nodesAsked; i++) {
      client.sendCommand(undefined, true, ['EXISTS', key], replyOptions).catch(() => undefined)
    }
  }
  return async (key, args) => {
    const timer = setTimeout(() => askOthers(key), slowReply)
    timer.unref()
    try {
      return await client.sendCommand(key, false, args, replyOptions)
    } catch (error) {
      if (!isReply(error)) askOthers(key)
      throw error
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Whether the error is one that a server has sent: its text begins with a code in capitals. */
function isReply(error: unknown): boolean {
  return error instanceof Error && /^[A-Z]+ /.test(error.message)
}

/** Whether keys and channels lie on several nodes. */
export function isCluster(client: RedisStoreClient): client is RedisClusterClient {
  return 'nodeClient' in client
}

function isSentinel(client: RedisNodeClient | RedisSentinelClient): client is RedisSentinelClient {
  return 'getSentinelNode' in client
}

function checkClient(client: unknown): void {
  const { sendCommand, isOpen } = (client ?? {}) as { sendCommand?: unknown; isOpen?: unknown }
  if (typeof sendCommand === 'function' && typeof isOpen === 'boolean') return
  throw new SessionError(
    'INVALID_OPTION',
    'RedisStore: client is not one of the "redis" package; give a connected client of its version 5 or 6: ' +
      'createClient(), createCluster(), createClientPool() or createSentinel()',
  )
}
