import type { IncomingMessage } from 'node:http'
import { type Clock, systemClock } from '../base/clock'
import { SessionError } from '../base/errors'
import {
  checkBoolean,
  checkFunction,
  checkKeys,
  checkOneOf,
  checkStoreTimeout,
  describe,
  invalidOption,
  isLifetime,
  isPositive,
  type KeysOf,
  lifetimeAccepts,
} from '../base/option-check'
import { warnOnce } from '../base/warnings'
import { type CookieSettings, SessionCookie } from '../id/session-cookie'
import { defaultSecretBytes, maxSecretBytes, minSecretBytes } from '../id/session-id'
import type { Timeouts } from '../session/lifetime'
import type { UserSessionOperationContext } from '../session/session-shape'
import type { SessionStore } from '../session/store'
import type { ReadUserSessionHook, RenewSessionHooks } from '../session/user-session-types'
import { adaptExpressSessionStore, isExpressSessionStore } from '../stores/express-session/express-session-store'
import { jsonRecordsOf, needsExpressSession } from '../stores/json-records'
import { MemoryStore } from '../stores/memory-store'
import type { CookieOptions, SessionOptions, TimeoutOptions } from './session-options'

/** The options that do not depend on how an id reaches the client. */
export interface ResolvedRules {
  readonly sessionTtl: number
  readonly timeouts: Timeouts
  readonly idLength: number
  readonly storeTimeout: number
  readonly maxBytes: number
  readonly readUserSessionHook: ReadUserSessionHook | undefined
  readonly renewSessionHooks: RenewSessionHooks
  readonly clock: Clock
}

export interface ResolvedSessionOptions extends ResolvedRules {
  readonly store: SessionStore
  readonly cookie: SessionCookie
  readonly context: (req: IncomingMessage) => UserSessionOperationContext
  readonly cacheControl: 'no-store' | 'private' | false
  readonly vary: boolean
}

const defaults = {
  sessionTtl: 86_400,
  storeTimeout: 5,
  maxBytes: 65_536,
  cacheControl: 'no-store',
  vary: true,
  cookie: {
    name: undefined,
    path: '/',
    domain: undefined,
    httpOnly: true,
    sameSite: 'lax',
    partitioned: false,
    priority: undefined,
    persistent: true,
  } satisfies Omit<CookieSettings, 'secure'>,
} as const

const cacheChoices: readonly unknown[] = ['no-store', 'private', false]

const optionKeys: KeysOf<SessionOptions> = {
  store: true,
  secret: true,
  cookie: true,
  sessionTtl: true,
  timeouts: true,
  idLength: true,
  storeTimeout: true,
  maxBytes: true,
  cacheControl: true,
  vary: true,
  context: true,
  readUserSessionHook: true,
  renewSessionHooks: true,
  clock: true,
}

const cookieKeys: KeysOf<CookieOptions> = {
  name: true,
  path: true,
  domain: true,
  secure: true,
  httpOnly: true,
  sameSite: true,
  partitioned: true,
  priority: true,
  persistent: true,
}

const timeoutKeys: KeysOf<TimeoutOptions> = { idle: true, renewal: true, oldSessionAvailabilityAfterRenewal: true }

const hookKeys: KeysOf<RenewSessionHooks> = {
  onRenewMadeAlreadyFromCurrentProcess: true,
  onRenewMadeAlreadyFromAnotherProcess: true,
  onOldSessionDeleteFailure: true,
}

/** Checks every option and fills in the defaults. Copies; changes nothing in what it was given; `undefined` is absent, but
 * for `secret` and `store`: an environment variable that is not set must not switch signing off, nor keep the sessions of a
 * shop in memory. */
export function resolveOptions(options: SessionOptions = {}): ResolvedSessionOptions {
  checkKeys<SessionOptions>('session options', options, optionKeys)
  refuseUndefined(options, 'secret', 'leave it out for cookies without a signature')
  refuseUndefined(options, 'store', 'leave it out for a MemoryStore')
  const { context = contextOfRequest, cacheControl = defaults.cacheControl, vary = defaults.vary } = options
  checkFunction('context', context)
  checkBoolean('vary', vary)
  if (!cacheChoices.includes(cacheControl)) {
    throw invalidOption('cacheControl', cacheControl, "'no-store', 'private' or false")
  }
  const rules = resolveRules(options)
  return {
    ...rules,
    context,
    cacheControl,
    vary,
    cookie: resolveCookie(options.cookie, options.secret),
    store: resolveStore(options.store, rules),
  }
}

function refuseUndefined(options: SessionOptions, name: 'secret' | 'store', remedy: string): void {
  if (!Object.hasOwn(options, name) || options[name] !== undefined) return
  throw new SessionError(
    'INVALID_OPTION',
    `${name} is given, and is undefined: the value that it was read from (an environment variable?) is not set; ${remedy}`,
  )
}

