import { IncomingMessage, type Server, type ServerResponse } from 'node:http'

/** How often a listener is added to one server: what takes it off again is not fought. */
const mostAttempts = 3

type Listener = (req: IncomingMessage, res: ServerResponse) => void

/**
 * Prepares requests before any other listener of their server sees them.
 *
 * Express gives each request and response another prototype. Up to Node 22, each property that is added to one afterwards
 * then makes a hidden class for this object alone: a copy of the one before, 850 bytes in the part of the heap that is
 * collected seldom, which no inline cache of V8 ever meets again. So what a request is to have of ours is added before, and
 * the properties of an Express request and response are moved to a table: see {@link moveToTable}.
 */
export class RequestPreparation {
  readonly #prepare: Listener
  readonly #prepareForExpress: Listener
  readonly #attempts = new WeakMap<object, number>()

  /** @param prepare Called with each request. Another copy of the package may have been there before. */
  constructor(prepare: (req: IncomingMessage) => void) {
    this.#prepare = prepare
    this.#prepareForExpress = (req, res) => {
      prepare(req)
      moveToTable(req)
      moveToTable(res)
    }
  }

  /** From now on, for the server of a request that came unprepared. */
  startFor(req: object): void {
    const { server } = ((req as Partial<IncomingMessage>).socket ?? {}) as { server?: Partial<Server> | null }
    if (typeof server?.prependListener !== 'function') return
    const attempts = this.#attempts.get(server) ?? 0
    const listener = hasOwnClasses && isOfExpress(req) ? this.#prepareForExpress : this.#prepare
    if (attempts === mostAttempts || server.listeners?.('request').includes(listener) === true) return
    this.#attempts.set(server, attempts + 1)
    server.prependListener('request', listener)
  }
}

/** Whether V8 gives each Express request hidden classes of its own. In Node 24 they share theirs, and a table costs 10 µs. Deno
 * has a newer V8 than the version of Node says that it shows, and Bun another engine. */
const hasOwnClasses = Number.parseInt(process.versions.v8) < 13 && process.versions['bun'] === undefined

function isOfExpress(req: object): boolean {
  return req instanceof IncomingMessage && Object.getPrototypeOf(req) !== IncomingMessage.prototype
}

const first = Symbol('first')
const second = Symbol('second')

/**
 * Has V8 keep the properties of an object in a hash table, as it does once one of them was deleted that was not the last to
 * be added. What Express and middleware add later is then an entry in it, and makes no class. Of some 30 µs of an Express
 * request that saves 10.
 */
function moveToTable(object: object | undefined): void {
  if (typeof object !== 'object') return
  Reflect.set(object, first, undefined)
  Reflect.set(object, second, undefined)
  Reflect.deleteProperty(object, first)
  Reflect.deleteProperty(object, second)
}
