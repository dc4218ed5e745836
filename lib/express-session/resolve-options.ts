import type { IncomingMessage } from 'node:http'
import { SessionError } from '../base/errors'
import {
  checkFunction,
  checkKeys,
  checkStoreTimeout,
  invalidOption,
  isLifetime,
  type KeysOf,
  lifetimeAccepts,
} from '../base/option-check'
import { warnOnce } from '../base/warnings'
import { isSecret, keyOf, type Secret } from '../id/hmac-signature'
import { contextOfRequest, isSessionStore } from '../service/resolve-options'
import type { UserSessionOperationContext } from '../session/session-shape'
import type { SessionStore } from '../session/store'
import { copyContext } from '../session/subject'
import { type ExpressSessionStore, isExpressSessionStore } from '../stores/express-session/express-session-store'
import { jsonRecordsOf } from '../stores/json-records'
import { MemoryStore as OurMemoryStore } from '../stores/memory-store'
import { type CookieAttributes, resolveCookie } from './cookie-attributes'
import { MemoryStore } from './memory-store'
import { type MoveOptions, type ResolvedMove, resolveMove } from './resolve-move'

/** What `session()` takes, without the types of express-session. */
export interface GivenOptions extends MoveOptions {
  secret?: unknown
  name?: unknown
  key?: unknown
  store?: unknown
  cookie?: unknown
  genid?: unknown
  proxy?: unknown
  rolling?: unknown
  resave?: unknown
  saveUninitialized?: unknown
  unset?: unknown
  ttl?: unknown
  storeTimeout?: unknown
  sessionTtl?: unknown
  subject?: unknown
  context?: unknown
  records?: unknown
}

export interface ResolvedOptions {
  /** Undefined: `req.secret` has it. */
  readonly secrets: readonly Secret[] | undefined
  readonly name: string
  readonly store: ExpressSessionStore | SessionStore
  /** Whether records are ours, under hashed ids. */
  readonly isHashed: boolean
  /** Undefined: sessions stay where they are. */
  readonly move: ResolvedMove | undefined
  readonly cookie: (req: IncomingMessage) => CookieAttributes
  /** Undefined: ids are minted here. */
  readonly genid: ((req: IncomingMessage) => unknown) | undefined
  readonly proxy: boolean | undefined
  readonly rolling: boolean
  readonly saveUninitialized: boolean
  readonly unsetDestroys: boolean
  /** Seconds. */
  readonly ttl: number | undefined
  readonly storeTimeout: number
  readonly sessionTtl: number | undefined
  readonly subject: ((session: object) => unknown) | undefined
  readonly context: (req: IncomingMessage) => UserSessionOperationContext
}

const optionKeys: KeysOf<GivenOptions> = {
  secret: true,
  name: true,
  key: true,
  store: true,
  cookie: true,
  genid: true,
  proxy: true,
  rolling: true,
  resave: true,
  saveUninitialized: true,
  unset: true,
  ttl: true,
  storeTimeout: true,
  sessionTtl: true,
  subject: true,
  context: true,
  records: true,
  upcoming: true,
  migrateFrom: true,
  moveBack: true,
  takeoverWindow: true,
}

/** Checks the options as express-session does: what it takes is taken, what it throws is thrown, and what does harm there
 * is warned of once. What is new is checked as all of ours are. */
export function resolveOptions(given: GivenOptions): ResolvedOptions {
  const { genid, unset, cookie, proxy, ttl, storeTimeout = 5, sessionTtl, subject, context } = given
  if (genid && typeof genid !== 'function') throw new TypeError('genid option must be a function')
  if (unset && unset !== 'destroy' && unset !== 'keep') {
    throw new TypeError('unset option must be "destroy" or "keep"')
  }
  const secrets = resolveSecrets(given.secret)
  checkLifetime('ttl', ttl)
  checkStoreTimeout(storeTimeout)
  checkLifetime('sessionTtl', sessionTtl)
  if (subject !== undefined) checkFunction('subject', subject)
  if (context !== undefined) checkContext(context, subject)
  const store = resolveStore(given.store)
  const isHashed = resolveRecords(given.records, store)
  const move = resolveMove(given, store, isHashed)
  // Sessions that have moved to the upcoming store already keep them.
  if (!isHashed && move === undefined) requireOurs({ sessionTtl, subject })
  warnOfOptions(given)
  const name = nameOf(given)
  return {
    secrets,
    name,
    store,
    isHashed,
    move,
    cookie: resolveCookie(cookie, name),
    genid: genid ? (genid as ResolvedOptions['genid']) : undefined,
    proxy: typeof proxy === 'boolean' ? proxy : undefined,
    rolling: Boolean(given.rolling),
    saveUninitialized: given.saveUninitialized === undefined || Boolean(given.saveUninitialized),
    unsetDestroys: unset === 'destroy',
    ttl,
    storeTimeout,
    sessionTtl,
    subject: subject as ResolvedOptions['subject'],
    context: contextWith(context as ResolvedOptions['context'] | undefined),
  }
}

