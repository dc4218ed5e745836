import type { IncomingMessage } from 'node:http'
import { SessionError } from '../base/errors'
import { checkBoolean, checkKeys, checkObject, invalidOption, isPositive, type KeysOf } from '../base/option-check'
import { findByCookie } from '../service/find-by-cookie'
import type { SessionService } from '../service/session-service'
import type { ChannelHub } from './channel-hub'
import { ChannelSession } from './channel-session'
import { type ChannelSocket, linkSocket, type SocketLink } from './channel-socket'
import {
  acceptOrigin,
  type AllowedOrigins,
  checkAllowedOrigins,
  isSecureHandshake,
  originKeys,
  type OriginOptions,
} from './handshake-origin'
import { upgradeRequestOf } from './upgrade-request'

/** Options of `sessions.openChannel`; all have defaults. A wrong one throws `INVALID_OPTION`. */
export interface ChannelOptions extends OriginOptions {
  /** The code with which the socket is closed when its session is over; false leaves it to the app's `onEnd`. Default 4401,
   * by analogy with HTTP's 401; when the manager is closed, 1001 in its place. A socket of Socket.IO is disconnected, which
   * keeps its client from coming back by itself. */
  closeCode?: number | false | undefined
  /** Whether each message of the client is use of the session, as an HTTP request is: the idle timeout counts from it.
   * Default false: a page sends a good deal by itself, and a session that its user has left must end. Pings are never use,
   * nor is the handshake: a page that reconnects is not a user who does something. The absolute deadline never moves. */
  messagesAreActivity?: boolean | undefined
  /** Seconds, at least 1, after which the session is re-read although no notification of it came, so that a lost message is made
   * good; each check comes up to a quarter earlier. Default 30: some 40 store commands a second for 1000 sessions. On an
   * express-session store, where other processes send no notifications, this is how late a channel may be. */
  checkInterval?: number | undefined
}

interface ResolvedChannelOptions {
  readonly allowedOrigins: AllowedOrigins | undefined
  readonly closeCode: number | false
  readonly messagesAreActivity: boolean
  readonly checkInterval: number
}

const keys: KeysOf<ChannelOptions> = {
  ...originKeys,
  closeCode: true,
  messagesAreActivity: true,
  checkInterval: true,
}

/** "Going away", "try again later" (RFC 6455 section 7.4.1 and its registry). */
const goingAway = 1001
const tryAgainLater = 1013
/** "Internal error". */
const internalError = 1011

/** See `SessionManager.openChannel`. */
export async function openChannel<T extends object>(
  service: SessionService,
  hub: ChannelHub,
  socket: ChannelSocket,
  upgradeRequest: object,
  given: ChannelOptions = {},
): Promise<ChannelSession<T> | undefined> {
  const options = resolveChannelOptions(given)
  checkObject('openChannel: the socket', socket, 'a socket of "ws", or of Socket.IO')
  checkObject(
    'openChannel: the upgrade request',
    upgradeRequest,
    'the request that the server passes on with the socket',
  )
  const req = upgradeRequestOf(upgradeRequest)
  if (req === undefined) {
    throw new SessionError(
      'INVALID_ARGUMENT',
      'openChannel: there is no upgrade request; give the one that the server passes on with the socket',
    )
  }
  const link = linkSocket(socket)
  if (link.isClosed()) return undefined
  if (!isAccepted(req, options, link)) {
    link.release()
    return undefined
  }
  link.pause()
  try {
    const { verified } = await findByCookie(service, req, isSecureHandshake)
    const store = verified && (await hub.open(verified, options.checkInterval))
    if (verified === undefined || store === undefined || link.isClosed()) {
      link.release()
      return undefined
    }
    service.use.confirm(verified)
    const channel = new ChannelSession<T>(store, verified.handle, verified.stored.record.subject)
    join(channel, link, options)
    return channel
  } catch (error) {
    link.close(tryAgainLater, 'sessions are not available')
    link.release()
    throw error
  } finally {
    link.resume()
  }
}

/** An app's function that throws must not leave a socket open that nothing will close. */
function isAccepted(req: IncomingMessage, { allowedOrigins }: ResolvedChannelOptions, link: SocketLink): boolean {
  try {
    return acceptOrigin(req, allowedOrigins)
  } catch (error) {
    link.close(internalError, 'the origin could not be checked')
    throw error
  }
}

function join<T extends object>(channel: ChannelSession<T>, link: SocketLink, options: ResolvedChannelOptions): void {
  const { closeCode } = options
  link.onClose(() => channel.close())
  if (options.messagesAreActivity) link.onMessage(() => channel.recordActivity())
  if (closeCode === false) return
  channel.onEnd((reason) => {
    // After the app's own listeners, which may have a word for the client.
    queueMicrotask(() => link.close(reason === 'closed' ? goingAway : closeCode, reason))
  })
}

function resolveChannelOptions(options: ChannelOptions): ResolvedChannelOptions {
  checkKeys<ChannelOptions>('channel options', options, keys)
  const { allowedOrigins, closeCode = 4401, messagesAreActivity = false, checkInterval = 30 } = options
  checkAllowedOrigins(allowedOrigins)
  if (closeCode !== false && !isCloseCode(closeCode)) {
    throw invalidOption('closeCode', closeCode, 'a code from 4000 to 4999, or false')
  }
  checkBoolean('messagesAreActivity', messagesAreActivity)
  if (!isPositive(checkInterval) || checkInterval < 1) {
    throw invalidOption('checkInterval', checkInterval, 'seconds, at least 1')
  }
  return { allowedOrigins, closeCode, messagesAreActivity, checkInterval }
}

/** The codes that are an application's own (RFC 6455 section 7.4.2). */
function isCloseCode(code: unknown): boolean {
  return Number.isInteger(code) && (code as number) >= 4000 && (code as number) <= 4999
}
