import { isPromise } from '../base/awaitable'
import { warnOnce } from '../base/warnings'
import type { StoreListener } from '../session/store'
import type { GuardedStore } from '../stores/guarded-store'

/** How long a subscription is kept that nobody needs, in seconds: clients that come and go do not each cost a new one. */
const lingering = 5

/** One subscription to what a store tells, for as long as somebody needs it and a little longer. */
export class StoreFeed {
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

  /** Begins without being waited for; when it has begun, the listener is told that messages may have been lost. */
  need(): void {
    this.#needed = true
    clearTimeout(this.#linger)
    if (this.#state !== 'off') return
    try {
      const answer = this.#store.subscribe(this.#listener)
      if (answer === undefined) return
      if (!isPromise(answer)) {
        this.#begun(answer)
        return
      }
      this.#state = 'starting'
      answer.then(
        (stop) => {
          this.#begun(stop)
          this.#listener()
        },
        () => this.#failed(),
      )
    } catch {
      this.#failed()
    }
  }

  /** Ends after a while, unless it is needed again. */
  release(): void {
    this.#needed = false
    clearTimeout(this.#linger)
    if (this.#state !== 'on') return
    this.#linger = setTimeout(() => this.#end(), lingering * 1000)
    this.#linger.unref()
  }

  /** Ends now. */
  close(): void {
    this.#needed = false
    clearTimeout(this.#linger)
    this.#end()
  }

  #begun(stop: () => void): void {
    this.#state = 'on'
    this.#stop = stop
    if (!this.#needed) this.#end()
  }

  #failed(): void {
    this.#state = 'off'
    warnOnce('HOLDFAST_CHANNELS_WITHOUT_NEWS')
  }

  #end(): void {
    if (this.#state !== 'on') return
    this.#state = 'off'
    this.#stop?.()
    this.#stop = undefined
  }
}