/** As `resolveOptions`, for the options that a `UserSessionManager` has as well. */
export function resolveRules(options: Pick<SessionOptions, keyof ResolvedRules>): ResolvedRules {
  const { sessionTtl = defaults.sessionTtl, storeTimeout = defaults.storeTimeout, clock = systemClock } = options
  if (!isLifetime('sessionTtl', sessionTtl)) throw invalidOption('sessionTtl', sessionTtl, lifetimeAccepts)
  checkStoreTimeout(storeTimeout)
  checkFunction('clock', clock)
  const { readUserSessionHook } = options
  if (readUserSessionHook !== undefined) checkFunction('readUserSessionHook', readUserSessionHook)
  return {
    sessionTtl,
    timeouts: resolveTimeouts(options.timeouts, sessionTtl),
    idLength: resolveIdLength(options.idLength),
    storeTimeout,
    maxBytes: resolveMaxBytes(options.maxBytes),
    readUserSessionHook,
    renewSessionHooks: resolveHooks(options.renewSessionHooks),
    clock,
  }
}

function resolveMaxBytes(maxBytes: number = defaults.maxBytes): number {
  if (maxBytes === Infinity || (Number.isSafeInteger(maxBytes) && maxBytes > 0)) return maxBytes
  throw invalidOption('maxBytes', maxBytes, 'a whole number of bytes, at least 1, or Infinity')
}

function resolveIdLength(idLength: number = defaultSecretBytes): number {
  if (Number.isInteger(idLength) && idLength >= minSecretBytes && idLength <= maxSecretBytes) return idLength
  throw new SessionError(
    'INVALID_SESSION_ID_LENGTH',
    `idLength is ${describe(idLength)}; it accepts a whole number of bytes from ${minSecretBytes} to ${maxSecretBytes}`,
  )
}

function resolveTimeouts(timeouts: TimeoutOptions = {}, sessionTtl: number): Timeouts {
  checkKeys<TimeoutOptions>('timeouts', timeouts, timeoutKeys)
  // Plain JavaScript may name one without the other.
  const given: { idle?: number; renewal?: number; oldSessionAvailabilityAfterRenewal?: number } = timeouts as object
  const { idle, renewal, oldSessionAvailabilityAfterRenewal: overlap } = given
  if (idle !== undefined && !(isPositive(idle) && idle < sessionTtl)) {
    throw new SessionError(
      'INVALID_IDLE_TIMEOUT',
      `timeouts.idle is ${describe(idle)}; it accepts seconds greater than 0 and less than sessionTtl (${sessionTtl})`,
    )
  }
  if (renewal !== undefined && !(isPositive(renewal) && renewal < sessionTtl)) {
    throw new SessionError(
      'INVALID_RENEW_TIMEOUT',
      `timeouts.renewal is ${describe(renewal)}; it accepts seconds greater than 0 and less than sessionTtl (${sessionTtl})`,
    )
  }
  if (renewal !== undefined && overlap === undefined) {
    throw new SessionError(
      'OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL_REQUIRED',
      'timeouts.renewal is set; set timeouts.oldSessionAvailabilityAfterRenewal too, or requests that are under way at a renewal lose their session',
    )
  }
  if (overlap !== undefined && !(isPositive(overlap) && renewal !== undefined && overlap < sessionTtl)) {
    throw new SessionError(
      'INVALID_OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL',
      `timeouts.oldSessionAvailabilityAfterRenewal is ${describe(overlap)}; it accepts, together with timeouts.renewal, seconds greater than 0 and less than sessionTtl (${sessionTtl})`,
    )
  }
  return { idle, renewal, oldSessionAvailabilityAfterRenewal: overlap }
}

function resolveHooks(hooks: RenewSessionHooks = {}): RenewSessionHooks {
  checkKeys<RenewSessionHooks>('renewSessionHooks', hooks, hookKeys)
  for (const [name, hook] of Object.entries(hooks) as [string, unknown][]) {
    if (hook !== undefined) checkFunction(`renewSessionHooks.${name}`, hook)
  }
  return { ...hooks }
}

function resolveStore(store: unknown, rules: { readonly clock: Clock; readonly storeTimeout: number }): SessionStore {
  if (store === undefined || store instanceof MemoryStore) {
    if (isOneOfSeveral()) warnOnce('HOLDFAST_MEMORY_STORE_IN_SEVERAL_PROCESSES')
    else if (process.env['NODE_ENV'] === 'production') warnOnce('HOLDFAST_MEMORY_STORE')
    return store ?? new MemoryStore({ clock: rules.clock })
  }
  if (jsonRecordsOf(store) !== undefined) throw needsExpressSession('store: a RedisStore')
  if (isSessionStore(store)) return store
  if (isExpressSessionStore(store)) return adaptExpressSessionStore(store, { storeTimeout: rules.storeTimeout })
  throw invalidOption(
    'store',
    store,
    'a MemoryStore, a RedisStore, or a store written for express-session (an instance)',
  )
}

