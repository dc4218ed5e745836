import { IncomingMessage } from 'node:http'
import { RequestPreparation } from '../base/request-preparation'

/** What the three properties lead to. */
export interface RequestState {
  session: unknown
  sessionID: unknown
  sessionStore: unknown
  /** The request is to have properties of its own, so that `delete req.session` takes the session away. */
  readonly isDeletable: boolean
}

/** Registered, so that two copies of the package in one process find each other's requests. */
const stateKey = Symbol.for('holdfast.express-session.state')
const names = ['session', 'sessionID', 'sessionStore'] as const

type Carrier = object & { [stateKey]?: RequestState | undefined }

/**
 * Gives a request `session`, `sessionID` and `sessionStore`.
 *
 * No property is added to an Express request, which would cost V8 some 5 µs: what the three lead to has its place from
 * before Express sees the request, and the three are accessors on the prototype from which all requests inherit. Not on
 * Express': a sub-app of another copy of Express swaps the prototypes of a request for its own, and the session would be
 * lost.
 */
export function attachState(req: object, state: RequestState): void {
  if (!(stateKey in req)) preparation.startFor(req)
  ;(req as Carrier)[stateKey] = state
  if (!state.isDeletable && req instanceof IncomingMessage) {
    if (!isPrepared) prepare()
    return
  }
  for (const name of names) Object.defineProperty(req, name, { ...accessorOf(name), enumerable: true })
}

export function stateOf(req: object): RequestState | undefined {
  return (req as Carrier)[stateKey]
}

const preparation = new RequestPreparation((req: Carrier) => {
  if (!(stateKey in req)) req[stateKey] = undefined
})

/** Whether the app has deleted `req.session`. */
export function isDeleted(req: object, { isDeletable }: RequestState): boolean {
  return isDeletable && !Object.hasOwn(req, 'session')
}

let isPrepared = false

function prepare(): void {
  isPrepared = true
  for (const name of names) Object.defineProperty(IncomingMessage.prototype, name, accessorOf(name))
}

function accessorOf(name: (typeof names)[number]): PropertyDescriptor {
  return {
    configurable: true,
    enumerable: false,
    get(this: Carrier) {
      const state = this[stateKey]
      return state === undefined || (name === 'session' && isDeleted(this, state)) ? undefined : state[name]
    },
    set(this: Carrier, value: unknown) {
      const state = this[stateKey]
      if (state !== undefined) state[name] = value
      // A request without our session: the property belongs to other code, and becomes an ordinary one.
      else Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true })
    },
  }
}
