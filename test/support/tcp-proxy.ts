import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/**
 * What happens to a command. `pass`: it goes through. `lose`: it never arrives, and the connection is cut. `cut`: it
 * arrives and is carried out, but the connection is cut before the reply. `hang`: it and all later ones are kept back.
 */
export type Fate = 'pass' | 'lose' | 'cut' | 'hang'

/** A line between a Redis client and its server that a test can slow down, cut, or let hang, and that counts. */
export class TcpProxy {
  readonly port: number
  /** Milliseconds that each command is held up. */
  delay = 0
  /** Decides the fate of a command from its words. */
  fate: (command: readonly string[]) => Fate = () => 'pass'
  /** Names of the commands so far, upper case, without those by which a client introduces itself. */
  readonly commands: string[] = []
  /** Bytes of those commands. */
  bytes = 0
  /** The port behind; another one counts for new lines only. */
  target: number
  readonly #server: Server
  readonly #lines = new Set<Socket>()
  #refusing = false

  private constructor(server: Server, port: number, target: number) {
    this.#server = server
    this.port = port
    this.target = target
    server.on('connection', (socket) => this.#join(socket))
  }

  static async start(target: number): Promise<TcpProxy> {
    const server = createServer({ noDelay: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    server.unref()
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return new TcpProxy(server, address.port, target)
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  forgetCounts(): void {
    this.commands.length = 0
    this.bytes = 0
  }

  /** Cuts all lines and takes no new ones until `mend`. */
  cut(): void {
    this.#refusing = true
    for (const line of this.#lines) line.destroy()
  }

  mend(): void {
    this.#refusing = false
    this.delay = 0
    this.fate = () => 'pass'
  }

  async stop(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(client: Socket): void {
    if (this.#refusing) {
      client.destroy()
      return
    }
    const server = connect({ port: this.target, host: '127.0.0.1', noDelay: true })
    const splitter = new CommandSplitter()
    let state: 'open' | 'cut' | 'hang' = 'open'
    const end = () => {
      client.destroy()
      server.destroy()
      this.#lines.delete(client)
    }
    this.#lines.add(client)
    client.on('error', end).on('close', end)
    server.on('error', end).on('close', end)
    server.on('data', (reply) => {
      if (state === 'cut') end()
      else if (state === 'open') client.write(reply)
    })
    const forward = (bytes: Buffer, words: readonly string[]) => {
      if (state !== 'open') return
      const fate = this.#judge(bytes, words)
      if (fate === 'lose') end()
      if (fate === 'hang' || fate === 'cut') state = fate
      if (fate === 'pass' || fate === 'cut') server.write(bytes)
    }
    // Commands keep their order also when the delay becomes shorter while some wait: only their order says which reply
    // belongs to which.
    const waiting: { due: number; bytes: Buffer; words: readonly string[] }[] = []
    const forwardDue = () => {
      for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
        const left = next.due - Date.now()
        if (left > 0) {
          setTimeout(forwardDue, left)
          return
        }
        waiting.shift()
        forward(next.bytes, next.words)
      }
    }
    client.on('data', (chunk) => {
      for (const { bytes, words } of splitter.split(chunk)) {
        if (this.delay === 0 && waiting.length === 0) forward(bytes, words)
        else if (waiting.push({ due: Date.now() + this.delay, bytes, words }) === 1) setTimeout(forwardDue, this.delay)
      }
    })
  }

  #judge(bytes: Buffer, words: readonly string[]): Fate {
    const name = words[0]?.toUpperCase() ?? ''
    if (introductions.has(name)) return 'pass'
    this.commands.push(name)
    this.bytes += bytes.length
    return this.fate(words)
  }
}

/** What a client says of itself, and what a store asks of a server, when they begin. */
const introductions = new Set(['HELLO', 'CLIENT', 'CLUSTER', 'TIME', 'INFO'])

/** Takes a stream of commands (arrays of bulk strings) apart. */
class CommandSplitter {
  #rest: Buffer = Buffer.alloc(0)

  split(chunk: Buffer): { bytes: Buffer; words: string[] }[] {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const commands = []
    for (let command = this.#next(); command !== undefined; command = this.#next()) {
      commands.push(command)
      this.#rest = this.#rest.subarray(command.bytes.length)
    }
    return commands
  }

  #next(): { bytes: Buffer; words: string[] } | undefined {
    const header = this.#line(0)
    if (header === undefined) return undefined
    const words: string[] = []
    let at = header.end
    for (let count = Number(header.text.slice(1)); count > 0; count--) {
      const length = this.#line(at)
      if (length === undefined) return undefined
      const end = length.end + Number(length.text.slice(1))
      if (this.#rest.length < end + 2) return undefined
      words.push(this.#rest.toString('utf8', length.end, end))
      at = end + 2
    }
    return { bytes: this.#rest.subarray(0, at), words }
  }

  #line(from: number): { text: string; end: number } | undefined {
    const end = this.#rest.indexOf('\r\n', from)
    return end === -1 ? undefined : { text: this.#rest.toString('latin1', from, end), end: end + 2 }
  }
}
