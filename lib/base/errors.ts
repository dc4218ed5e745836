import { addressOf } from './guide-address'

/**
 * Every code that a {@link SessionError} can carry. Codes are part of the API: they never change their meaning, messages
 * may. The guide's page "Troubleshooting" says for each when it happens and what to do.
 */
export type SessionErrorCode =
  | 'INVALID_OPTION'
  | 'INVALID_SESSION_ID_LENGTH'
  | 'INVALID_IDLE_TIMEOUT'
  | 'INVALID_RENEW_TIMEOUT'
  | 'OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL_REQUIRED'
  | 'INVALID_OLD_SESSION_AVAILABILITY_TIMEOUT_AFTER_RENEWAL'
  | 'INVALID_ARGUMENT'
  | 'INVALID_SESSION_VALUE'
  | 'SESSION_DESTROYED'
  | 'SESSION_MISUSE'
  | 'SESSION_TOO_LARGE'
  | 'SESSION_MISSING'
  | 'PROXY_NOT_TRUSTED'
  | 'STORE_UNAVAILABLE'
  | 'STORE_TIMEOUT'
  | 'STORE_UNSUPPORTED'
  | 'STORE_CLOSED'
  | 'USER_SESSION_NOT_FOUND'
  | 'USER_SESSION_EXPIRED'
  | 'FORBIDDEN_ACCESS_TO_USER_SESSION_FROM_DIFFERENT_DEVICE'
  | 'CHANNEL_CLOSED'

/**
 * HTTP status that an error asks for; only failures of the backend have one. `SESSION_TOO_LARGE` has none, so that Express
 * responds with 500: 413 would blame the content of the request for what the app has kept, and hide it from the monitoring
 * of server faults.
 */
const statusOfCode: Partial<Record<SessionErrorCode, number>> = {
  STORE_UNAVAILABLE: 503,
  STORE_TIMEOUT: 503,
}

/**
 * The one error class that the package throws, rejects with and hands to `next(err)`.
 *
 * `code` says what happened (see {@link SessionErrorCode}); `status`, and `statusCode` with the same value, is 503 for a
 * store that failed, hung or was away, so that frameworks respond with it (Express and Koa read the first, NestJS, Fastify
 * and restana the second), and absent otherwise; `cause` is the error of the backend where there was one. A message names
 * the option or the operation and the remedy, ends with the address of the guide's section about its code, and never holds an
 * id, a cookie, a secret or session data.
 *
 * @example
 * app.use((err, req, res, next) => {
 *   if (err instanceof SessionError && err.code === 'STORE_UNAVAILABLE') return res.status(503).send('Back in a minute')
 *   next(err)
 * })
 */
export class SessionError extends Error {
  override readonly name = 'SessionError'
  readonly code: SessionErrorCode
  // Declared only: an own property of undefined would show in each log.
  declare readonly status?: number
  declare readonly statusCode?: number
  /** False where there is a status: the message is for the app's operator, not for the client (as `http-errors` has it;
   * NestJS 12 takes the status of an error only with it). */
  declare readonly expose?: boolean

  constructor(code: SessionErrorCode, message: string, options?: { cause?: unknown }) {
    super(withAddress(code, message), options)
    this.code = code
    const status = statusOfCode[code]
    if (status === undefined) return
    this.status = status
    this.statusCode = status
    this.expose = false
  }
}

/** `Session has been destroyed` is the whole message by contract: programs compare it. */
function withAddress(code: SessionErrorCode, message: string): string {
  return code === 'SESSION_DESTROYED' ? message : `${message} (see ${addressOf(code)})`
}
