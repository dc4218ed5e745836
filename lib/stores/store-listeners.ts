import type { StoreListener } from '../session/store'

/** The subscribers to a store within this process. Costs nothing while there are none. */
export class StoreListeners {
  readonly #listeners = new Set<StoreListener>()

  get size(): number {
    return this.#listeners.size
  }

  /** Each call is a subscription of its own, also with the same function. */
  add(listener: StoreListener): () => void {
    const own: StoreListener = (handle) => {
      listener(handle)
    }
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  /** To be called after the step, when a read of the store gives the new state. */
  notify(handle?: string): void {
    for (const listener of this.#listeners) listener(handle)
  }

  clear(): void {
    this.#listeners.clear()
  }
}
