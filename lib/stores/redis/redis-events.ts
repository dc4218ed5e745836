import { startTimer } from '../../base/timers'
import { warnOnce } from '../../base/warnings'
import type { StoreListener } from '../../session/store'
import { StoreListeners } from '../store-listeners'
import type { RedisLink, RedisStoreClient } from './redis-link'
import { isCluster, isReplyError } from './redis-link'
import { canSubscribe, type CloseSubscriber, openSubscriber } from './redis-subscriber'

/** How many sharded channels carry the notifications of a cluster: enough to spread over its nodes, few enough for each
 * process to subscribe to all. */
const shards = 16
/** Seconds between two checks that messages still arrive. */
const defaultBeat = 5
/** Seconds between two attempts to subscribe, at the most. */
const longestPause = 5

/**
 * How the processes of an app notify each other of changed sessions: Redis publish/subscribe, on one channel
 * `<prefix>news`, or on a cluster on sharded ones, `<prefix>news:0` to `<prefix>news:15`. A message is the handle of a
 * session and nothing else; an empty one only asks whether it arrives.
 *
 * Redis keeps no messages: what is published while a connection is down is lost. So the connection is watched. As soon as
 * it reports anything wrong, and also when it reports nothing but a message of this process's own does not come back, a
 * new one is made, again and again until it stands; the listeners are then notified that they may have missed messages.
 */
export class RedisEvents {
  readonly #client: RedisStoreClient
  readonly #link: RedisLink
  readonly #channels: readonly string[]
  readonly #command: 'PUBLISH' | 'SPUBLISH'
  readonly #beat: number
  readonly #listeners = new StoreListeners()
  #running: Subscription | undefined

  /** @param prefix What the keys of the store start with. @param beat Seconds; see above. */
  constructor(client: RedisStoreClient, link: RedisLink, prefix: string, beat = defaultBeat) {
    const sharded = isCluster(client)
    this.#client = client
    this.#link = link
    this.#beat = beat
    this.#command = sharded ? 'SPUBLISH' : 'PUBLISH'
    this.#channels = sharded
      ? Array.from({ length: shards }, (_, shard) => `${prefix}news:${shard}`)
      : [`${prefix}news`]
  }

  /** One connection serves all listeners; it is made for the first and closed after the last. */
  subscribe(listener: StoreListener): () => void {
    if (!canSubscribe(this.#client)) {
      warnOnce('HOLDFAST_REDIS_CLIENT_WITHOUT_DUPLICATE')
      return () => undefined
    }
    const remove = this.#listeners.add(listener)
    this.#running ??= new Subscription({
      channels: this.#channels,
      beat: this.#beat,
      open: (message, trouble) => openSubscriber(this.#client, this.#channels, { message, trouble }),
      probe: (channel) => this.#publish(channel, ''),
      notify: (handle) => this.#listeners.notify(handle),
    })
    return () => {
      remove()
      if (this.#listeners.size === 0) this.close()
    }
  }

  /** The caller does not wait: the change has been stored. */
  publish(handle: string): void {
    const shard = (handle.charCodeAt(0) + handle.charCodeAt(1)) % this.#channels.length
    void this.#publish(this.#channels[shard] ?? '', handle)
  }

  close(): void {
    this.#running?.stop()
    this.#running = undefined
    this.#listeners.clear()
  }

  /** Whether Redis has taken it. */
  async #publish(channel: string, text: string): Promise<boolean> {
    try {
      await this.#link.send(channel, [this.#command, channel, text])
      return true
    } catch (error) {
      warnWhenForbidden(error)
      return false
    }
  }
}

interface SubscriptionSetting {
  readonly channels: readonly string[]
  readonly beat: number
  open(message: (channel: string, text: string) => void, trouble: (error?: unknown) => void): Promise<CloseSubscriber>
  probe(channel: string): Promise<boolean>
  notify(handle?: string): void
}

/** Subscribes, and again whenever it has to, until it is stopped. Keeps no process alive by its timers. */
class Subscription {
  readonly #setting: SubscriptionSetting
  /** Counts the connections: what an old one reports means nothing. */
  #generation = 0
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  #close: CloseSubscriber | undefined
  #received = new Set<string>()
  readonly #probed = new Set<string>()

  constructor(setting: SubscriptionSetting) {
    this.#setting = setting
    this.#open()
  }

  stop(): void {
    this.#generation++
    clearTimeout(this.#timer)
    this.#close?.()
    this.#close = undefined
  }

  #open(): void {
    const generation = ++this.#generation
    const isCurrent = () => generation === this.#generation
    const trouble = (error?: unknown) => {
      warnWhenForbidden(error)
      if (isCurrent()) this.#reopen()
    }
    // A connection that neither comes nor fails counts as failed.
    this.#schedule(longestPause + this.#setting.beat, trouble)
    const message = (channel: string, text: string) => {
      if (isCurrent()) this.#receive(channel, text)
    }
    this.#setting.open(message, trouble).then((close) => {
      if (!isCurrent()) {
        close()
        return
      }
      this.#close = close
      this.#failures = 0
      this.#received = new Set(this.#setting.channels)
      this.#probed.clear()
      this.#schedule(this.#setting.beat, () => this.#takePulse())
      this.#setting.notify()
    }, trouble)
  }

  #reopen(): void {
    this.stop()
    const pause = Math.min(longestPause, 0.05 * 2 ** this.#failures++)
    this.#schedule(pause * (0.5 + Math.random() / 2), () => this.#open())
  }

  #receive(channel: string, text: string): void {
    this.#received.add(channel)
    if (text !== '') this.#setting.notify(text)
  }

  /** A channel without messages is sent one of this process's own; where that does not come back, the channel is lost. */
  #takePulse(): void {
    const silent = this.#setting.channels.filter((channel) => !this.#received.has(channel))
    if (silent.some((channel) => this.#probed.has(channel))) {
      this.#reopen()
      return
    }
    this.#received.clear()
    this.#probed.clear()
    const generation = this.#generation
    for (const channel of silent) {
      // Where it could not be published, its silence means nothing.
      void this.#setting.probe(channel).then((isPublished) => {
        if (isPublished && generation === this.#generation && !this.#received.has(channel)) this.#probed.add(channel)
      })
    }
    this.#schedule(this.#setting.beat, () => this.#takePulse())
  }

  #schedule(seconds: number, act: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = startTimer(seconds, act).unref()
  }
}

function warnWhenForbidden(error: unknown): void {
  if (isReplyError(error, 'NOPERM')) warnOnce('HOLDFAST_REDIS_NEWS_FORBIDDEN')
}
