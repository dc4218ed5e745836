import type { IncomingMessage } from 'node:http'
import type { ChannelSession, SessionManager, SessionValues } from 'holdfast'
import type { RawData, WebSocket } from 'ws'

/** Takes what is said from one process to all, the own one included. */
export interface Wire {
  publish(text: string): Promise<void>
  subscribe(listener: (text: string) => void): Promise<void>
}

/** What a page sends: `say` something, or be called `name` from now on. */
interface Order {
  readonly say?: unknown
  readonly name?: unknown
}

/** Everybody who is in the chat, each with a socket that follows its session. */
export class Room {
  readonly #sessions: SessionManager
  readonly #wire: Wire | undefined
  readonly #sockets = new Set<WebSocket>()

  constructor(sessions: SessionManager, wire: Wire | undefined) {
    this.#sessions = sessions
    this.#wire = wire
    wire?.subscribe((text) => this.#tellAll(text)).catch((error: unknown) => console.error(error))
  }

  async join(socket: WebSocket, req: IncomingMessage): Promise<void> {
    const channel = await this.#sessions.openChannel<SessionValues>(socket, req)
    if (channel?.subject === undefined) {
      socket.close(4401)
      return
    }
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('message', (data) => {
      this.#obey(channel, orderOf(data)).catch(() => socket.close(1011))
    })
    const tellName = () => socket.send(JSON.stringify({ name: channel.get()?.chatName }))
    channel.onChange(tellName)
    tellName()
  }

  async #obey(channel: ChannelSession<SessionValues>, { say, name }: Order): Promise<void> {
    if (isText(name, 40)) await channel.update({ chatName: name.trim() })
    if (isText(say, 2000)) await this.#say(JSON.stringify({ from: channel.get()?.chatName, text: say.trim() }))
  }

  async #say(text: string): Promise<void> {
    if (this.#wire === undefined) this.#tellAll(text)
    else await this.#wire.publish(text)
  }

  #tellAll(text: string): void {
    for (const socket of this.#sockets) socket.send(text)
  }
}

function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= longest
}

function orderOf(data: RawData): Order {
  try {
    const order: unknown = JSON.parse((data as Buffer).toString('utf8'))
    return typeof order === 'object' && order !== null ? order : {}
  } catch {
    return {}
  }
}
