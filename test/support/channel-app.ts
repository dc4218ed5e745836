import { once } from 'node:events'
import type { Router } from 'express'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import {
  type ChannelOptions,
  type ChannelSession,
  login,
  logout,
  type SessionManager,
  type SessionOptions,
} from '../../lib'
import { startApp } from './app'
import { get as getResponse } from './http-client'

/** What a test's client may ask of its channel. */
export type Ask = { set: object } | { update: object } | { clear: true } | { activity: true } | { show: true }
/** What the server says to its clients. */
export type ServerMessage =
  | { open: object; subject?: string }
  | { changed: object }
  | { ended: string }
  | { done: true }
  | { failed: string }
  | { value: object }

/** An app with sessions over HTTP and channels over `ws`, on one real port. */
export interface ChannelApp {
  readonly port: number
  readonly sessions: SessionManager
  /** The channels that were opened, in their order. */
  readonly channels: ChannelSession[]
  /** The response's text, and the session cookie to go on with. */
  get(path: string, cookie?: string): Promise<{ text: string; cookie: string }>
  /** Opens a socket and waits for what the server says first. */
  connect(cookie: string, headers?: Record<string, string>): Promise<Client>
  close(): Promise<void>
}

export async function startChannelApp(
  options: SessionOptions,
  channelOptions: ChannelOptions = {},
): Promise<ChannelApp> {
  const app = await startApp({ ...options, routes: mountRoutes })
  const { sessions, server, port } = app
  const channels: ChannelSession[] = []
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, request) => {
    serve(socket).catch(() => undefined)
    async function serve(to: WebSocket): Promise<void> {
      const channel = await sessions.openChannel(to, request, channelOptions)
      if (channel === undefined) {
        to.close(4400, 'no session')
        return
      }
      channels.push(channel as ChannelSession)
      serveMessages(to, channel as ChannelSession)
    }
  })
  return {
    port,
    sessions,
    channels,
    get: (path, cookie) => get(port, path, cookie),
    connect: (cookie, headers) => Client.open(port, cookie, headers),
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      await app.close()
    },
  }
}

function mountRoutes(app: Router): void {
  app.get('/set/:key/:value', (req, res) => {
    req.session.set(req.params.key, req.params.value)
    res.send(req.session.handle)
  })
  app.get('/unset/:key', (req, res) => {
    req.session.unset(req.params.key)
    res.send('unset')
  })
  app.get('/flash', (req, res) => {
    req.session.flash('notice', 'hello')
    res.send('flashed')
  })
  app.get('/all', (req, res) => {
    res.send(JSON.stringify(req.session.data[0]))
  })
  app.get('/login/:subject', (req, res) => {
    login(req, req.params.subject, req.query['ttl'] === undefined ? {} : { ttl: Number(req.query['ttl']) })
    res.send(req.session.handle)
  })
  app.get('/logout', (req, res) => {
    logout(req)
    res.send('out')
  })
  app.get('/regenerate', (req, res) => {
    req.session.regenerateId()
    res.send('regenerated')
  })
}

function serveMessages(socket: WebSocket, channel: ChannelSession): void {
  const say = (message: ServerMessage) => socket.send(JSON.stringify(message))
  channel.onChange((changed) => say({ changed }))
  channel.onEnd((ended) => say({ ended }))
  say({ open: channel.get() ?? {}, ...(channel.subject !== undefined && { subject: channel.subject }) })
  socket.on('message', (text) => {
    perform(channel, JSON.parse(textOf(text)) as Ask).then(say, (error: unknown) => {
      say({ failed: String((error as { code?: unknown }).code) })
    })
  })
}

async function perform(channel: ChannelSession, ask: Ask): Promise<ServerMessage> {
  if ('show' in ask) return { value: channel.get() ?? {} }
  if ('set' in ask) await channel.set(ask.set as Record<string, unknown>)
  else if ('update' in ask) await channel.update(ask.update)
  else if ('clear' in ask) await channel.clear()
  else channel.recordActivity()
  return { done: true }
}

/** A client's end of a channel. */
export class Client {
  readonly socket: WebSocket
  /** The server's messages that no call of `next` or `ask` has taken. */
  readonly received: ServerMessage[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #waiting: (() => void)[] = []

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (text) => {
      this.received.push(JSON.parse(textOf(text)) as ServerMessage)
      for (const wake of this.#waiting.splice(0)) wake()
    })
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
  }

  /** Resolves once the server has said something, or has closed the socket. */
  static async open(port: number, cookie: string, headers: Record<string, string> = {}): Promise<Client> {
    const client = new Client(new WebSocket(`ws://127.0.0.1:${port}`, { headers: { cookie, ...headers } }))
    await once(client.socket, 'open')
    if (client.received.length === 0) await Promise.race([client.closed, client.#more()])
    return client
  }

  /** The next message with this word, wherever it stands among those that were not waited for. */
  async next(word: string): Promise<any> {
    for (;;) {
      const index = this.received.findIndex((message) => word in message)
      const [found] = index === -1 ? [] : this.received.splice(index, 1)
      if (found !== undefined) return (found as Record<string, unknown>)[word]
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error(`closed without "${word}"`)
      await Promise.race([this.#more(), this.closed])
    }
  }

  async ask(ask: Ask): Promise<string> {
    this.socket.send(JSON.stringify(ask))
    for (;;) {
      const index = this.received.findIndex((message) => 'done' in message || 'failed' in message)
      const [found] = index === -1 ? [] : this.received.splice(index, 1)
      if (found !== undefined) return 'failed' in found ? found.failed : 'done'
      await this.#more()
    }
  }

  /** What the channel holds at the server now. */
  async value(): Promise<any> {
    this.socket.send(JSON.stringify({ show: true }))
    return this.next('value')
  }

  async close(): Promise<void> {
    this.socket.close()
    await this.closed
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

/** `ws` gives a Buffer unless its option `binaryType` says otherwise. */
function textOf(data: RawData): string {
  return (data as Buffer).toString('utf8')
}

/** A GET; the response's text, and the session cookie to go on with. */
export async function get(port: number, path: string, cookie?: string): Promise<{ text: string; cookie: string }> {
  const { status, body, cookies } = await getResponse(port, path, cookie)
  if (status < 200 || status >= 300) throw new Error(`${path} gave ${status}`)
  return { text: body, cookie: cookies[0] ?? cookie ?? '' }
}
