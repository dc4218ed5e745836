import type { IncomingMessage } from 'node:http'
import type { ChannelSession, SessionManager, SessionValues } from 'holdfast'
import type { RawData, WebSocket } from 'ws'

/** Takes each message from one process to all, the sender's included. */
export interface Wire {
  publish(text: string): Promise<void>
  subscribe(listener: (text: string) => void): Promise<void>
}

/** What a page sends: `say` something, or be called `name` from now on. */
interface Order {
  readonly say?: unknown
  readonly name?: unknown
}

/** A message on its way to the sockets. The time is in milliseconds since 1970, as browsers read it. */
interface Message {
  readonly subject: string
  readonly from: string | undefined
  readonly text: string
  readonly at: number
}

/** The sockets in the chat. Each follows its session. */
export class Room {
  readonly #sessions: SessionManager
  readonly #wire: Wire | undefined
  /** Whose each socket is. */
  readonly #sockets = new Map<WebSocket, string>()

  constructor(sessions: SessionManager, wire: Wire | undefined) {
    this.#sessions = sessions
    this.#wire = wire
    wire?.subscribe((text) => this.#sendToAll(text)).catch((error: unknown) => console.error(error))
  }

  async join(socket: WebSocket, req: IncomingMessage): Promise<void> {
    const channel = await this.#sessions.openChannel<SessionValues>(socket, req)
    const subject = channel?.subject
    if (channel === undefined || subject === undefined) {
      socket.close(4401)
      return
    }
    this.#sockets.set(socket, subject)
    socket.on('close', () => this.#sockets.delete(socket))
    const sendName = () => socket.send(JSON.stringify({ name: channel.get()?.chatName }))
    socket.on('message', (data) => {
      this.#obey(channel, subject, orderOf(data), sendName).catch(() => socket.close(1011))
    })
    channel.onChange(sendName)
    sendName()
  }

  async #obey(
    channel: ChannelSession<SessionValues>,
    subject: string,
    { say, name }: Order,
    sendName: () => void,
  ): Promise<void> {
    if (isText(name, 40)) {
      await channel.update({ chatName: name.trim() })
      // A channel reports the changes of others, not its own.
      sendName()
    }
    if (isText(say, 2000)) {
      await this.#publish({ subject, from: channel.get()?.chatName, text: say.trim(), at: Date.now() })
    }
  }

  async #publish(message: Message): Promise<void> {
    const text = JSON.stringify(message)
    if (this.#wire === undefined) this.#sendToAll(text)
    else await this.#wire.publish(text)
  }

  #sendToAll(text: string): void {
    const { subject, ...message } = JSON.parse(text) as Message
    for (const [socket, reader] of this.#sockets) {
      socket.send(JSON.stringify({ ...message, own: reader === subject }))
    }
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
