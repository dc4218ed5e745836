import type { IncomingMessage, Server } from 'node:http'

/** How often a listener is added to one server: what takes it off again is not fought. */
const mostAttempts = 3

/**
 * Prepares requests before any other listener of their server sees them.
 *
 * Express gives each request a hidden class of its own, and from then on each property that is added costs a copy of that,
 * 850 bytes in the part of the heap that is collected seldom. Before that, all requests share their classes.
 */
export class RequestPreparation {
  readonly #prepare: (req: IncomingMessage) => void
  readonly #attempts = new WeakMap<object, number>()

  /** @param prepare Called with each request. Another copy of the package may have been there before. */
  constructor(prepare: (req: IncomingMessage) => void) {
    this.#prepare = prepare
  }

  /** From now on, for the server of a request that came unprepared. */
  startFor(req: object): void {
    const { server } = ((req as Partial<IncomingMessage>).socket ?? {}) as { server?: Partial<Server> | null }
    if (typeof server?.prependListener !== 'function') return
    const attempts = this.#attempts.get(server) ?? 0
    if (attempts === mostAttempts || server.listeners?.('request').includes(this.#prepare) === true) return
    this.#attempts.set(server, attempts + 1)
    server.prependListener('request', this.#prepare)
  }
}
