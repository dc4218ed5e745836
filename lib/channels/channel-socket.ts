import { SessionError } from '../base/errors'

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

/** Seconds that a client has to answer the closing of its socket. */
const closeTimeout = 5
/** `readyState` of a WebSocket that closes, or has closed. */
const closing = 2

/** What a channel needs of its socket, whichever kind it is. Leaves nothing on the socket once it has closed. */
export interface SocketLink {
  /** Has closed, or is about to: nobody will be told of it any more. */
  isClosed(): boolean
  /** Called once, when the socket has closed. */
  onClose(listener: () => void): void
  /** Called for each message of the client; pings are none. */
  onMessage(listener: () => void): void
  /** Keeps messages back until the turn after `resume`, so that an app that waits for its channel before it listens misses
   * none. */
  pause(): void
  resume(): void
  /** Closes the socket; Socket.IO has no codes. */
  close(code: number, reason: string): void
  /** Takes back what was put on a socket that gets no channel. */
  release(): void
}

export function linkSocket(socket: ChannelSocket): SocketLink {
  const { on, off, close, disconnect } = socket as Partial<Record<'on' | 'off' | 'close' | 'disconnect', unknown>>
  if (typeof on === 'function' && typeof off === 'function') {
    if (typeof disconnect === 'function') return new SocketIoLink(socket as unknown as SocketIoSocket)
    if (typeof close === 'function') return new WsLink(socket as unknown as WsSocket)
  }
  throw new SessionError('INVALID_ARGUMENT', 'openChannel: the socket is none; give a socket of "ws", or of Socket.IO')
}

class WsLink implements SocketLink {
  readonly #socket: WsSocket
  readonly #closeListeners: (() => void)[] = []
  #onMessage: Listener | undefined
  #closeTimer: NodeJS.Timeout | undefined
  #isPaused = false
  #isClosed: boolean

  constructor(socket: WsSocket) {
    this.#socket = socket
    this.#isClosed = (socket.readyState ?? 0) >= closing
    if (!this.#isClosed) socket.on('close', this.#closed)
  }

  isClosed(): boolean {
    return this.#isClosed
  }

  onClose(listener: () => void): void {
    this.#closeListeners.push(listener)
  }

  onMessage(listener: () => void): void {
    this.#onMessage = listener
    this.#socket.on('message', this.#onMessage)
  }

  pause(): void {
    if (this.#isClosed || this.#socket.pause === undefined || this.#socket.isPaused === true) return
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    setImmediate(() => this.#socket.resume?.())
  }

  close(code: number, reason: string): void {
    if (this.#isClosed) return
    this.#socket.close(code, reason)
    // A client that does not answer would keep its socket, and could go on to send, for as long as it likes.
    this.#closeTimer = setTimeout(() => this.#socket.terminate?.(), closeTimeout * 1000)
    this.#closeTimer.unref()
  }

  release(): void {
    if (this.#closeTimer === undefined) this.#socket.off('close', this.#closed)
  }

  readonly #closed = (): void => {
    this.#isClosed = true
    clearTimeout(this.#closeTimer)
    this.#socket.off('close', this.#closed)
    if (this.#onMessage !== undefined) this.#socket.off('message', this.#onMessage)
    for (const listener of this.#closeListeners.splice(0)) listener()
  }
}

/**
 * In a namespace's middleware (`io.use`) a Socket.IO socket is not connected yet. If it never will be (another middleware
 * refuses it, the client leaves) it emits nothing; so the connection under it is listened to as well.
 */
class SocketIoLink implements SocketLink {
  readonly #socket: SocketIoSocket
  readonly #closeListeners: (() => void)[] = []
  #onMessage: Listener | undefined
  #isClosed: boolean

  constructor(socket: SocketIoSocket) {
    this.#socket = socket
    const state = socket.conn?.readyState
    this.#isClosed = state === 'closed' || state === 'closing'
    if (this.#isClosed) return
    socket.on('disconnect', this.#closed)
    socket.conn?.on('close', this.#closed)
  }

  isClosed(): boolean {
    return this.#isClosed
  }

  onClose(listener: () => void): void {
    this.#closeListeners.push(listener)
  }

  onMessage(listener: () => void): void {
    this.#onMessage = listener
    this.#socket.onAny?.(listener)
  }

  /** A packet that arrives before the app listens is lost, as always with Socket.IO: open the channel in `io.use`. */
  pause(): void {}

  resume(): void {}

  close(): void {
    if (this.#isClosed) return
    if (this.#socket.connected === false) this.#socket.conn?.close?.()
    else this.#socket.disconnect(true)
  }

  release(): void {
    this.#socket.off('disconnect', this.#closed)
    this.#socket.conn?.off('close', this.#closed)
  }

  readonly #closed = (): void => {
    this.#isClosed = true
    this.release()
    if (this.#onMessage !== undefined) this.#socket.offAny?.(this.#onMessage)
    for (const listener of this.#closeListeners.splice(0)) listener()
  }
}