/** Only a process that another one has forked can be a worker of a cluster. In all others the module is not loaded, which
 * takes more time than a quarter of this package. */
function isClusterWorker(): boolean {
  if (process.send === undefined) return false
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- at the first use; and `require` gives the cluster itself
  return (require('node:cluster') as { readonly isWorker: boolean }).isWorker
}

/** A worker of Node's cluster, and so of pm2's cluster mode; pm2 numbers its processes in both of its modes. */
function isOneOfSeveral(): boolean {
  return isClusterWorker() || Number(process.env['NODE_APP_INSTANCE']) > 0
}

export function isSessionStore(store: unknown): store is SessionStore {
  if (typeof store !== 'object' || store === null) return false
  const methods = store as Record<'load' | 'insert' | 'change' | 'delete', unknown>
  return [methods.load, methods.insert, methods.change, methods.delete].every((method) => typeof method === 'function')
}

function resolveSecrets(secret: unknown): readonly string[] {
  if (secret === undefined) return []
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  if (secrets.length === 0) throw invalidOption('secret', secret, 'a string, or several with the newest first')
  for (const one of secrets) {
    if (typeof one !== 'string' || one === '') {
      throw invalidOption('secret', one, 'a string that is not empty, or several')
    }
    if (one.length < 16) warnOnce('HOLDFAST_SHORT_SECRET')
  }
  // A copy: an app that empties its array would switch signing off.
  return [...secrets] as string[]
}

const cookieName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/

function resolveCookie(given: CookieOptions = {}, secret: unknown): SessionCookie {
  checkKeys<CookieOptions>('cookie', given, cookieKeys)
  const present = Object.entries(given).filter(([, value]) => value !== undefined)
  const secure = resolveSecure(given)
  const settings = { ...defaults.cookie, ...(Object.fromEntries(present) as Partial<CookieSettings>), secure }
  const { name, path, domain, httpOnly, sameSite, partitioned, priority, persistent } = settings
  if (name !== undefined && !(typeof name === 'string' && cookieName.test(name))) {
    throw invalidOption('cookie.name', name, "a token of RFC 6265: letters, digits and !#$%&'*+-.^_`|~")
  }
  if (typeof path !== 'string' || !path.startsWith('/')) {
    throw invalidOption('cookie.path', path, 'a path that begins with "/"')
  }
  if (domain !== undefined && typeof domain !== 'string') throw invalidOption('cookie.domain', domain, 'a domain name')
  checkBoolean('cookie.httpOnly', httpOnly)
  checkBoolean('cookie.partitioned', partitioned)
  checkBoolean('cookie.persistent', persistent)
  checkOneOf('cookie.sameSite', sameSite, ['lax', 'strict', 'none'])
  if (priority !== undefined) checkOneOf('cookie.priority', priority, ['low', 'medium', 'high'])
  if (sameSite === 'none' && secure !== true) throw needsSecure("cookie.sameSite 'none'")
  if (partitioned && secure !== true) throw needsSecure('cookie.partitioned')
  if (name !== undefined && /^__host-/i.test(name) && (domain !== undefined || path !== '/')) {
    throw new SessionError(
      'INVALID_OPTION',
      'cookie.name begins with __Host-: browsers accept that only without cookie.domain and with cookie.path "/"; use __Secure- or drop them',
    )
  }
  const cookie = new SessionCookie(settings, resolveSecrets(secret))
  try {
    cookie.clear(true)
  } catch (cause) {
    throw new SessionError(
      'INVALID_OPTION',
      'cookie.path or cookie.domain cannot stand in a Set-Cookie header; see cause',
      { cause },
    )
  }
  return cookie
}

/** A name with a prefix is only accepted together with `Secure`, so it decides what `'auto'` means. */
function resolveSecure({ name, secure = 'auto' }: CookieOptions): boolean | 'auto' {
  if (secure !== 'auto' && typeof secure !== 'boolean') {
    throw invalidOption('cookie.secure', secure, "true, false or 'auto'")
  }
  if (name === undefined || !/^__(host|secure)-/i.test(name)) return secure
  if (secure === false) throw needsSecure('a cookie.name that begins with __Host- or __Secure-')
  return true
}

function needsSecure(what: string): SessionError {
  return new SessionError('INVALID_OPTION', `${what} requires cookie.secure: true, or browsers refuse the cookie`)
}

/** From where a request comes, unless the app says. */
export function contextOfRequest(req: IncomingMessage): UserSessionOperationContext {
  const { ip } = req as { ip?: unknown }
  // A stub of a request may have no socket.
  const socket = req.socket as IncomingMessage['socket'] | undefined
  return { ip: typeof ip === 'string' ? ip : (socket?.remoteAddress ?? '') }
}
