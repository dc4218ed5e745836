import { SessionError } from '../base/errors'
import { describe } from '../base/option-check'
import { changesOfValues } from '../session/fields'
import { type ChannelLink, PlainLink, StoreLink } from './channel-link'
import type { ChannelEnd, ChannelStore, UserSessionService } from './channel-store'
import { checkSession, HeldValues } from './held-values'

/**
 * One client's live view of its session.
 *
 * Without a store it is a plain holder, and everything below happens at once. With a store it follows the session that
 * `channelId` names: `get` shows what HTTP requests and other channels have made of it, `set` and `update` store what
 * differs, and `onChange` and `onEnd` call back. `sessions.openChannel` makes one for a WebSocket.
 *
 * Values are what JSON can carry; an object that `get` has handed out and that was then changed in place is kept at the
 * next `set`, and lost when a change from elsewhere comes first.
 *
 * @example
 * const channel = await sessions.openChannel(socket, request)
 * if (channel === undefined) return socket.close(4401)
 * channel.onChange(({ name }) => socket.send(`you are ${name} now`))
 * socket.on('message', (text) => channel.update({ draft: String(text) }))
 */
export class ChannelSession<T extends object = Record<string, unknown>> implements UserSessionService<T> {
  /** Which session this is: on a channel of `sessions.openChannel` the session's handle, which is safe to log. Empty for a
   * plain holder. */
  readonly channelId: string
  /** Whose session it is, or undefined. It never changes: a login or a logout ends the channel. */
  readonly subject: string | undefined
  readonly #values = new HeldValues<T>()
  readonly #link: ChannelLink
  readonly #changeListeners = new Set<(session: T) => void>()
  readonly #endListeners = new Set<(reason: ChannelEnd) => void>()
  #ended: ChannelEnd | undefined
  #closed = false