function checkLifetime(name: string, value: unknown): asserts value is number | undefined {
  if (value !== undefined && !isLifetime(name, value)) throw invalidOption(name, value, lifetimeAccepts)
}

function checkContext(context: unknown, subject: unknown): void {
  checkFunction('context', context)
  if (subject !== undefined) return
  throw new SessionError(
    'INVALID_OPTION',
    'context needs subject: it is recorded when a session becomes the one of a user',
  )
}

function contextWith(given: ResolvedOptions['context'] = contextOfRequest): ResolvedOptions['context'] {
  return (req) => copyContext(given(req))
}

/** An empty name counts as none, as there. */
function nameOf({ name, key }: GivenOptions): string {
  for (const given of [name, key]) if (typeof given === 'string' && given !== '') return given
  return 'connect.sid'
}

function resolveSecrets(secret: unknown): readonly Secret[] | undefined {
  if (Array.isArray(secret)) {
    if (secret.length === 0) throw new TypeError('secret option array must contain one or more strings')
    return Array.from(secret as unknown[], (one, index) => checkSecret(`secret[${index}]`, one))
  }
  return secret ? [checkSecret('secret', secret)] : undefined
}

/** An HMAC takes an empty key, and every client can make its signatures: so an environment variable that is not set must not
 * become one. The message never shows the value. */
function checkSecret(name: string, secret: unknown): Secret {
  if (isSecret(secret)) return keyOf(secret)
  throw new SessionError(
    'INVALID_OPTION',
    `${name} is not a key; give a string or a Buffer that is not empty, and check that the environment variable is set`,
  )
}

function resolveStore(store: unknown): ExpressSessionStore | SessionStore {
  if (store === undefined || store === null || store instanceof MemoryStore || store instanceof OurMemoryStore) {
    if (process.env['NODE_ENV'] === 'production') {
      warnOnce('HOLDFAST_MEMORY_STORE')
    }
    return store ?? new MemoryStore()
  }
  if (isSessionStore(store) || isExpressSessionStore(store)) return store
  throw invalidOption(
    'store',
    store,
    'a store written for express-session (an instance), a MemoryStore or a RedisStore',
  )
}

function resolveRecords(records: unknown, store: object): boolean {
  if (records !== undefined && records !== 'hashed') throw invalidOption('records', records, "'hashed', or nothing")
  if (jsonRecordsOf(store) === undefined) return records === 'hashed' || isSessionStore(store)
  if (records === undefined) return false
  throw new SessionError(
    'INVALID_OPTION',
    "records: 'hashed' contradicts layout: 'express-session' of the RedisStore; remove one of the two",
  )
}

/** Records of express-session's hold neither when a session began nor whose it is. */
function requireOurs(options: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    throw new SessionError(
      'INVALID_OPTION',
      `${name} needs records of our own: give a store of this package, such as RedisStore from "holdfast/redis" without layout, or records: 'hashed'`,
    )
  }
}

function warnOfOptions(given: GivenOptions): void {
  if (given.saveUninitialized === undefined) {
    warnOnce('HOLDFAST_SAVE_UNINITIALIZED')
  }
  if (given.resave === undefined || given.resave) {
    warnOnce('HOLDFAST_RESAVE')
  }
  try {
    checkKeys<GivenOptions>('session options', given, optionKeys)
  } catch (error) {
    if (!(error instanceof SessionError)) throw error
    warnOnce('HOLDFAST_UNKNOWN_OPTION', error.message)
  }
}
