import type { Awaitable } from '../base/awaitable'
import { SessionError } from '../base/errors'
import { describe } from '../base/option-check'
import type { FieldChanges } from '../session/record'
import type { ChannelEnd, ChannelStore, UserSessionService } from './channel-store'
import { applied, differences, isSame, merge, noChanges, noTexts, type Texts, textsOf, valueOf } from './channel-values'

/**
 * One client's live view of its session.
 *
 * Without a store it is a plain holder, and everything below happens at once. With a store it follows the session that
 * `channelId` names: `get` shows what HTTP requests and other channels have made of it, `set` and `update` store what
 * differs, and `onChange` and `onEnd` tell. `sessions.openChannel` makes one for a WebSocket.
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
  readonly #store: ChannelStore | undefined
  readonly #channelId: string
  readonly #subject: string | undefined
  readonly #unfollow: (() => void) | undefined
  readonly #changeListeners = new Set<(session: T) => void>()
  readonly #endListeners = new Set<(reason: ChannelEnd) => void>()
  /** What was last taken over: from `setInitial`, or from the store. */
  #taken: Texts | undefined
  /** What is held: what was taken over, and on top of it what was set since. */
  #held: Texts | undefined
  /** What the app has seen last, which is what it means to change when it sets. */
  #seen: Texts | undefined
  /** `held` as an object, made when somebody asks. */
  #value: T | undefined
  /** Set here, and on its way to the store. */
  #sending = noChanges
  /** Set here, and yet to be sent: because something else is on its way, or because it failed. */
  #unsent = noChanges
  #cleared = false
  #writing: Promise<void> = Promise.resolve()
  #ended: ChannelEnd | undefined
  #closed = false

  /**
   * @param channelStore Where the session is kept. Default: nowhere, a plain holder.
   * @param channelId Which session it is; required with a store, whose names they are.
   * @param subject Whose session it is, if anybody's: for `subject`, nothing else.
   * @throws SessionError `INVALID_ARGUMENT` for a store without a channel id.
   */
  constructor(channelStore?: ChannelStore, channelId?: string, subject?: string) {
    if (channelStore !== undefined && (typeof channelId !== 'string' || channelId === '')) {
      throw new SessionError(
        'INVALID_ARGUMENT',
        `ChannelSession: channelId is ${describe(channelId)}; with a channel store it is a string that is not empty`,
      )
    }
    this.#store = channelStore
    this.#channelId = channelId ?? ''
    this.#subject = subject
    this.#unfollow = channelStore?.follow(this.#channelId, {
      changed: (values) => {
        this.#takeOver(values)
      },
      ended: (reason) => {
        this.#end(reason)
      },
    })
    if (this.#ended !== undefined) this.#unfollow?.()
  }

  /** Which session this is: on a channel of `sessions.openChannel` the session's handle, which is safe to log. Empty for a
   * plain holder. */
  get channelId(): string {
    return this.#channelId
  }

  /** Whose session it is, or undefined. It never changes: a login or a logout ends the channel. */
  get subject(): string | undefined {
    return this.#subject
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
    const held = this.#value === undefined ? this.#held : textsOf(this.#value)
    return !isSame(held, this.#taken)
  }

  /** Takes the value over as what the session is: `get` shows it, `sessionChanged` is false, nothing is stored and no
   * listener is called. With a store, the next news from the store replaces it. */
  setInitial(session: T): void {
    const texts = textsOf(session)
    this.#taken = texts
    this.#hold(texts, session)
  }

  /** What is held, or undefined: nothing was set yet, the session is over, or `clear` was called. Once the socket has
   * closed, what the session held last. */
  get(): T | undefined {
    this.#seen = this.#held
    if (this.#held !== undefined) this.#value ??= valueOf(this.#held) as T
    return this.#value
  }

  /**
   * Replaces the session by this value. What differs from what the app saw last (`get`, or a listener's argument) is
   * stored, key by key and no other key, so that an HTTP request in parallel keeps its writes, and a change that came in
   * between and that the app has not seen yet is not undone; a key that is left out is removed. After an `await` use
   * `update`, which says exactly what it means. `get` shows the new value at once.
   *
   * The change reaches every other channel of the session; where somebody is logged in, all of the user's sessions, as far
   * as the store can find them (`MemoryStore` and `RedisStore` can). Sets of one channel are stored one after the other.
   *
   * Resolves when it is stored. Rejects with `CHANNEL_CLOSED` when the session is over or the socket has closed, and with
   * `STORE_UNAVAILABLE` or `STORE_TIMEOUT` when the store fails: then the value stays held and `sessionChanged` true, and
   * the next `set` that succeeds brings it along. A rejection that nobody handles does not end the process.
   *
   * @throws SessionError `INVALID_SESSION_VALUE`, at once, for what JSON cannot carry; `INVALID_ARGUMENT` for no object.
   */
  set(session: T): Promise<void> {
    const texts = textsOf(session)
    return this.#change(differences(this.#seen ?? noTexts, texts), session)
  }

  /** Sets these keys and leaves all others as they are; `null` and `undefined` remove a key. Otherwise as `set`. */
  update(changes: { [K in keyof T]?: T[K] | null | undefined }): Promise<void> {
    const set = textsOf(changes)
    const remove = Object.keys(changes).filter((key) => !set.has(key))
    return this.#change({ set, remove })
  }

  /** Ends the session: nothing is held any more, and with a store the session is over for everybody, HTTP included, and
   * this channel with it. A session that is over already stays so. Rejects when the store fails. */
  clear(): Promise<void> {
    if (this.#store === undefined) {
      this.#hold(undefined)
      return done
    }
    if (this.#closed) return done
    const store = this.#store
    this.#cleared = true
    this.#hold(undefined)
    // After what was set before, which would otherwise find the session gone.
    return this.#enqueue(async () => {
      try {
        await store.end(this.#channelId)
      } catch (error) {
        this.#cleared = false
        if (this.#taken !== undefined) this.#hold(this.#withUnstored(this.#taken))
        throw error
      }
    })
  }

  /** Has the function called with the session's values whenever they were changed elsewhere: by an HTTP request, a job,
   * another channel. Not for what this channel itself has set. Several changes in a row may be told as one. Returns how to
   * stop it. */
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

  /** Tells the store that the client has just used the channel, so that the idle timeout counts from now; no more than a
   * recorded HTTP request it ever moves the absolute deadline. For an app that knows which messages are activity; the
   * option `messagesAreActivity` takes all of them. */
  recordActivity(): void {
    if (!this.#closed) this.#store?.recordActivity?.(this.#channelId)
  }

  /** Stops following, and lets go of everything; the session lives on. `openChannel` does it when the socket closes. Twice
   * is once. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#unfollow?.()
    this.#changeListeners.clear()
    this.#endListeners.clear()
  }

  #takeOver(values: Texts): void {
    if (this.#closed) return
    const before = this.#held
    const isFirst = this.#taken === undefined
    this.#taken = values
    const held = this.#withUnstored(values)
    if (this.#cleared || isSame(held, before)) return
    this.#held = held
    this.#value = undefined
    if (isFirst) this.#seen = held
    if (isFirst || this.#changeListeners.size === 0) return
    const value = this.get()
    if (value !== undefined) tell(this.#changeListeners, value)
  }

  #end(reason: ChannelEnd): void {
    if (this.#closed) return
    const listeners = new Set(this.#endListeners)
    this.#ended = reason
    this.#taken = undefined
    this.#hold(undefined)
    this.close()
    tell(listeners, reason)
  }

  #hold(texts: Texts | undefined, value?: T): void {
    this.#held = texts
    this.#seen = texts
    this.#value = value
  }

  #withUnstored(values: Texts): Texts {
    return applied(applied(values, this.#sending), this.#unsent)
  }

  #change(changes: FieldChanges, value?: T): Promise<void> {
    if (this.#closed || this.#cleared) {
      if (this.#store !== undefined) return quietly(Promise.reject(channelClosed()))
    }
    const held = applied(this.#held ?? noTexts, changes)
    // What the app has set is what it gets back, unless there is more that it has not seen.
    this.#hold(held, value !== undefined && isSame(held, textsOf(value)) ? value : undefined)
    if (this.#store === undefined) return done
    this.#unsent = merge(this.#unsent, changes)
    return this.#enqueue(() => this.#send())
  }

  async #send(): Promise<void> {
    const changes = this.#unsent
    if (changes.set.size === 0 && changes.remove.length === 0) return
    this.#sending = changes
    this.#unsent = noChanges
    try {
      if ((await this.#store?.change(this.#channelId, changes)) === false) throw channelClosed()
      if (this.#taken !== undefined) this.#taken = applied(this.#taken, changes)
    } catch (error) {
      this.#unsent = merge(changes, this.#unsent)
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

const done = Promise.resolve()
const nothing = () => undefined

/** A message that could not be stored is no reason to end a process with thousands of sockets. */
function quietly(promise: Promise<void>): Promise<void> {
  promise.catch(nothing)
  return promise
}

function channelClosed(): SessionError {
  return new SessionError('CHANNEL_CLOSED', 'the channel is closed: its session is over, or its socket has closed')
}

function add<L>(listeners: Set<(told: L) => void>, listener: (told: L) => void): () => boolean {
  const own = (told: L) => {
    listener(told)
  }
  listeners.add(own)
  return () => listeners.delete(own)
}

/** What a listener throws is its app's to hear of, and nothing that the store or the other listeners should suffer from. */
function tell<L>(listeners: ReadonlySet<(told: L) => void>, told: L): void {
  for (const listener of [...listeners]) {
    try {
      listener(told)
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }
}
