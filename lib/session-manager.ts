import type { IncomingMessage, ServerResponse } from 'node:http'
import { SessionError } from './base/errors'
import { checkKeys, checkObject, invalidOption, isLifetime, lifetimeAccepts } from './base/option-check'
import { isSecureRequest } from './base/request'
import { ChannelHub } from './channels/channel-hub'
import type { ChannelSession } from './channels/channel-session'
import type { ChannelSocket } from './channels/channel-socket'
import { acceptOrigin, checkOriginOptions, isSecureHandshake, type OriginOptions } from './channels/handshake-origin'
import { type ChannelOptions, openChannel } from './channels/open-channel'
import { upgradeRequestOf } from './channels/upgrade-request'
import { setSessionCookie } from './hold/response-headers'
import { createMiddleware, type RequestHandler } from './http/middleware'
import { handleNamedBy, handleOfId, mintId } from './id/session-id'
import { findByCookie } from './service/find-by-cookie'
import { resolveOptions } from './service/resolve-options'
import type { SessionOptions } from './service/session-options'
import { SessionService, type VerifiedSession } from './service/session-service'
import { refuseCookie, refusesCookie } from './service/untrusted-proxy'
import { type AnySession, Session, stateOf } from './session/session'
import type { ReadShape } from './session/jsonified'
import { checkChangedSize } from './session/session-size'
import type { DefaultValues, ValueChanges } from './session/session-shape'
import { changesOfValues, checkValues, textsOfFields, toFieldChanges, valuesOfTexts } from './session/fields'
import { StoreBackend } from './users/store-backend'
import { UserSessionManager } from './users/user-session-manager'

/** For `SessionManager.setCookie`. */
export interface SetCookieOptions {
  /** Seconds. Default: `sessionTtl`; none where the option `cookie.persistent` is false. */
  maxAge?: number | undefined
}

/**
 * The sessions of an app, also outside a request: in jobs, sockets, tests, other frameworks. One manager serves one app;
 * `sessionMiddleware()` makes one, and hands it out as `.sessions`.
 *
 * Every method that asks the store rejects with a `SessionError` of code `STORE_UNAVAILABLE` or `STORE_TIMEOUT` when the
 * store fails.
 */
export class SessionManager {
  /** The sessions of a user: list them, end one, end all. The same store and options, the same sessions. */
  readonly users: UserSessionManager
  readonly #service: SessionService
  readonly #channels: ChannelHub

