/** The ends of the lines: one HTTP request, one socket, each written down in the history. */
import { Agent, request } from 'node:http'
import { WebSocket } from 'ws'
import { handleOf, isOfUsers, type Operation, type Seen, type SocketLife } from './history'

const agent = new Agent({ keepAlive: true, maxSockets: 200 })

/** Milliseconds after which a request without a response counts as lost. */
const patience = 5000

/** Sends the operation, and completes it with what came back. `cutAfter`: milliseconds after which the client's connection
 * breaks, whatever the app is about to say. */
export function send(port: number, operation: Operation, query: object, cutAfter?: number): Promise<void> {
  const { act, id, number } = operation
  const path = act.startsWith('job') || isOfUsers(act) ? `/${act}` : '/op'
  const words = new URLSearchParams({ act, number: String(number), ...query } as Record<string, string>)
  const headers = id !== undefined && path === '/op' ? { cookie: `sid=${id}` } : {}
  return new Promise((resolve) => {
    const end = (outcome: Operation['outcome']) => {
      clearTimeout(limit)
      if (operation.endedAt !== 0) return
      operation.outcome = outcome
      operation.endedAt = Date.now()
      resolve()
    }
    const sent = request(
      {
        port,
        host: '127.0.0.1',
        path: `${path}?${words.toString()}`,
        agent: cutAfter === undefined ? agent : false,
        headers,
      },
      (res) => {
        let body = ''
        res.setEncoding('utf8')
        res.on('data', (chunk: string) => (body += chunk))
        res.on('error', () => end('lost'))
        res.on('aborted', () => end('lost'))
        res.on('end', () => {
          if (!res.complete || operation.endedAt !== 0) {
            end('lost')
            return
          }
          const status = res.statusCode ?? 0
          operation.status = status
          take(operation, res.headers['x-seen'], res.headers['set-cookie'], body)
          end(status < 400 ? 'ok' : 'failed')
        })
      },
    )
    const limit = setTimeout(() => sent.destroy(), Math.min(cutAfter ?? patience, patience))
    sent.on('error', () => end('lost'))
    sent.on('close', () => end('lost'))
    sent.end()
  })
}

function take(
  operation: Operation,
  seen: string | string[] | undefined,
  cookies: readonly string[] | undefined,
  body: string,
): void {
  if (typeof seen === 'string') Object.assign(operation, JSON.parse(seen) as { seen: Seen; actedAt: number })
  const cookie = cookies?.find((one) => one.startsWith('sid='))
  if (cookie !== undefined) operation.issued = cookie.slice('sid='.length, cookie.indexOf(';'))
  const { status = 0 } = operation
  if (status >= 400) operation.result = body
  else if (operation.act.startsWith('job') || isOfUsers(operation.act)) {
    operation.result = (JSON.parse(body) as { result: unknown }).result
  }
}

/** A client's end of a channel. */
export class Channel {
  readonly life: SocketLife
  readonly #socket: WebSocket
  #pending: ((message: Record<string, unknown> | undefined) => void) | undefined

  private constructor(socket: WebSocket, life: SocketLife) {
    this.#socket = socket
    this.life = life
    socket.on('message', (data) => {
      const message = JSON.parse((data as Buffer).toString()) as Record<string, unknown>
      if ('view' in message) this.life.view = message['view'] as SocketLife['view']
      else this.#settle(message)
    })
    socket.on('error', () => undefined)
    socket.on('close', (code, reason) => {
      this.life.closedAt = Date.now()
      this.life.code = code
      this.life.reason = String(reason)
      this.#settle(undefined)
    })
  }

  /** Undefined when there is no session, or the process is away. */
  static async open(port: number, process: number, id: string): Promise<Channel | undefined> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { headers: { cookie: `sid=${id}` } })
    const life: SocketLife = { id, handle: handleOf(id), process, openedAt: Date.now(), view: {} }
    const channel = new Channel(socket, life)
    const opened = await channel.#next()
    if (opened === undefined || !('open' in opened)) {
      socket.terminate()
      return undefined
    }
    if (!Object.keys(life.view).length) life.view = opened['open'] as SocketLife['view']
    if (typeof opened['subject'] === 'string') life.subject = opened['subject']
    return channel
  }

  get isOpen(): boolean {
    return this.life.closedAt === undefined
  }

  get isBusy(): boolean {
    return this.#pending !== undefined
  }

  async ask(operation: Operation): Promise<void> {
    const { act, key, number } = operation
    this.#socket.send(JSON.stringify({ act, key, number }))
    const reply = await this.#next()
    operation.endedAt = Date.now()
    operation.outcome = reply === undefined ? 'lost' : 'done' in reply ? 'ok' : 'failed'
    if (operation.outcome === 'ok' && act === 'channel-update') this.life.view = reply?.['done'] as SocketLife['view']
  }

  close(): void {
    this.#socket.terminate()
  }

  #next(): Promise<Record<string, unknown> | undefined> {
    if (!this.isOpen) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const limit = setTimeout(() => this.#settle(undefined), patience)
      this.#pending = (message) => {
        clearTimeout(limit)
        this.#pending = undefined
        resolve(message)
      }
    })
  }

  #settle(message: Record<string, unknown> | undefined): void {
    this.#pending?.(message)
  }
}

export function closeConnections(): void {
  agent.destroy()
}
