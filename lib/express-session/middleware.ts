import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Awaitable, isPromise } from '../base/awaitable'
import { SessionError } from '../base/errors'
import type { Next } from '../hold/failure-response'
import { watchFirstResponses } from '../hold/intercept'
import { isSecret, type Secret } from '../id/hmac-signature'
import { Accesses } from './accesses'
import { Exchange } from './exchange'
import { pathOf, readId } from './id-cookie'
import { InPlaceRecords } from './in-place-records'
import { recordsFor } from './layout'
import type { StoredSession } from './records'
import { attachState, stateOf } from './request-properties'
import { type GivenOptions, resolveOptions } from './resolve-options'
import type { SessionRequest } from './session'
import type { Setting } from './setting'
import { StoreFacade } from './store-facade'

export type Handler = (req: IncomingMessage, res: ServerResponse, next: Next) => void

/** The store as the app has it, with what express-session adds to it. */
interface AppStore {
  generate?: (req: SessionRequest) => void
  on?: (event: string, listener: () => void) => unknown
}

/** The handler that attaches `req.session`, and its store. Throws for options that cannot work. */
export function createHandler(given: GivenOptions): Handler & { readonly store: object } {
  watchFirstResponses()
  const setting = resolveSetting(given)
  const { options, records, store } = setting
  const readiness = [options.store, ...(options.move === undefined ? [] : [options.move.other])].map(watchReadiness)
  shareGenerate(store as AppStore)

  function session(req: IncomingMessage, res: ServerResponse, next: Next): void {
    if (isAttached(req)) {
      next()
      return
    }
    const secrets = options.secrets ?? secretOf(req)
    // A cookie that cannot be read is none, as long as the store is away.
    const sent = secrets === undefined ? undefined : readId(req, options.name, secrets)
    if (!readiness.every(call)) {
      next(sent?.id === undefined ? undefined : storeIsAway())
      return
    }
    if (!pathOf(req).startsWith(options.cookie(req).path ?? '/')) {
      next()
      return
    }
    if (secrets === undefined || sent === undefined) {
      next(new Error('secret option required for sessions'))
      return
    }
    const exchange = new Exchange(setting, req, res, next, session, secrets, sent.isThere)
    let loaded: Awaitable<StoredSession | undefined>
    try {
      loaded = sent.id === undefined ? undefined : records.load(sent.id, req)
    } catch (error) {
      next(error)
      return
    }
    if (isPromise(loaded)) {
      void attachWhenLoaded(loaded, req, next, exchange, sent.id)
      return
    }
    attach(req, exchange, sent.id, loaded)
    next()
  }

  return Object.assign(session, { store })
}

function call(isReady: () => boolean): boolean {
  return isReady()
}

function attach(
  req: IncomingMessage,
  exchange: Exchange,
  id: string | undefined,
  stored: StoredSession | undefined,
): void {
  attachState(req, exchange)
  exchange.open(id, stored)
}

async function attachWhenLoaded(
  loaded: PromiseLike<StoredSession | undefined>,
  req: IncomingMessage,
  next: Next,
  exchange: Exchange,
  id: string | undefined,
): Promise<void> {
  let stored: StoredSession | undefined
  try {
    stored = await loaded
  } catch (error) {
    next(error)
    return
  }
  attach(req, exchange, id, stored)
  next()
}

function resolveSetting(given: GivenOptions): Setting {
  const options = resolveOptions(given)
  const records = recordsFor(options)
  // Records of express-session in place: the very store of the app.
  const store =
    records instanceof InPlaceRecords ? (options.store as Setting['store']) : new StoreFacade(records, options)
  return { options, records, store, accesses: new Accesses(records) }
}

/** Some stores say when their connection is lost, and when it is back. */
function watchReadiness(given: object): () => boolean {
  const store = given as AppStore
  let isReady = true
  if (typeof store.on === 'function') {
    store.on('disconnect', () => (isReady = false))
    store.on('connect', () => (isReady = true))
  }
  return () => isReady
}

/** Gives the store `generate`, as express-session does. Where express-session serves from the same store object too, each
 * makes the sessions of its own requests. */
function shareGenerate(store: AppStore): void {
  let others = store.generate
  const generate = (req: SessionRequest): void => {
    const state = stateOf(req)
    if (state instanceof Exchange) state.generate()
    else others?.call(store, req)
  }
  Object.defineProperty(store, 'generate', {
    configurable: true,
    enumerable: true,
    get: () => generate,
    set(given: AppStore['generate']) {
      others = given
    },
  })
}

function isAttached(req: IncomingMessage & SessionRequest): boolean {
  const state = stateOf(req)
  return state instanceof Exchange ? state.hasSession : Boolean(req.session)
}

function secretOf(req: object): readonly Secret[] | undefined {
  const { secret } = req as { secret?: unknown }
  return isSecret(secret) ? [secret] : undefined
}

function storeIsAway(): SessionError {
  return new SessionError(
    'STORE_UNAVAILABLE',
    'the session store reports that it is disconnected, so the session of this request cannot be loaded; connect the store again',
  )
}
