import type { RedisStoreClient } from './redis-link'
import { isCluster } from './redis-link'

/** A subscription that is open. */
export type CloseSubscriber = () => void

export interface SubscriberListener {
  message(channel: string, text: string): void
  /** The subscription is, or may be, lost. Perhaps called several times, also for one that is being closed. */
  trouble(error?: unknown): void
}

type Receive = (text: string | Buffer, channel: string | Buffer) => void

interface Duplicate {
  on(event: string, listener: (error?: unknown) => void): unknown
  connect(): Promise<unknown>
  destroy(): void
  subscribe(channels: readonly string[], receive: Receive): Promise<unknown>
  sSubscribe(channels: string, receive: Receive): Promise<unknown>
}

/** The methods of a client of the `redis` package by which one gets at another connection. */
interface Origin {
  readonly options?: { readonly socket?: object } | undefined
  duplicate?(overrides?: object): Duplicate
  execute?(task: (client: Origin) => unknown): Promise<unknown>
  subscribe?(channels: readonly string[], receive: Receive): Promise<unknown>
  unsubscribe?(channels: readonly string[], receive: Receive): Promise<unknown>
}

/** What is different on a connection that only listens: it does not reconnect by itself, because its owner must know
 * that messages were lost; it may be silent for long; and it must not close the client-side cache that it would share. */
function ownOptions({ options }: Origin): object {
  return {
    socket: { ...options?.socket, reconnectStrategy: false, socketTimeout: undefined },
    pingInterval: 0,
    clientSideCache: undefined,
    disableOfflineQueue: false,
  }
}

/** Whether a client is one that {@link openSubscriber} can work with. */
export function canSubscribe(client: RedisStoreClient): boolean {
  const methods = client as Partial<Record<'duplicate' | 'execute' | 'subscribe', unknown>>
  return [methods.duplicate, methods.execute, methods.subscribe].some((method) => typeof method === 'function')
}

/**
 * Subscribes on a connection of its own, made from the app's client: a connection that has subscribed can do nothing else.
 * On a cluster the channels are sharded ones, each on the node of its slot. A sentinel client of version 5 makes such a
 * connection itself. Rejects when it cannot be done now; the listener then gets no further message that matters.
 */
export async function openSubscriber(
  client: RedisStoreClient,
  channels: readonly string[],
  listener: SubscriberListener,
): Promise<CloseSubscriber> {
  const origin = client as Origin
  const receive: Receive = (text, channel) => {
    listener.message(String(channel), String(text))
  }
  if (origin.duplicate === undefined && origin.execute === undefined) {
    await origin.subscribe?.(channels, receive)
    return () => {
      origin.unsubscribe?.(channels, receive).catch(() => undefined)
    }
  }
  const own = await duplicate(client)
  if (own === undefined) throw new TypeError('this client cannot be duplicated')
  for (const event of ['error', 'end', 'node-error', 'node-disconnect', 'node-reconnecting']) {
    own.on(event, (error) => {
      listener.trouble(error)
    })
  }
  try {
    await own.connect()
    if (isCluster(client)) await Promise.all(channels.map((channel) => own.sSubscribe(channel, receive)))
    else await own.subscribe(channels, receive)
  } catch (error) {
    destroy(own)
    throw error
  }
  return () => {
    destroy(own)
  }
}

async function duplicate(client: RedisStoreClient): Promise<Duplicate | undefined> {
  const origin = client as Origin
  if (isCluster(client)) return origin.duplicate?.({ minimizeConnections: true })
  if (origin.duplicate !== undefined) return origin.duplicate(ownOptions(origin))
  // A pool has no such method; its clients have.
  return (await origin.execute?.((one) => one.duplicate?.(ownOptions(one)))) as Duplicate | undefined
}

/** Throws where it never was open. */
function destroy(own: Duplicate): void {
  try {
    own.destroy()
  } catch {
    // It is closed, then.
  }
}
