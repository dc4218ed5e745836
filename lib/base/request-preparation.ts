import { IncomingMessage, type Server, type ServerResponse } from 'node:http'

type Prepare = (req: IncomingMessage, res: ServerResponse) => void

/**
 * Prepares requests before any listener of their server sees them.
 *
 * Express gives each request and response another prototype. Up to Node 22, each property that is added to one afterwards
 * then makes a hidden class for this object alone: a copy of the one before, 850 bytes in the part of the heap that is
 * collected seldom, which no inline cache of V8 ever meets again. So what a request is to have of ours is added before, and
 * the properties of an Express request and response are moved to a table: see {@link moveToTable}.
 *
 * It is done in the server's `emit`. A listener of ours would be one that code of others finds in `listeners('request')`, counts,
 * or calls in place of the app's.
 */
export class RequestPreparation {
  readonly #prepare: Prepare
  readonly #prepareForExpress: Prepare
  readonly #servers = new WeakSet()

  /** @param prepare Called with each request. Another copy of the package may have been there before. */
  constructor(prepare: (req: IncomingMessage) => void) {
    this.#prepare = prepare
    this.#prepareForExpress = (req, res) => {
      prepare(req)
      moveToTable(req)
      moveToTable(res)
    }
  }

  /** From now on, for the server of a request that came unprepared. Once: what takes it off again is not fought. */
  startFor(req: object): void {
    const { server } = ((req as Partial<IncomingMessage>).socket ?? {}) as { server?: Partial<Server> | null }
    if (typeof server?.emit !== 'function' || this.#servers.has(server)) return
    this.#servers.add(server)
    prepareIn(server, hasOwnClasses && isOfExpress(req) ? this.#prepareForExpress : this.#prepare)
  }
}

type Emit = (this: unknown, ...args: unknown[]) => unknown

function prepareIn(server: object, prepare: Prepare): void {
  const before = Object.getOwnPropertyDescriptor(server, 'emit')
  const own = before?.value as Emit | undefined
  const emit: Emit = function (...args) {
    if (args[0] === 'request') {
      try {
        prepare(args[1] as IncomingMessage, args[2] as ServerResponse)
      } catch {
        // Emitted by hand, with something that takes no properties: the app gets it as it is.
      }
    }
    // Looked up each time: what instruments servers may replace it later.
    const native = own ?? (Reflect.get(Object.getPrototypeOf(server) as object, 'emit') as Emit)
    return Reflect.apply(native, this, args)
  }
  // False for a server that is frozen: its requests come unprepared, which costs time and nothing else.
  const enumerable = before?.enumerable === true
  Reflect.defineProperty(server, 'emit', { value: emit, writable: true, configurable: true, enumerable })
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
