import { SessionError } from '../base/errors'
import { startTimer } from '../base/timers'

/** A socket of `ws` (or one that looks like it: `close(code, reason)` and Node's `on` and `off`), or of Socket.IO. */
export type ChannelSocket = object &
  ({ close(code?: number, reason?: string): unknown } | { disconnect(close?: boolean): unknown })

type Listener = (...args: unknown[]) => void

interface Emitter {
  on(event: string, listener: Listener): unknown
  off(event: string, listener: Listener): unknown
}

interface WsSocket extends Emitter {
  readonly readyState?: number
  readonly isPaused?: boolean
  close(code?: number, reason?: string): unknown
  terminate?(): void
  pause?(): void
  resume?(): void
}

interface SocketIoSocket extends Emitter {
  readonly connected?: boolean
  readonly conn?: Emitter & { readonly readyState?: string; close?(): void }
  disconnect(close?: boolean): unknown
  onAny?(listener: Listener): unknown
  offAny?(listener: Listener): unknown
}

/** Seconds that a client has to reply to the closing of its socket. */
const closeTimeout = 5
/** `readyState` of a WebSocket that closes, or has closed. */
const closing = 2

/** What a channel needs of its socket, whichever kind it is. Leaves nothing on the socket once it has closed. */
export abstract class SocketLink {
  readonly #closeListeners: (() => void)[] = []
  #isClosed = false

  /** Whether the socket has closed, or is about to: then no listener is called any more. */
  isClosed(): boolean {
    return this.#isClosed
  }

  /** Called once, when the socket has closed. */
  onClose(listener: () => void): void {
    this.#closeListeners.push(listener)
  }

  /** Called for each message of the client; pings are none. */
  abstract onMessage(listener: () => void): void
  /** Holds messages back until the turn after `resume`, so that an app that waits for its channel before it listens misses
   * none. */
  abstract pause(): void
  abstract resume(): void
  /** Closes the socket; Socket.IO has no codes. */
  abstract close(code: number, reason: string): void
  /** Removes the listeners from a socket that gets no channel. */
  abstract release(): void

  /** Bound, so that it can be a listener itself. */
  protected readonly closed = (): void => {
    this.#isClosed = true
    this.cleanUp()
    for (const listener of this.#closeListeners.splice(0)) listener()
  }

  /** Removes everything from a socket that has closed. */
  protected abstract cleanUp(): void
}

export function linkSocket(socket: ChannelSocket): SocketLink {
  const { on, off, close, disconnect } = socket as Partial<Record<'on' | 'off' | 'close' | 'disconnect', unknown>>
  if (typeof on === 'function' && typeof off === 'function') {
    if (typeof disconnect === 'function') return new SocketIoLink(socket as SocketIoSocket)
    if (typeof close === 'function') return new WsLink(socket as WsSocket)
  }
  throw new SessionError(
    'INVALID_ARGUMENT',
    'openChannel: the first argument is no socket; give a socket of "ws", or of Socket.IO',
  )
}

class WsLink extends SocketLink {
  readonly #socket: WsSocket
  #onMessage: Listener | undefined
  #closeTimer: NodeJS.Timeout | undefined
  #isPaused = false

  constructor(socket: WsSocket) {
    super()
    this.#socket = socket
    if ((socket.readyState ?? 0) >= closing) this.closed()
    else socket.on('close', this.closed)
  }

  onMessage(listener: () => void): void {
    this.#onMessage = listener
    this.#socket.on('message', listener)
  }

  pause(): void {
    if (this.isClosed() || this.#socket.pause === undefined || this.#socket.isPaused === true) return
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    setImmediate(() => this.#socket.resume?.())
  }

  close(code: number, reason: string): void {
    if (this.isClosed()) return
    this.#socket.close(code, reason)
    // A client that does not reply would keep its socket, and could go on to send, for as long as it likes.
    this.#closeTimer = startTimer(closeTimeout, () => this.#socket.terminate?.())
    this.#closeTimer.unref()
  }

  release(): void {
    if (this.#closeTimer === undefined) this.#socket.off('close', this.closed)
  }

  protected cleanUp(): void {
    clearTimeout(this.#closeTimer)
    this.#socket.off('close', this.closed)
    if (this.#onMessage !== undefined) this.#socket.off('message', this.#onMessage)
  }
}

/**
 * In a namespace's middleware (`io.use`) a Socket.IO socket is not connected yet. If it never will be (another middleware
 * refuses it, the client leaves) it emits nothing; so the connection under it is listened to as well.
 */
class SocketIoLink extends SocketLink {
  readonly #socket: SocketIoSocket
  #onMessage: Listener | undefined

  constructor(socket: SocketIoSocket) {
    super()
    this.#socket = socket
    const state = socket.conn?.readyState
    if (state === 'closed' || state === 'closing') {
      this.closed()
      return
    }
    socket.on('disconnect', this.closed)
    socket.conn?.on('close', this.closed)
  }

  onMessage(listener: () => void): void {
    this.#onMessage = listener
    this.#socket.onAny?.(listener)
  }

  /** A packet that arrives before the app listens is lost, as always with Socket.IO: open the channel in `io.use`. */
  pause(): void {}

  resume(): void {}

  close(): void {
    if (this.isClosed()) return
    if (this.#socket.connected === false) this.#socket.conn?.close?.()
    else this.#socket.disconnect(true)
  }

  release(): void {
    this.#socket.off('disconnect', this.closed)
    this.#socket.conn?.off('close', this.closed)
  }

  protected cleanUp(): void {
    this.release()
    if (this.#onMessage !== undefined) this.#socket.offAny?.(this.#onMessage)
  }
}
