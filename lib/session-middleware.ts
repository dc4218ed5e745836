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
  const sessions = options instanceof SessionManager ? options : new SessionManager(options)
  return Object.assign(sessions.middleware(), { sessions })
}
