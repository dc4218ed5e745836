import { isPromise } from '../base/awaitable'
import { startTimer } from '../base/timers'
import { warnOnce } from '../base/warnings'
import type { StoreListener } from '../session/store'
import type { GuardedStore } from '../stores/guarded-store'

/** Seconds that a subscription outlives its last channel, so that clients that come and go do not cost one each. */
const lingering = 5

/** The one subscription of a process to a store's change notifications, for as long as there are channels. */
export class StoreSubscription {
  readonly #store: GuardedStore
  readonly #listener: StoreListener
  #state: 'off' | 'starting' | 'on' = 'off'
  #needed = false
  #stop: (() => void) | undefined
  #linger: NodeJS.Timeout | undefined

  constructor(store: GuardedStore, listener: StoreListener) {
    this.#store = store
    this.#listener = listener
  }

  /** Starts the subscription unless it runs; does not wait for it. Where the store takes its time, the listener is called
   * without a handle once the subscription is on: notifications may have been missed before. */
  need(): void {
    this.#needed = true
    clearTimeout(this.#linger)
    if (this.#state === 'off') void this.#start()
  }

  /** Ends the subscription after a while, unless it is needed again. */
  release(): void {
    this.#needed = false
    clearTimeout(this.#linger)
    if (this.#state !== 'on') return
    this.#linger = startTimer(lingering, () => this.#end())
    this.#linger.unref()
  }

  /** Ends the subscription now. */
  close(): void {
    this.#needed = false
    clearTimeout(this.#linger)
    this.#end()
  }

  async #start(): Promise<void> {
    this.#state = 'starting'
    try {
      const reply = this.#store.subscribe(this.#listener)
      this.#stop = isPromise(reply) ? await reply : reply
      this.#state = this.#stop === undefined ? 'off' : 'on'
      if (!this.#needed) this.#end()
      else if (isPromise(reply)) this.#listener()
    } catch {
      this.#state = 'off'
      warnOnce('HOLDFAST_CHANNELS_WITHOUT_NEWS')
    }
  }

  #end(): void {
    if (this.#state !== 'on') return
    this.#state = 'off'
    this.#stop?.()
    this.#stop = undefined
  }
}
