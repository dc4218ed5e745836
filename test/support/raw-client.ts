import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A response as it came over the wire, taken apart. */
export interface RawResponse {
  readonly status: number
  readonly statusLine: string
  /** In the order and spelling of the wire. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Without the framing of chunks. */
  readonly body: string
  readonly trailers: string
  /** The body came to its end: the last chunk, the whole Content-Length. */
  readonly whole: boolean
}

/** A TCP client that speaks HTTP by hand, so that a test sees every byte and when it came. */
export class RawClient {
  readonly socket: Socket
  #received = ''
  #closed = false
  readonly #waiting = new Set<() => void>()

  private constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#received += text
      this.#wake()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#closed = true
      this.#wake()
    })
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** Everything that has arrived so far, byte by byte. */
  get received(): string {
    return this.#received
  }

  get closed(): boolean {
    return this.#closed
  }

  send(text: string | Buffer): void {
    this.socket.write(text)
  }

  /** Sends a request without a body. */
  get(path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): void {
    const lines = Object.entries({ Host: 'test', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    this.send(Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'))
  }

  async until(condition: (received: string) => boolean): Promise<string> {
    while (!condition(this.#received)) {
      if (this.#closed) throw new Error(`closed early, after ${JSON.stringify(this.#received.slice(0, 2000))}`)
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
    return this.#received
  }

  async untilClosed(): Promise<string> {
    while (!this.#closed) await new Promise<void>((resolve) => this.#waiting.add(resolve))
    return this.#received
  }

  close(): void {
    this.socket.destroy()
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

/** One request on a connection of its own, which ends with the response. */
export async function fetchRaw(
  port: number,
  path = '/',
  { method = 'GET', headers = {} }: { method?: string; headers?: Readonly<Record<string, string>> } = {},
): Promise<RawResponse> {
  const client = await RawClient.open(port)
  client.get(path, { Connection: 'close', ...headers }, method)
  return parseResponse(await client.untilClosed(), method)
}

/** Takes apart the last response in the text: interim ones (1xx) before it are passed over. */
export function parseResponse(text: string, method = 'GET'): RawResponse {
  const split = text.indexOf('\r\n\r\n')
  if (split === -1) throw new Error(`no whole head in ${JSON.stringify(text)}`)
  const [statusLine = '', ...lines] = text.slice(0, split).split('\r\n')
  const status = Number(statusLine.split(' ')[1])
  const rest = text.slice(split + 4)
  if (status >= 100 && status < 200) return parseResponse(rest, method)
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  const find = (name: string): string | undefined => headers.find(([one]) => one.toLowerCase() === name)?.[1]
  const head = { status, statusLine, headers }
  if (method === 'HEAD' || status === 204 || status === 304) return { ...head, body: rest, trailers: '', whole: true }
  if (find('transfer-encoding') === 'chunked') return { ...head, ...joinChunks(rest) }
  const length = find('content-length')
  return { ...head, body: rest, trailers: '', whole: length === undefined || Number(length) === rest.length }
}

function joinChunks(text: string): Pick<RawResponse, 'body' | 'trailers' | 'whole'> {
  let body = ''
  for (let at = 0; ;) {
    const line = text.indexOf('\r\n', at)
    if (line === -1) return { body, trailers: '', whole: false }
    const size = parseInt(text.slice(at, line), 16)
    if (size === 0) return { body, trailers: text.slice(line + 2).replace(/\r\n\r\n$|^\r\n$/, ''), whole: true }
    body += text.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
  }
}

/** The values of a header, in their order. */
export function valuesOf(response: RawResponse, name: string): string[] {
  return response.headers.filter(([one]) => one.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
}

/** `name=value` of the session's cookie, to be sent back, or undefined where the response sets none. */
export function sessionCookie(response: RawResponse): string | undefined {
  const [cookie] = valuesOf(response, 'Set-Cookie').filter((value) => /^(__Host-|__Secure-)?sid=/.test(value))
  return cookie?.split(';')[0]
}
