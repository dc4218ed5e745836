import { SessionError } from './base/errors'
import type { RequestHandler } from './http/middleware'
import type { SessionOptions } from './service/session-options'
import { SessionManager } from './session-manager'

/**
 * Session middleware: `app.use(sessionMiddleware())`.
 *
 * Loads the session that the cookie names, attaches it as `req.session`, and stores what changed before a byte of the
 * response leaves. A failing store goes to `next(error)` with `error.status` 503. Mounted twice, the first one serves.
 *
 * @param options See `SessionOptions`; all have defaults. Or a `SessionManager`, to share its sessions.
 * @throws SessionError for wrong options, at once.
 */
export function sessionMiddleware(
  options?: SessionOptions | SessionManager,
): RequestHandler & { readonly sessions: SessionManager } {
  if (arguments.length > 1) throw forgottenCall()
  const sessions = options instanceof SessionManager ? options : new SessionManager(options)
  return Object.assign(sessions.middleware(), { sessions })
}

/** What Express sees of `app.use(sessionMiddleware)`, at each request. */
function forgottenCall(): SessionError {
  return new SessionError(
    'SESSION_MISUSE',
    'sessionMiddleware was given to the app without being called: write app.use(sessionMiddleware())',
  )
}