  /** @throws SessionError for wrong options, at once. See `SessionOptions`. */
  constructor(options?: SessionOptions) {
    this.#service = new SessionService(resolveOptions(options))
    this.users = new UserSessionManager(new StoreBackend(this.#service))
    this.#channels = new ChannelHub(this.#service)
  }

  /** A handler for Express, Connect or `node:http` that attaches `req.session`; see `sessionMiddleware`. */
  middleware(): RequestHandler {
    return createMiddleware(this.#service)
  }

  /** The session that the id opens. Unknown, ended, malformed, null: a new session with an id of its own, which is never
   * the one that was asked for. As `req.session` in a request, and `save` keeps what is done to it; but no client is here: a
   * renewal that is due waits for the client's next request, and so do the flash messages, which can be read here. */
  async read(id: string | null): Promise<Session> {
    const verified = await this.#find(id)
    return verified === undefined ? this.#service.fresh() : this.#service.open(verified, 'job')
  }

  /** Stores what changed in a session. Resolves to its id when something was written (it may be a new one: give it to the
   * client, after `regenerateId`), after all saves of it that are under way; `''` when it was destroyed, and null
   * when there was nothing to write or the session has ended meanwhile. Rejects with `INVALID_ARGUMENT` for what is no
   * `Session`. */
  async save(session: AnySession): Promise<string | null> {
    if (!((session as unknown) instanceof Session)) {
      throw new SessionError(
        'INVALID_ARGUMENT',
        'save: the argument is no session; it accepts what read resolved to, or req.session',
      )
    }
    const { destroyed } = session
    const { store } = await this.#service.commit(session, 'open', false)
    if (destroyed) return ''
    return store === 'nothing' || store === 'gone' ? null : (stateOf(session).issuedId ?? session.id)
  }

  /** A new session with these values, stored at once, also when there are none. Resolves to its id. Rejects
   * with `INVALID_ARGUMENT` for what is no object of keys and values (an array, a `Map`, a promise), `INVALID_SESSION_VALUE`
   * for what JSON cannot carry, and `SESSION_TOO_LARGE` for more than `maxBytes`. */
  async create(data: ValueChanges = {}): Promise<string> {
    checkValues('create: data', data)
    const { sessionTtl, idLength, maxBytes } = this.#service.options
    const changes = toFieldChanges(changesOfValues(data))
    checkChangedSize(new Map(), changes, maxBytes)
    const id = mintId(idLength)
    const record = this.#service.newRecord(id, { ttl: sessionTtl })
    await this.#service.store.insert(handleNamedBy(id), { record, fields: changes.set }, this.#service.now)
    return id
  }

  /** The values of a session, or undefined when there is no such session. Flash messages are left for the next request. */
  async get(id: string): Promise<Partial<ReadShape<DefaultValues>> | undefined> {
    return valuesIn(await this.#find(id))
  }

  /** Sets these keys and leaves all others as they are, in one atomic step; `null` and `undefined` remove a key. False when
   * there is no such session. Rejects with `INVALID_SESSION_VALUE` for what JSON cannot carry, and `SESSION_TOO_LARGE`, with
   * nothing of it stored, where the session with these values would take more than `maxBytes`. */
  async update(id: string, data: ValueChanges): Promise<boolean> {
    checkValues('update: data', data)
    const fields = toFieldChanges(changesOfValues(data))
    const verified = await this.#find(id)
    if (verified === undefined) return false
    checkChangedSize(verified.stored.fields, fields, this.#service.options.maxBytes)
    const { epoch } = verified.stored.record
    return (await this.#service.store.change(verified.handle, { epoch, fields }, this.#service.now)) !== 'gone'
  }

  /** Ends the session that the id opens; nothing happens when there is none. With the response, the client's cookie is
   * cleared too, also one that `setCookie` has given it. Rejects with `INVALID_ARGUMENT`, and ends nothing, for a response
   * that is no object. */
  async delete(id: string, res?: ServerResponse): Promise<void> {
    if (res !== undefined) checkObject('delete: the response', res, acceptedResponse)
    const verified = await this.#find(id)
    if (verified !== undefined) await this.#service.delete(verified)
    if (res === undefined) return
    const { cookie, cacheControl } = this.#service.options
    setSessionCookie(res, cookie.clear(secureOf(res)), cacheControl)
  }

  /**
   * Gives a client the cookie of a session that was made with `create`. To be called before the headers are sent. A
   * response has one session cookie: the one that was given last, and before one that the middleware would send.
   *
   * @throws SessionError `INVALID_ARGUMENT` for an id or a response that is none, `INVALID_OPTION` for wrong options,
   *   `PROXY_NOT_TRUSTED` in production when a proxy that the app does not trust says that the client used TLS.
   */
  setCookie(res: ServerResponse, id: string, options: SetCookieOptions = {}): void {
    checkObject('setCookie: the response', res, acceptedResponse)
    if (typeof id !== 'string' || handleOfId(id) === undefined) {
      throw new SessionError(
        'INVALID_ARGUMENT',
        'setCookie: the id is not a session id; pass what sessions.create() resolved to',
      )
    }
    checkKeys<SetCookieOptions>('setCookie options', options, { maxAge: true })
    if (options.maxAge !== undefined && !isLifetime('maxAge', options.maxAge)) {
      throw invalidOption('setCookie: maxAge', options.maxAge, lifetimeAccepts)
    }
    const { cookie, sessionTtl, cacheControl } = this.#service.options
    const { settings } = cookie
    const isSecure = secureOf(res)
    const req = res.req as IncomingMessage | undefined
    // With secure: true the cookie bears the attribute, and the browser refuses it where it must.
    if (!isSecure && settings.secure === 'auto' && req !== undefined && refusesCookie(settings, req)) refuseCookie()
    const maxAge = options.maxAge ?? (settings.persistent ? sessionTtl : undefined)
    setSessionCookie(
      res,
      cookie.write(id, isSecure, maxAge === undefined ? undefined : Math.ceil(maxAge)),
      cacheControl,
    )
  }

  /** The values of the session that the request's cookie names, or undefined. Never creates one, writes nothing. Rejects
   * with `INVALID_ARGUMENT` for what is no object. */
  async fromRequest(req: IncomingMessage): Promise<Partial<ReadShape<DefaultValues>> | undefined> {
    checkObject('fromRequest: the request', req, 'the request that the route, or the server, was given')
    const { verified } = await findByCookie(this.#service, req)
    return valuesIn(verified)
  }

  /**
   * As `fromRequest`, for the request of a WebSocket handshake: the upgrade request itself (`ws`), a Socket.IO socket, or a
   * socket that carries its request as `upgradeReq`. Undefined also for a page of another origin, by the same rule and
   * option as `openChannel`: browsers send cookies with the WebSockets of any page (RFC 6455 section 10.2).
   *
   * @throws SessionError (by rejecting) `INVALID_OPTION`, and `INVALID_ARGUMENT` for what is no object.
   */
  async fromWebSocket(
    socketOrUpgradeRequest: object,
    options: OriginOptions = {},
  ): Promise<Record<string, unknown> | undefined> {
    checkOriginOptions(options)
    const accepted = 'the request of a handshake, or a socket that carries it'
    checkObject('fromWebSocket: the socket or request', socketOrUpgradeRequest, accepted)
    const req = upgradeRequestOf(socketOrUpgradeRequest)
    if (req === undefined || !acceptOrigin(req, options.allowedOrigins)) return undefined
    const { verified } = await findByCookie(this.#service, req, isSecureHandshake)
    return valuesIn(verified)
  }

  /**
   * Opens a channel on the session that the handshake's cookie names: a live view of it, for as long as the socket is open.
   * Undefined when there is no such session, when the page is of another origin (see `allowedOrigins`), or when the socket
   * has closed meanwhile: then close the socket. Never creates a session.
   *
   * The channel sees what HTTP requests, jobs and other channels change, in any process, and learns when the session
   * ends, whatever ended it: within a second, where the store's message arrives, and at the next `checkInterval` at the
   * latest where it is lost. Its socket is then closed with 4401 and one of the words of `ChannelEnd` as the reason. A
   * login and `regenerateId` end the channels of the id from before (`replaced`). So does a renewal by age, when the overlap
   * in which the old id works is over: the page connects again, and its browser sends the new cookie. When the socket closes,
   * nothing of the channel stays.
   *
   * Messages of a `ws` socket that arrive while the store is asked are kept back until the app had its turn to listen.
   *
   * @param socket A socket of `ws`, or of Socket.IO; with the latter, open the channel in the last `io.use`.
   * @param upgradeRequest The request of the handshake. Default: the one that the socket carries, as Socket.IO's do.
   * @throws SessionError (by rejecting) `STORE_UNAVAILABLE` or `STORE_TIMEOUT` when the store fails, after closing the
   *   socket with 1013, "try again later"; `INVALID_ARGUMENT` and `INVALID_OPTION` for what the app got wrong.
   *
   * @example
   * wss.on('connection', (socket, request) => {
   *   follow(socket, request).catch(console.error) // the store may be away
   * })
   * async function follow(socket, request) {
   *   const channel = await sessions.openChannel(socket, request)
   *   if (channel === undefined) return socket.close(4401)
   *   socket.on('message', (text) => channel.update({ draft: String(text) }))
   *   channel.onChange(({ name }) => socket.send(`you are ${name} now`))
   * }
   */
  openChannel<T extends object = Partial<ReadShape<DefaultValues>>>(
    socket: ChannelSocket,
    upgradeRequest: object = socket,
    options?: ChannelOptions,
  ): Promise<ChannelSession<T> | undefined> {
    return openChannel<T>(this.#service, this.#channels, socket, upgradeRequest, options)
  }

  /** Closes the store's timers and connections, and the sockets of channels with 1001. The app's own Redis
   * client stays open: who opened it closes it. */
  async close(): Promise<void> {
    this.#channels.close()
    await this.#service.store.close()
  }

  async #find(id: string | null): Promise<VerifiedSession | undefined> {
    return typeof id === 'string' ? this.#service.find(id) : undefined
  }
}

const acceptedResponse = 'the response that the route, or the server, was given'

/** The response knows its request; a stub of one may not. */
function secureOf(res: ServerResponse): boolean {
  const req = res.req as IncomingMessage | undefined
  return req !== undefined && isSecureRequest(req)
}

function valuesIn(verified: VerifiedSession | undefined): Partial<ReadShape<DefaultValues>> | undefined {
  return verified === undefined ? undefined : valuesOfTexts(textsOfFields(verified.stored.fields))
}