  /**
   * @param channelStore Where the session is kept. Default: nowhere, a plain holder.
   * @param channelId Which session it is; required with a store, whose names they are.
   * @param subject Whose session it is: what the property `subject` shows.
   * @throws SessionError `INVALID_ARGUMENT` for a store without a channel id.
   */
  constructor(channelStore?: ChannelStore, channelId?: string, subject?: string) {
    if (channelStore !== undefined && (typeof channelId !== 'string' || channelId === '')) {
      throw new SessionError(
        'INVALID_ARGUMENT',
        `ChannelSession: channelId is ${describe(channelId)}; with a channel store it is a string that is not empty`,
      )
    }
    this.channelId = channelId ?? ''
    this.subject = subject
    this.#link =
      channelStore === undefined
        ? new PlainLink(this.#values)
        : new StoreLink(
            this.#values,
            channelStore,
            this.channelId,
            () => this.#onChange(),
            (reason) => this.#onEnd(reason),
          )
  }

  /** Why the session is over for this channel, or undefined while it is not. */
  get ended(): ChannelEnd | undefined {
    return this.#ended
  }

  /** Whether the channel has stopped following: its session is over, or its socket has closed. */
  get closed(): boolean {
    return this.#closed
  }

  /** True when what is held differs, as JSON and key by key, from what was last taken over: something was set that the
   * store does not have (yet, or because it failed), and in a plain holder since `setInitial`. Setting an equal value
   * changes nothing, setting the old value again makes it false. */
  get sessionChanged(): boolean {
    return this.#values.changed
  }

  /** Takes the value over as what the session is: `get` shows it, `sessionChanged` is false, nothing is stored and no
   * listener is called. With a store, the next change that comes from there replaces it. */
  setInitial(session: T): void {
    this.#values.setInitial(session)
  }

  /** What is held, or undefined: nothing was set yet, the session is over, or `clear` was called. Once the socket has
   * closed, what the session held last. */
  get(): T | undefined {
    return this.#values.get()
  }

  /**
   * Replaces the session by this value. What differs from what the app saw last (`get`, or a listener's argument) is
   * stored, key by key and no other key, so that an HTTP request in parallel keeps its writes, and a change that came in
   * between and that the app has not seen yet is not undone; a key that is left out is removed. After an `await` use
   * `update`, which says exactly what it means. `get` shows the new value at once.
   *
   * The change reaches every other channel of the session; where a user is logged in, all of the user's sessions, as far
   * as the store can find them (`MemoryStore` and `RedisStore` can). Sets of one channel are stored one after the other.
   *
   * Resolves when it is stored. Rejects with `CHANNEL_CLOSED` when the session is over or the socket has closed, and with
   * `STORE_UNAVAILABLE` or `STORE_TIMEOUT` when the store fails: then the value stays held and `sessionChanged` true, and
   * the next `set` that succeeds brings it along. Rejects with `SESSION_TOO_LARGE` where the session's values would take more
   * than `maxBytes`: then nothing of it is held or stored. A rejection without a handler does not end the process.
   *
   * @throws SessionError `INVALID_SESSION_VALUE`, at once, for what JSON cannot carry; `INVALID_ARGUMENT` for no object.
   */
  set(session: T): Promise<void> {
    return this.#link.change(this.#values.changesTo(session), session)
  }

  /** Sets these keys and leaves all others as they are; `null` and `undefined` remove a key. Otherwise as `set`. */
  update(changes: { [K in keyof T]?: T[K] | null | undefined }): Promise<void> {
    return this.#link.change(changesOfValues(checkSession(changes)))
  }

  /** Ends the session: nothing is held any more, and with a store the session ends for all of its channels and for HTTP.
   * One that is over already stays so. Rejects when the store fails. */
  clear(): Promise<void> {
    return this.#link.clear()
  }

  /** Has the function called with the session's values whenever they were changed elsewhere: by an HTTP request, a job,
   * another channel. Not for what this channel itself has set. Several changes in a row may come as one call. Returns how
   * to stop it. */
  onChange(listener: (session: T) => void): () => void {
    return add(this.#changeListeners, listener)
  }

  /** Has the function called once the session is over for this channel, before its socket is closed; a moment from now if
   * it is over already. Not called when merely the socket closes. Returns how to stop it. */
  onEnd(listener: (reason: ChannelEnd) => void): () => void {
    const remove = add(this.#endListeners, listener)
    const reason = this.#ended
    if (reason === undefined) return remove
    queueMicrotask(() => {
      if (remove()) listener(reason)
    })
    return remove
  }

  /** Records that the client has just used the channel, so that the idle timeout counts from now; no more than a
   * recorded HTTP request it ever moves the absolute deadline. For an app that knows which messages are activity; the
   * option `messagesAreActivity` takes all of them. */
  recordActivity(): void {
    this.#link.recordActivity()
  }

  /** Stops following, and drops all listeners; the session lives on. `openChannel` does it when the socket closes. Twice
   * is once. */
  close(): void {
    this.#link.close()
    this.#release()
  }

  #onChange(): void {
    if (this.#changeListeners.size === 0) return
    const value = this.#values.get()
    if (value !== undefined) callAll(this.#changeListeners, value)
  }

  #onEnd(reason: ChannelEnd): void {
    const listeners = new Set(this.#endListeners)
    this.#ended = reason
    this.#values.forget()
    this.#release()
    callAll(listeners, reason)
  }

  #release(): void {
    this.#closed = true
    this.#changeListeners.clear()
    this.#endListeners.clear()
  }
}

function add<L>(listeners: Set<(value: L) => void>, listener: (value: L) => void): () => boolean {
  const own = (value: L) => {
    listener(value)
  }
  listeners.add(own)
  return () => listeners.delete(own)
}

/** What a listener throws is for its app to handle: it disturbs neither the store nor the other listeners. */
function callAll<L>(listeners: ReadonlySet<(value: L) => void>, value: L): void {
  for (const listener of [...listeners]) {
    try {
      listener(value)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}
