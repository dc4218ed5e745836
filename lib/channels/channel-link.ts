import type { Awaitable } from '../base/awaitable'
import { SessionError } from '../base/errors'
import {
  applyChanges,
  bytesOfTexts,
  type FieldChanges,
  hasChanges,
  mergeChanges,
  noChanges,
  noTexts,
  type Texts,
} from '../session/fields'
import { checkSize } from '../session/session-size'
import type { ChannelEnd, ChannelStore } from './channel-store'
import type { HeldValues } from './held-values'

/** What becomes of the values that a channel session holds. */
export interface ChannelLink {
  /** Applies the changes to what is held, and stores them. A rejection without a handler does not end the
   * process: a message that could not be stored is no reason to end one with thousands of sockets. */
  change(changes: FieldChanges, value?: object): Promise<void>
  /** Ends the session. */
  clear(): Promise<void>
  recordActivity(): void
  close(): void
}

const done = Promise.resolve()
const nothing = (): void => undefined

/** Nothing is stored: the values are held, and that is all. */
export class PlainLink<T extends object> implements ChannelLink {
  readonly #values: HeldValues<T>

  constructor(values: HeldValues<T>) {
    this.#values = values
  }

  change(changes: FieldChanges, value?: T): Promise<void> {
    this.#values.apply(changes, value)
    return done
  }

  clear(): Promise<void> {
    this.#values.clear()
    return done
  }

  recordActivity(): void {}

  close(): void {}
}

/** The values follow a session in a store, and what is set is stored there, one write after the other. */
export class StoreLink<T extends object> implements ChannelLink {
  readonly #values: HeldValues<T>
  readonly #store: ChannelStore
  readonly #channelId: string
  /** Undefined while the store's `follow` has not returned. */
  readonly #unfollow: (() => void) | undefined
  /** Set here, and on its way to the store. */
  #sending = noChanges
  /** Set here, and yet to be sent: because something else is on its way, or because it failed. */
  #unsent = noChanges
  #cleared = false
  #closed = false
  #writing: Promise<void> = done

  /**
   * @param onChange Called after the values were changed elsewhere.
   * @param onEnd Called when the session is over, perhaps within this call. The link is closed then.
   */
  constructor(
    values: HeldValues<T>,
    store: ChannelStore,
    channelId: string,
    onChange: () => void,
    onEnd: (reason: ChannelEnd) => void,
  ) {
    this.#values = values
    this.#store = store
    this.#channelId = channelId
    this.#unfollow = store.follow(channelId, {
      changed: (texts) => {
        if (!this.#closed && values.takeOver(texts, this.#cleared ? undefined : this.#withUnstored(texts))) onChange()
      },
      ended: (reason) => {
        if (this.#closed) return
        this.#closed = true
        this.#unfollow?.()
        onEnd(reason)
      },
    })
    if (this.#closed) this.#unfollow()
  }

  change(changes: FieldChanges, value?: T): Promise<void> {
    if (this.#closed || this.#cleared) return quietly(Promise.reject(channelClosed()))
    try {
      this.#checkSize(changes)
    } catch (error) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a SessionError, from the check
      return quietly(Promise.reject(error))
    }
    this.#values.apply(changes, value)
    this.#unsent = mergeChanges(this.#unsent, changes)
    return this.#enqueue(() => this.#send())
  }

  clear(): Promise<void> {
    if (this.#closed) return done
    this.#cleared = true
    this.#values.clear()
    // After what was set before, which would otherwise find the session ended.
    return this.#enqueue(async () => {
      try {
        await this.#store.end(this.#channelId)
      } catch (error) {
        this.#cleared = false
        const { taken } = this.#values
        if (taken !== undefined) this.#values.restore(this.#withUnstored(taken))
        throw error
      }
    })
  }

  recordActivity(): void {
    if (!this.#closed) this.#store.recordActivity?.(this.#channelId)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#unfollow?.()
  }

  /** Before anything is held or sent: a change that no store will take must not stay with those after it. */
  #checkSize(changes: FieldChanges): void {
    const { maxBytes = Infinity } = this.#store
    if (maxBytes === Infinity || changes.set.size === 0) return
    const taken = this.#values.taken ?? noTexts
    const before = bytesOfTexts(taken)
    checkSize(bytesOfTexts(applyChanges(this.#withUnstored(taken), changes)), maxBytes, before)
  }

  #withUnstored(texts: Texts): Texts {
    return applyChanges(applyChanges(texts, this.#sending), this.#unsent)
  }

  async #send(): Promise<void> {
    const changes = this.#unsent
    if (!hasChanges(changes)) return
    this.#sending = changes
    this.#unsent = noChanges
    try {
      if (!(await this.#store.change(this.#channelId, changes))) throw channelClosed()
      this.#values.stored(changes)
    } catch (error) {
      this.#unsent = mergeChanges(changes, this.#unsent)
      throw error
    } finally {
      this.#sending = noChanges
    }
  }

  /** One after the other: what was set later is stored later. */
  #enqueue(step: () => Awaitable<void>): Promise<void> {
    const turn = this.#writing.then(step)
    this.#writing = turn.then(nothing, nothing)
    return quietly(turn)
  }
}

function quietly(promise: Promise<void>): Promise<void> {
  promise.catch(nothing)
  return promise
}

function channelClosed(): SessionError {
  return new SessionError(
    'CHANNEL_CLOSED',
    'the channel is closed, because its session has ended or its socket was closed; check channel.closed before a write',
  )
}
