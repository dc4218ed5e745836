import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What clients have sent to Redis. */
export interface Traffic {
  readonly commands: number
  readonly bytes: number
}

/** Stands between a client and Redis, and counts what the client sends: not what Redis' scripts call by themselves. */
export class CountingProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #commands = 0
  #bytes = 0

  private constructor(redisPort: number) {
    this.#server = createServer((client) => {
      const redis = connect({ port: redisPort, host: '127.0.0.1', noDelay: true })
      const countCommands = commandCounter()
      client.on('data', (chunk: Buffer) => {
        this.#bytes += chunk.length
        this.#commands += countCommands(chunk)
        redis.write(chunk)
      })
      redis.pipe(client)
      for (const socket of [client, redis]) this.#sockets.add(socket.on('error', () => undefined))
    })
  }

  static async start(redisPort: number): Promise<CountingProxy> {
    const proxy = new CountingProxy(redisPort)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** What has been sent since the last call. */
  take(): Traffic {
    const traffic = { commands: this.#commands, bytes: this.#bytes }
    this.#commands = 0
    this.#bytes = 0
    return traffic
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }
}

/** Counts commands that end in a stream of them: arrays of bulk strings, `*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`. */
function commandCounter(): (chunk: Buffer) => number {
  let kept = Buffer.alloc(0)
  let wordsLeft = 0
  return (chunk) => {
    let ended = 0
    let at = 0
    kept = Buffer.concat([kept, chunk])
    for (;;) {
      const end = kept.indexOf('\r\n', at)
      if (end === -1) break
      const length = Number(kept.toString('latin1', at + 1, end))
      if (kept[at] === '*'.charCodeAt(0)) {
        wordsLeft = length
        at = end + 2
        continue
      }
      const next = end + 2 + length + 2
      if (kept.length < next) break
      at = next
      if (--wordsLeft === 0) ended++
    }
    kept = kept.subarray(at)
    return ended
  }
}
